//! The texts of mails. Each kind has a template for its plain text and one for its HTML in each language, built in; those of
//! a folder replace them one by one.

use crate::domain::{
    Language,
    mail::{MailKind, Params},
};
use minijinja::{Environment, UndefinedBehavior, Value};
use shared::files;
use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};
use zeroize::Zeroizing;

macro_rules! in_all_languages {
    ($($name:literal)*) => {
        [$([
            in_all_languages!(@ "en/" $name ".txt"), in_all_languages!(@ "en/" $name ".html"),
            in_all_languages!(@ "uk/" $name ".txt"), in_all_languages!(@ "uk/" $name ".html"),
            in_all_languages!(@ "ru/" $name ".txt"), in_all_languages!(@ "ru/" $name ".html"),
        ]),*]
    };
    (@ $($part:literal)*) => { (concat!($($part),*), include_str!(concat!("templates/", $($part),*))) };
}

const LAYOUT: (&str, &str) = ("layout.html", include_str!("templates/layout.html"));
const BUILT_IN: [[(&str, &str); 6]; 20] = in_all_languages![
    "footer"
    "registration" "already_registered" "invitation" "login_code" "address_verification" "address_change"
    "password_reset" "password_reset_by_admin"
    "password_changed" "address_changed" "second_address_changed"
    "factors_changed" "recovery_code_used" "passkey_changed" "passkey_cloned" "theft_found" "new_device" "account_deleted" "account_disabled"
];

/// What the first line of a plain text begins with.
const SUBJECT: &str = "Subject: ";

/// A mail as its reader sees it. It may hold codes that let somebody in, and so has no `Debug`.
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The plain text, which is complete by itself.
    pub text: Zeroizing<String>,
    /// The HTML.
    pub html: Zeroizing<String>,
}

/// Renders mails. Clones share the templates.
#[derive(Clone)]
pub struct Templates {
    environment: Arc<Environment<'static>>,
    site: String,
}

impl Templates {
    /// The built-in templates, and those of a folder instead of them. `site` is the public URL.
    ///
    /// # Errors
    /// Each template that cannot be read or rendered, and why.
    pub fn load(folder: Option<&Path>, site: &str) -> Result<Self, Vec<String>> {
        let mut sources: BTreeMap<String, String> = BUILT_IN
            .iter()
            .flatten()
            .chain([&LAYOUT])
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        let mut mistakes = Vec::new();
        for (name, text) in folder.map_or_else(|| Ok(Vec::new()), found).map_err(|mistake| vec![mistake])? {
            match text {
                Ok(text) if sources.contains_key(&name) => drop(sources.insert(name, text)),
                Ok(_) => mistakes.push(format!("{name}: there is no such template (docs/mail.md lists them)")),
                Err(error) => mistakes.push(format!("cannot read {name}: {error}")),
            }
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in sources {
            if let Err(error) = environment.add_template_owned(name, text) {
                mistakes.push(explained(&error));
            }
        }
        let templates = Self { environment: Arc::new(environment), site: site.to_owned() };
        if mistakes.is_empty() {
            mistakes = templates.flaws();
        }
        if mistakes.is_empty() { Ok(templates) } else { Err(mistakes) }
    }

    /// What goes wrong with sample data, so that nothing goes wrong later.
    fn flaws(&self) -> Vec<String> {
        let all = MailKind::ALL.iter().flat_map(|kind| Language::ALL.map(|language| (*kind, language)));
        all.filter_map(|(kind, language)| self.render(kind, language, &kind.sample()).err()).collect()
    }

    /// A mail in a language.
    ///
    /// # Errors
    /// What is wrong with its templates, for the operator; never what the mail contains.
    pub fn render(&self, kind: MailKind, language: Language, params: &Params) -> Result<Rendered, String> {
        let name = |ending| format!("{}/{kind}.{ending}", language.code());
        let text = self.filled(&name("txt"), language, params)?;
        let (head, body) = text.split_once('\n').unwrap_or((&text, ""));
        let subject = head.strip_prefix(SUBJECT).map(str::trim).filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| format!("{}: its first line must be `Subject: …`", name("txt")))?;
        if body.trim().is_empty() {
            return Err(format!("{}: it has no text", name("txt")));
        }
        Ok(Rendered {
            subject: subject.to_owned(),
            text: Zeroizing::new(format!("{}\n", body.trim())),
            html: self.filled(&name("html"), language, params)?,
        })
    }

    fn filled(&self, name: &str, language: Language, params: &Params) -> Result<Zeroizing<String>, String> {
        let own = [("site", self.site.as_str()), ("language", language.code())];
        let values = params.iter().chain(own).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let values = Value::from(values.collect::<BTreeMap<String, String>>());
        let template = self.environment.get_template(name).map_err(|error| explained(&error))?;
        template.render(values).map(Zeroizing::new).map_err(|error| explained(&error))
    }
}

/// The name, the line, and what is wrong.
fn explained(error: &minijinja::Error) -> String {
    let place = error.name().map(|name| format!("{name}, line {}: ", error.line().unwrap_or(1))).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{place}{}{detail}", error.kind())
}

