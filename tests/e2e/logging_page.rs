//! `docs/logging.md` lists every error and warning that the code can log, and nothing else.

use crate::security_page::{sources, workspace};
use std::{collections::BTreeSet, fs};

/// A level and the beginning of a message.
type Line = (String, String);

/// The code of the services and of what they share, without the tests that stand below it.
pub(crate) fn code() -> Vec<String> {
    let parts =
        fs::read_dir(workspace()).expect("the workspace is a directory").map(|part| part.expect("a part").path());
    let directories: Vec<_> = parts
        .filter(|part| !part.ends_with("xtask"))
        .map(|part| part.join("src"))
        .filter(|part| part.is_dir())
        .collect();
    let files = directories.iter().flat_map(|directory| sources(directory));
    let texts = files.map(|path| fs::read_to_string(path).expect("sources are UTF-8"));
    let product = |text: String| text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    texts.map(product).collect()
}

/// What the code logs at a level: the first text of each call, up to what is filled in, without the marks of code.
fn logged(code: &[String], level: &str) -> Vec<String> {
    let call = format!("{}!(", level.to_lowercase());
    let calls = code.iter().flat_map(|text| text.split(call.as_str()).skip(1));
    let messages = calls.filter_map(|rest| rest.split('"').nth(1)).filter_map(|message| message.split('{').next());
    messages.map(|message| message.replace('`', "").trim().to_owned()).collect()
}

/// The rows of the page's tables of errors and warnings.
fn listed() -> Vec<Line> {
    let page = fs::read_to_string(workspace().join("docs/logging.md")).expect("the page is there");
    let rows = page.lines().filter(|line| line.starts_with("| `ERROR` | `") || line.starts_with("| `WARN` | `"));
    rows.map(|row| row.split('`').map(str::to_owned).collect::<Vec<_>>())
        .map(|parts| (parts[1].clone(), parts[3].clone()))
        .collect()
}

#[test]
fn the_page_on_logs_lists_every_error_and_warning_and_no_other() {
    let (code, listed) = (code(), listed());
    assert!(listed.len() > 30, "the page is read wrongly: {listed:#?}");
    let mut unknown = BTreeSet::new();
    for level in ["ERROR", "WARN"] {
        let logged = logged(&code, level);
        let rows: Vec<&str> = listed.iter().filter(|(of, _)| of == level).map(|(_, text)| text.as_str()).collect();
        // Some messages are put together elsewhere: a text of the code begins like them.
        let is_logged = |row: &str| {
            logged.iter().any(|message| message.starts_with(row))
                || code.iter().any(|text| text.contains(&format!("\"{row}")))
        };
        unknown
            .extend(rows.iter().filter(|row| !is_logged(row)).map(|row| format!("{level} listed, not logged: {row}")));
        let is_listed = |message: &str| rows.iter().any(|row| message.starts_with(row));
        let messages = logged.iter().filter(|message| !message.is_empty() && !is_listed(message));
        unknown.extend(messages.map(|message| format!("{level} logged, not listed: {message}")));
    }
    assert!(unknown.is_empty(), "docs/logging.md: {unknown:#?}");
}

#[test]
fn the_page_on_logs_lists_every_event_and_its_alerts_exist() {
    let page = fs::read_to_string(workspace().join("docs/logging.md")).expect("the page is there");
    for action in auth_service::domain::audit::Action::ALL {
        assert!(page.contains(&format!("`{action}`")), "{action} is missing");
    }
    let alerts = fs::read_to_string(workspace().join("docs/monitoring/alerts.yml")).expect("the alerts are there");
    let named = page.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| word.starts_with("Jeton"));
    for name in named {
        assert!(alerts.contains(&format!("- alert: {name}\n")), "there is no alert {name}");
    }
}
