use super::{embedded::CATALOGUES, *};
use serde_json::Value;
use std::collections::BTreeSet;

/// The forms of a number that a language has (CLDR): English, Ukrainian and Russian.
const PLURALS: [(&str, &[&str]); 3] =
    [("en", &["one", "other"]), ("uk", &["few", "many", "one", "other"]), ("ru", &["few", "many", "one", "other"])];

fn about() -> About {
    About {
        origin: "https://auth.example.com".to_owned(),
        return_origins: vec!["https://app.example.com/</script>".to_owned()],
        registration: "open",
        has_login_codes: true,
        shortest_password: 8,
        brand: None,
        playground: Some(Playground {
            resource: "http://localhost:8081".to_owned(),
            replay_window: Duration::from_millis(2500),
            has_demo_users: true,
        }),
    }
}

fn catalogue(language: &str) -> Value {
    let (_, text) = CATALOGUES.iter().find(|(code, _)| *code == language).expect("one of ours");
    serde_json::from_str(text).expect("JSON")
}

/// The texts of a catalogue by their keys. What depends on a number is one text.
fn texts(catalogue: &Value) -> BTreeMap<String, &Value> {
    let mut texts = BTreeMap::new();
    let mut open = vec![(String::new(), catalogue)];
    while let Some((key, value)) = open.pop() {
        match value.as_object().filter(|object| !is_plural(object)) {
            Some(section) => open.extend(section.iter().map(|(name, value)| (format!("{key}.{name}"), value))),
            None => drop(texts.insert(key, value)),
        }
    }
    texts
}

fn is_plural(object: &serde_json::Map<String, Value>) -> bool {
    object.contains_key("other")
        && object.values().all(Value::is_string)
        && object.keys().all(|key| ["zero", "one", "two", "few", "many", "other"].contains(&key.as_str()))
}

/// `{name}` and the like.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// The forms of a text: one, or one for each kind of number.
fn forms(text: &Value) -> Vec<&str> {
    match text {
        Value::Object(forms) => forms.values().filter_map(Value::as_str).collect(),
        text => text.as_str().into_iter().collect(),
    }
}

#[test]
fn every_page_is_there_in_every_language() {
    let pages = Pages::load(Some(&about())).expect("templates without mistakes");
    for name in Pages::NAMES.into_iter().chain([Pages::NOT_FOUND]) {
        for language in Language::ALL {
            let file = pages.page(name, language).expect("one for each language");
            let html = std::str::from_utf8(&file.plain).expect("UTF-8");
            assert!(html.contains(&format!("<html lang=\"{}\">", language.code())), "{name}");
            let scripts = html.matches("</script>").count();
            assert_eq!(
                scripts,
                if name == Pages::NOT_FOUND { 0 } else { 3 },
                "{name}: nothing ends the data before its end"
            );
        }
    }
    let client_only = Pages::load(None).expect("nothing to render");
    assert!(client_only.client().is_some() && client_only.asset("login.js").is_none() && !client_only.are_served());
}

#[test]
fn every_language_has_the_same_texts_with_the_same_placeholders() {
    let english = catalogue("en");
    for (language, plurals) in PLURALS {
        let (own, expected) = (catalogue(language), texts(&english));
        let own = texts(&own);
        assert!(own.keys().eq(expected.keys()), "{language}: {:?}", {
            let missing = expected.keys().filter(|key| !own.contains_key(*key)).collect::<Vec<_>>();
            let needless = own.keys().filter(|key| !expected.contains_key(*key)).collect::<Vec<_>>();
            (missing, needless)
        });
        for (key, text) in &own {
            let wanted: BTreeSet<&str> = forms(expected[key]).into_iter().flat_map(placeholders).collect();
            let found: BTreeSet<&str> = forms(text).into_iter().flat_map(placeholders).collect();
            assert_eq!(found, wanted, "{language}{key}");
            assert!(
                !forms(text).is_empty() && forms(text).iter().all(|form| !form.trim().is_empty()),
                "{language}{key}"
            );
            if let Value::Object(forms) = text {
                let found: BTreeSet<&str> = forms.keys().map(String::as_str).collect();
                assert!(found.into_iter().eq(plurals.iter().copied()), "{language}{key}");
            }
        }
    }
}

#[test]
fn every_error_code_has_a_text_in_every_language() {
    let document: Value =
        serde_json::from_str(include_str!("../../../docs/openapi/auth-service.json")).expect("the document is JSON");
    let mut codes = BTreeSet::new();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                codes.extend(object.get("code").and_then(Value::as_str));
                open.extend(object.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(codes.len() > 40, "{codes:?}");
    for (language, _) in CATALOGUES {
        let catalogue = catalogue(language);
        let missing: Vec<_> = codes.iter().filter(|code| catalogue["errors"][**code].is_null()).collect();
        assert!(missing.is_empty(), "{language}: {missing:?}");
    }
}

#[test]
fn every_file_that_is_imported_is_in_the_binary_and_each_is_used() {
    let mut used: BTreeSet<String> = ["mark.svg", "pages.css"].map(str::to_owned).into();
    let pages = Pages::load(Some(&about())).expect("templates without mistakes");
    for name in Pages::NAMES {
        let html = &pages.page(name, Language::English).expect("a page").plain;
        let html = std::str::from_utf8(html).expect("UTF-8").to_owned();
        let prefix = format!("/assets/{}/", pages.fingerprint());
        used.extend(html.split(&prefix).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    // Some are fetched when they are needed.
    let imported = FILES
        .iter()
        .flat_map(|(_, text)| ["import('./", " from './"].into_iter().flat_map(|sign| text.split(sign).skip(1)));
    used.extend(imported.filter_map(|rest| rest.split('\'').next()).map(str::to_owned));
    let unused: Vec<_> = FILES.iter().map(|(name, _)| *name).filter(|name| !used.contains(*name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}
