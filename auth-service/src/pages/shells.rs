//! Pages as they are before their scripts fill them: one for each page and language.

use super::{
    About, Pages,
    embedded::{CATALOGUES, TEMPLATES},
    file::{File, Kind},
};
use crate::domain::Language;
use minijinja::{Environment, UndefinedBehavior, context, value::Serde};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The texts that every page's script needs.
const COMMON: [&str; 2] = ["common", "errors"];

/// The texts of a language, by section.
type Texts = BTreeMap<String, Value>;

/// Renders every page in every language.
pub fn render(
    about: &About,
    fingerprint: &str,
    sources: &BTreeMap<&str, String>,
) -> Result<BTreeMap<(&'static str, &'static str), File>, String> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in TEMPLATES {
        templates.add_template(name, text).map_err(|error| format!("{name}: {error:#}"))?;
    }
    let languages: Vec<_> = CATALOGUES.iter().map(|(code, _)| json!({ "code": code, "name": name_of(code) })).collect();
    let settings = settings(about);
    let assets = format!("/assets/{fingerprint}");
    let brand = about.brand.as_ref().map_or(Value::Null, |brand| brand.shown(&assets));
    let mut shells = BTreeMap::new();
    for (language, text) in CATALOGUES {
        let wrong = |error: serde_json::Error| format!("{language}.json: {error}");
        let texts: Value = serde_json::from_str(text).map_err(wrong)?;
        let texts = about.brand.as_ref().map_or(texts.clone(), |brand| brand.texts(language, texts));
        let texts: Texts = serde_json::from_value(texts).map_err(wrong)?;
        let is_shown = |page: &&str| *page != Pages::PLAYGROUND || about.playground.is_some();
        for page in Pages::NAMES.into_iter().filter(is_shown).chain([Pages::NOT_FOUND]) {
            let script = script_of(page);
            // The only page that is complete by itself.
            let modules = if page == Pages::NOT_FOUND { Vec::new() } else { modules(script, sources)? };
            let values = context! {
                language, page, script, modules,
                languages => Serde(&languages),
                settings => Serde(&settings),
                t => Serde(&texts),
                // Not escaped: its slashes are no markup.
                assets => minijinja::Value::from_safe_string(assets.clone()),
                brand => Serde(&brand),
                data => data(language, page, &texts, &settings, &brand),
            };
            let template = templates.get_template(&format!("{page}.html")).map_err(|error| error.to_string())?;
            let html = template.render(values).map_err(|error| format!("{page}.html in {language}: {error:#}"))?;
            shells.insert((page, language), File::new(Kind::Html, html.into_bytes()));
        }
    }
    Ok(shells)
}

/// The module that a page begins with.
fn script_of(page: &str) -> &'static str {
    match page {
        "login" => "login.js",
        "register" => "register.js",
        "forgot" => "forgot.js",
        "confirm" => "confirm.js",
        "security" => "security.js",
        "console" => "console.js",
        Pages::PLAYGROUND => "playground.js",
        // `account.js` is the client's.
        _ => "account_page.js",
    }
}

/// The name of a language in that language.
fn name_of(code: &str) -> &'static str {
    match Language::of_tag(code) {
        Some(Language::Ukrainian) => "Українська",
        Some(Language::Russian) => "Русский",
        _ => "English",
    }
}

fn settings(about: &About) -> Value {
    json!({
        "origin": about.origin,
        "returnOrigins": about.return_origins,
        "registration": about.registration,
        "loginCode": about.has_login_codes,
        "passwordMin": about.shortest_password,
        "playground": about.playground.as_ref().map(|playground| json!({
            "resource": playground.resource,
            "replayWindow": playground.replay_window.as_secs_f64(),
            "demoUsers": playground.has_demo_users,
        })),
    })
}

/// What the page's script reads, as text that cannot end the element that it stands in.
fn data(language: &str, page: &str, texts: &Texts, settings: &Value, brand: &Value) -> String {
    let texts: BTreeMap<&str, &Value> =
        COMMON.into_iter().chain([page]).filter_map(|section| Some((section, texts.get(section)?))).collect();
    let data = json!({ "language": language, "texts": texts, "settings": settings, "brand": brand });
    data.to_string().replace('<', "\\u003c")
}

/// The modules that a script needs, itself first, so that the browser fetches all of them at once.
fn modules(script: &str, sources: &BTreeMap<&str, String>) -> Result<Vec<String>, String> {
    let mut found = vec![script.to_owned()];
    let mut next = 0;
    while let Some(name) = found.get(next) {
        let text = sources.get(&**name).ok_or_else(|| format!("{name} is imported, and is not in the binary"))?;
        let imported = text.split(" from './").skip(1).chain(text.split("import './").skip(1));
        for (module, _) in imported.filter_map(|rest| rest.split_once('\'')) {
            if !found.iter().any(|known| known == module) {
                found.push(module.to_owned());
            }
        }
        next += 1;
    }
    Ok(found)
}