/// The templates of a folder, and of the folders in it.
fn found(folder: &Path) -> Result<Vec<(String, io::Result<String>)>, String> {
    let explain = |error: io::Error| format!("cannot read {}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(explain)? {
        let entry = entry.map_err(explain)?;
        // Kubernetes mounts a folder's files once more, in hidden folders.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let below = if path.is_dir() {
            let inside = fs::read_dir(&path).map_err(explain)?;
            inside.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>().map_err(explain)?
        } else {
            vec![path]
        };
        for file in below {
            let is_template = file.extension().is_some_and(|ending| ending == "txt" || ending == "html");
            if let Some(name) = file.strip_prefix(folder).ok().and_then(Path::to_str).filter(|_| is_template) {
                found.push((name.to_owned(), files::read_text(&file)));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mail::FactorChange;
    use std::collections::BTreeSet;

    const SITE: &str = "https://auth.example.com";

    fn built_in() -> Templates {
        Templates::load(None, SITE).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
    }

    fn mistakes(name: &str, text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        Templates::load(Some(folder.path()), SITE).err().unwrap_or_default()
    }

    #[test]
    fn every_kind_has_a_subject_a_text_and_html_with_all_it_needs_in_every_language() {
        for kind in MailKind::ALL {
            for language in Language::ALL {
                let mail = built_in().render(*kind, language, &kind.sample()).unwrap();
                let place = format!("{kind} in {language:?}");
                assert!(!mail.subject.is_empty() && !mail.subject.contains("{{"), "{place}");
                assert!(mail.html.contains(&format!("<html lang=\"{}\">", language.code())), "{place}");
                for body in [&mail.text, &mail.html] {
                    let body = body.replace("&#x2f;", "/").replace("&amp;", "&");
                    assert!(body.contains(SITE), "{place}");
                    let shown = kind.params().iter().filter(|(name, _)| !["ends", "change"].contains(name));
                    assert!(shown.clone().all(|(_, sample)| body.contains(sample)), "{place}: {body}");
                }
            }
        }
    }

    #[test]
    fn every_change_of_factors_is_named_in_words_of_its_own() {
        for language in Language::ALL {
            let texts: Vec<_> = FactorChange::ALL
                .map(|change| {
                    let params = MailKind::FactorsChanged.sample().with("change", change.name());
                    let mail = built_in().render(MailKind::FactorsChanged, language, &params).unwrap();
                    (mail.text.to_string(), mail.html.to_string())
                })
                .into();
            let distinct: BTreeSet<_> = texts.iter().collect();
            assert_eq!(distinct.len(), texts.len(), "{language:?}: {texts:#?}");
            assert!(texts.iter().all(|(text, html)| text.contains(SITE) && html.contains("auth.example.com")));
        }
    }

    #[test]
    fn what_a_mail_contains_is_escaped_in_html() {
        let params = MailKind::PasswordChanged.sample().with("ip", "<script>");
        let mail = built_in().render(MailKind::PasswordChanged, Language::English, &params).unwrap();
        assert!(mail.text.contains("<script>") && !mail.html.contains("<script>"));
    }

    #[test]
    fn a_template_of_the_folder_replaces_the_built_in_one_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("uk")).unwrap();
        fs::write(folder.path().join("uk/password_changed.txt"), "Subject: Інше\n\nТекст {{ at }}").unwrap();
        fs::write(folder.path().join("README.md"), "Not a template.").unwrap();
        fs::create_dir(folder.path().join("..data")).unwrap();
        fs::write(folder.path().join("..data/layout.html"), "{{ nonsense }}").unwrap();
        let templates = Templates::load(Some(folder.path()), SITE).expect("all are right");
        let subject = |language| {
            let kind = MailKind::PasswordChanged;
            templates.render(kind, language, &kind.sample()).expect("all are right").subject
        };
        assert_eq!(subject(Language::Ukrainian), "Інше");
        assert_eq!(subject(Language::English), "Your password was changed");
    }

    #[test]
    fn a_template_that_cannot_be_used_is_named_with_its_line() {
        for (name, text, reason) in [
            ("en/password_changed.txt", "Subject: x\n\n{{ atx }}", "en/password_changed.txt, line 3"),
            ("en/password_changed.txt", "Subject: x\n\n{{ at", "en/password_changed.txt, line 3"),
            ("en/password_changed.txt", "Hello\n\nText", "first line must be `Subject: …`"),
            ("en/password_changed.txt", "Subject: x\n\n", "has no text"),
            ("en/password_change.txt", "Subject: x\n\nText", "there is no such template"),
            ("layout.html", "{% block body %}", "layout.html, line 1"),
        ] {
            let found = mistakes(name, text);
            assert!(found.iter().any(|mistake| mistake.contains(reason)), "{text:?}: {found:#?}");
        }
        assert!(Templates::load(Some(Path::new("/nowhere")), SITE).is_err());
    }
}
