//! What makes the pages an installation's own: a folder with a name, a logo, a colour, links and texts. No style sheet and no HTML, which
//! could make the pages unreadable, or lead people elsewhere.

use super::{embedded::CATALOGUES, file::Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::files;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io,
    path::Path,
};
use url::Url;

/// The most characters of a name.
const MAX_NAME: usize = 60;

/// The largest logo, in bytes.
const MAX_LOGO: u64 = 64 * 1024;

/// The largest radius of corners, in pixels.
const MAX_RADIUS: u8 = 24;

/// The least contrast of text with what is behind it (WCAG 2.2, 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

/// What text and buttons in the accent stand on, in light and in dark: the page and its cards. They are those of `pages.css`.
const BEHIND: [[&str; 2]; 2] = [["#FBFAF8", "#FFFFFF"], ["#141312", "#1D1B19"]];

/// What the text of a button in the accent may be.
const ON_ACCENT: [&str; 2] = ["#FFFFFF", "#0D1F1D"];

/// What a folder says.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    settings: Settings,
    style: Option<String>,
    logo: Option<(&'static str, Vec<u8>)>,
    texts: BTreeMap<&'static str, Value>,
}

/// `brand.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    name: Option<String>,
    privacy: Option<String>,
    terms: Option<String>,
    help: Option<String>,
    accent: Option<Accent>,
    radius: Option<u8>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accent {
    light: String,
    dark: String,
}

impl Brand {
    /// Reads a folder.
    ///
    /// # Errors
    /// Every mistake in it, with the file.
    pub fn load(folder: &Path) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let mut brand = Self::default();
        match files::read_text(&folder.join("brand.toml")) {
            Ok(text) => match toml::from_str(&text) {
                Ok(settings) => brand.settings = settings,
                Err(error) => mistakes.push(format!("brand.toml: {}", error.to_string().trim())),
            },
            Err(error) => mistakes.push(format!("cannot read {}: {error}", folder.join("brand.toml").display())),
        }
        brand.settings.judge(&mut mistakes);
        brand.style = brand.settings.style();
        match logo(folder) {
            Ok(logo) => brand.logo = logo,
            Err(mistake) => mistakes.push(mistake),
        }
        for (language, ours) in CATALOGUES {
            let name = format!("texts/{language}.json");
            match texts(&folder.join(&name), ours) {
                Ok(Some(texts)) => drop(brand.texts.insert(language, texts)),
                Ok(None) => {}
                Err(found) => mistakes.extend(found.into_iter().map(|mistake| format!("{name}: {mistake}"))),
            }
        }
        if mistakes.is_empty() { Ok(brand) } else { Err(mistakes) }
    }

    /// Its assets besides the logo: name and text.
    pub(super) fn style(&self) -> Option<&str> {
        self.style.as_deref()
    }

    /// The logo's name among the assets, and its bytes.
    pub(super) fn logo(&self) -> Option<(&'static str, &[u8])> {
        self.logo.as_ref().map(|(name, bytes)| (*name, bytes.as_slice()))
    }

    /// The texts of a language, with the folder's own in the place of ours.
    pub(super) fn texts(&self, language: &str, mut ours: Value) -> Value {
        if let Some(own) = self.texts.get(language) {
            replace(&mut ours, own);
        }
        ours
    }

    /// What templates and scripts read. `assets` is where the logo is.
    pub(super) fn shown(&self, assets: &str) -> Value {
        let Settings { name, privacy, terms, help, .. } = &self.settings;
        let logo = self.logo().map(|(name, _)| format!("{assets}/{name}"));
        json!({
            "name": name, "privacy": privacy, "terms": terms, "help": help,
            "logo": logo, "css": self.style.is_some(),
        })
    }
}

impl Settings {
    fn judge(&self, mistakes: &mut Vec<String>) {
        if let Some(name) = &self.name
            && (name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control))
        {
            mistakes.push(format!("brand.toml: name: write 1 to {MAX_NAME} characters"));
        }
        for (key, link, schemes) in [
            ("privacy", &self.privacy, &["https", "http"][..]),
            ("terms", &self.terms, &["https", "http"]),
            ("help", &self.help, &["https", "http", "mailto"]),
        ] {
            let is_link = |link: &String| Url::parse(link).is_ok_and(|url| schemes.contains(&url.scheme()));
            if !link.as_ref().is_none_or(is_link) {
                mistakes.push(format!("brand.toml: {key}: write a URL that begins with {}:", schemes.join(": or ")));
            }
        }
        if self.radius.is_some_and(|radius| radius > MAX_RADIUS) {
            mistakes.push(format!("brand.toml: radius: 0 to {MAX_RADIUS} pixels"));
        }
        let Some(Accent { light, dark }) = &self.accent else { return };
        for ((scheme, colour), behind) in [("light", light), ("dark", dark)].into_iter().zip(BEHIND) {
            match luminance(colour) {
                None => mistakes.push(format!("brand.toml: accent.{scheme}: write it as #0B5C56")),
                Some(luminance) => {
                    let least = behind.iter().filter_map(|behind| self::luminance(behind));
                    let least = least.map(|behind| contrast(luminance, behind)).fold(f64::INFINITY, f64::min);
                    if least < LEAST_CONTRAST {
                        mistakes.push(format!(
                            "brand.toml: accent.{scheme}: {colour} has a contrast of {least:.1} with the page, and people need \
                             {LEAST_CONTRAST} to read it: take a {} one",
                            if scheme == "light" { "darker" } else { "lighter" }
                        ));
                    }
                }
            }
        }
    }

    /// A style sheet of our making: nothing of the folder but colours and a number is in it.
    fn style(&self) -> Option<String> {
        let mut style = String::new();
        if let Some(Accent { light, dark }) = &self.accent {
            let [on_light, on_dark] = [on(light)?, on(dark)?];
            let _ = writeln!(
                style,
                "--accent: light-dark({light}, {dark});\n--on-accent: light-dark({on_light}, {on_dark});"
            );
        }
        if let Some(radius) = self.radius {
            let _ = writeln!(style, "--radius: {radius}px;");
        }
        (!style.is_empty()).then(|| format!(":root {{\n{style}}}\n"))
    }
}

/// The colour of text on the accent that is read best.
fn on(accent: &str) -> Option<&'static str> {
    let accent = luminance(accent)?;
    let contrast = |text: &&str| luminance(text).map_or(0.0, |text| contrast(accent, text));
    ON_ACCENT.into_iter().max_by(|one, other| contrast(one).total_cmp(&contrast(other)))
}

/// The relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> Option<f64> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).ok()?) / 255.0;
        Some(if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) })
    };
    Some(0.2126 * channel(0)? + 0.7152 * channel(2)? + 0.0722 * channel(4)?)
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// `logo.svg` or `logo.png`, if there is one.
fn logo(folder: &Path) -> Result<Option<(&'static str, Vec<u8>)>, String> {
    for name in ["logo.svg", "logo.png"] {
        let bytes = match files::read_whole(&folder.join(name), MAX_LOGO) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("cannot read {name}: {error}")),
        };
        let is_image = match Kind::of(name) {
            Kind::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            _ => str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg")),
        };
        return if is_image { Ok(Some((name, bytes))) } else { Err(format!("{name}: it is not such an image")) };
    }
    Ok(None)
}

/// Texts in the place of ours: no other keys, and the same placeholders.
fn texts(path: &Path, ours: &str) -> Result<Option<Value>, Vec<String>> {
    let text = match files::read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(vec![error.to_string()]),
    };
    let own: Value = serde_json::from_str(&text).map_err(|error| vec![error.to_string()])?;
    let ours: Value = serde_json::from_str(ours).map_err(|error| vec![error.to_string()])?;
    let mut mistakes = Vec::new();
    compare(&ours, &own, "", &mut mistakes);
    if mistakes.is_empty() { Ok(Some(own)) } else { Err(mistakes) }
}

fn compare(ours: &Value, own: &Value, place: &str, mistakes: &mut Vec<String>) {
    match (ours, own) {
        (Value::Object(ours), Value::Object(own)) => {
            for (key, own) in own {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                match ours.get(key) {
                    Some(ours) => compare(ours, own, &place, mistakes),
                    None => mistakes.push(format!("{place}: there is no such text")),
                }
            }
        }
        (Value::String(ours), Value::String(own)) => {
            if placeholders(ours) != placeholders(own) {
                let wanted = placeholders(ours).into_iter().collect::<Vec<_>>().join(", ");
                mistakes.push(format!("{place}: it must contain the same placeholders as ours ({wanted})"));
            }
            if own.trim().is_empty() {
                mistakes.push(format!("{place}: it is empty"));
            }
        }
        (Value::Object(_), _) => mistakes.push(format!("{place}: write an object, as ours is")),
        _ => mistakes.push(format!("{place}: write a text, as ours is")),
    }
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

fn replace(ours: &mut Value, own: &Value) {
    match (ours, own) {
        (Value::Object(ours), Value::Object(own)) => {
            for (key, own) in own {
                if let Some(ours) = ours.get_mut(key) {
                    replace(ours, own);
                }
            }
        }
        (ours, own) => *ours = own.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("texts")).unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn mistakes(files: &[(&str, &[u8])]) -> Vec<String> {
        Brand::load(folder(files).path()).err().unwrap_or_default()
    }

    #[test]
    fn a_folder_brings_its_name_logo_colour_links_and_texts() {
        let toml = b"name = \"Example\"\nhelp = \"mailto:help@example.com\"\nradius = 4\n[accent]\nlight = \"#1A4FA3\"\ndark = \"#9CC2FF\"\n";
        let own = "{\"login\": {\"title\": \"Welcome\"}}";
        let folder = folder(&[("brand.toml", toml), ("logo.svg", b"<svg/>"), ("texts/en.json", own.as_bytes())]);
        let brand = Brand::load(folder.path()).expect("all is right");
        let shown = brand.shown("/assets/x");
        assert_eq!((&shown["name"], &shown["logo"]), (&json!("Example"), &json!("/assets/x/logo.svg")));
        assert_eq!((&shown["help"], &shown["css"]), (&json!("mailto:help@example.com"), &json!(true)));
        let style = brand.style().expect("a colour");
        assert!(style.contains("--accent: light-dark(#1A4FA3, #9CC2FF);"), "{style}");
        assert!(
            style.contains("--on-accent: light-dark(#FFFFFF, #0D1F1D);") && style.contains("--radius: 4px;"),
            "{style}"
        );
        let texts = brand.texts("en", json!({ "login": { "title": "Log in", "submit": "Log in" } }));
        assert_eq!(texts, json!({ "login": { "title": "Welcome", "submit": "Log in" } }));
        let bare = Brand::load(self::folder(&[("brand.toml", b"")]).path()).expect("nothing is needed");
        assert_eq!((bare.style(), bare.logo()), (None, None));
    }

    #[test]
    fn every_mistake_of_a_folder_is_named_with_its_file() {
        let large = vec![b' '; 64 * 1024 + 1];
        for (files, reason) in [
            (&[][..], "cannot read"),
            (&[("brand.toml", &b"nme = \"x\""[..])], "brand.toml:"),
            (&[("brand.toml", b"name = \" \"")], "name: write 1 to 60"),
            (&[("brand.toml", b"terms = \"javascript:alert(1)\"")], "terms: write a URL"),
            (&[("brand.toml", b"radius = 99")], "radius: 0 to 24"),
            (&[("brand.toml", b"[accent]\nlight = \"red\"\ndark = \"#9CC2FF\"")], "accent.light: write it as"),
            (
                &[("brand.toml", b"[accent]\nlight = \"#9CC2FF\"\ndark = \"#9CC2FF\"")],
                "accent.light: #9CC2FF has a contrast of 1.7",
            ),
            (&[("brand.toml", b"[accent]\nlight = \"#1A4FA3\"\ndark = \"#1A4FA3\"")], "take a lighter one"),
            (&[("brand.toml", b""), ("logo.png", b"GIF89a")], "logo.png: it is not such an image"),
            (&[("brand.toml", b""), ("logo.svg", &large)], "cannot read logo.svg: it is larger than 65536 bytes"),
            (
                &[("brand.toml", b""), ("texts/uk.json", b"{\"login\": {\"titel\": \"x\"}}")],
                "texts/uk.json: login.titel: there is no such text",
            ),
            (&[("brand.toml", b""), ("texts/uk.json", b"{\"login\": \"x\"}")], "login: write an object"),
            (
                &[("brand.toml", b""), ("texts/ru.json", b"{\"common\": {\"tryingAgainIn\": \"x\"}}")],
                "the same placeholders as ours (time)",
            ),
            (&[("brand.toml", b""), ("texts/ru.json", b"{")], "texts/ru.json: EOF"),
        ] {
            let found = mistakes(files);
            assert!(found.iter().any(|mistake| mistake.contains(reason)), "{reason}: {found:#?}");
        }
    }

    #[test]
    fn what_the_accent_stands_on_is_what_the_style_sheet_says() {
        let style = include_str!("../../../web/pages/pages.css");
        for (name, at) in [("background", 0), ("surface", 1)] {
            let pair = format!("--{name}: light-dark({}, {});", BEHIND[0][at], BEHIND[1][at]);
            assert!(style.contains(&pair), "{pair}");
        }
    }
}
