//! Which part may use which, checked against the sources: `http` → `domain` ← `storage`, and verifying tokens needs
//! neither a web server nor a private key.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a part must not name.
struct Rule {
    part: &'static str,
    /// Other crates; `actix` covers `actix_web` and its kin.
    crates: &'static [&'static str],
    /// Modules of its own crate.
    modules: &'static [&'static str],
    /// Parts of other names.
    words: &'static [&'static str],
}

const RULES: [Rule; 6] = [
    Rule {
        part: "auth-service/src/domain",
        crates: &["actix", "redis", "sqlx"],
        modules: &["http", "storage", "app", "config"],
        words: &[],
    },
    Rule { part: "auth-service/src/storage", crates: &["actix"], modules: &["http", "app", "config"], words: &[] },
    Rule { part: "auth-service/src/http", crates: &["redis", "sqlx"], modules: &["storage", "app"], words: &[] },
    verification("shared/src/access_token"),
    verification("shared/src/ids.rs"),
    verification("shared/src/clock.rs"),
];

const fn verification(part: &'static str) -> Rule {
    Rule {
        part,
        crates: &["actix", "redis", "sqlx", "rsa", "auth_service", "resource_service"],
        modules: &["guard", "server"],
        words: &["PrivateKey", "KeyPair", "EncodingKey"],
    }
}

#[test]
fn every_part_uses_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is around the service");
    let mut broken = Vec::new();
    for rule in &RULES {
        let sources = sources(&root.join(rule.part));
        assert!(!sources.is_empty(), "{} has moved: tell this test where to", rule.part);
        for path in sources {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let named = paths(&text).into_iter().filter(|named| rule.forbids(named));
            broken.extend(named.map(|named| format!("{} names {}", path.display(), named.join("::"))));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_forbidden_name_is_found_however_it_is_written() {
    let domain = &RULES[0];
    let forbidden = |source: &str| paths(source).iter().any(|named| domain.forbids(named));
    for source in [
        "use sqlx::query;",
        "use {serde_json, actix_web::web};",
        "use crate::{domain::Auth, storage::{redis::RedisStores, sql::Sql}};",
        "use super::super::http;",
        "fn f() { crate::app::serve(); }",
        "fn f() -> actix_web::HttpResponse { todo() }",
    ] {
        assert!(forbidden(source), "{source}");
    }
    for source in ["// use sqlx::query;", "use super::sessions;", "use crate::domain::http_name;", "let app = redis();"]
    {
        assert!(!forbidden(source), "{source}");
    }
}

impl Rule {
    fn forbids(&self, named: &[&str]) -> bool {
        let own = named.iter().take_while(|name| ["crate", "super", "self"].contains(name)).count();
        let first = named.get(own).copied().unwrap_or_default();
        let is_kin = |name: &&str| first == *name || (*name == "actix" && first.starts_with("actix_"));
        let is_forbidden = if own > 0 { self.modules.contains(&first) } else { self.crates.iter().any(is_kin) };
        is_forbidden || named.iter().any(|name| self.words.iter().any(|word| name.contains(word)))
    }
}

fn sources(part: &Path) -> Vec<PathBuf> {
    if part.is_file() {
        return vec![part.to_owned()];
    }
    let entries = fs::read_dir(part).into_iter().flatten().map(|entry| entry.expect("a readable directory").path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut sources: Vec<_> =
        files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    sources.extend(directories.iter().flat_map(|directory| self::sources(directory)));
    sources
}

/// All paths of two names or more in the code of a source, `use` groups written out.
fn paths(source: &str) -> Vec<Vec<&str>> {
    let mut paths = Vec::new();
    // What is to be continued in each open brace: nothing, but in a `use` group.
    let mut prefixes: Vec<Vec<&str>> = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let mut is_continued = false;
    for token in source.lines().flat_map(tokens) {
        let continues = std::mem::replace(&mut is_continued, token == "::");
        if token == "::" {
            continue;
        }
        if continues && token == "{" {
            prefixes.push(std::mem::take(&mut path));
            continue;
        }
        if !continues {
            paths.push(std::mem::take(&mut path));
        }
        match token {
            "{" => prefixes.push(Vec::new()),
            "}" => drop(prefixes.pop()),
            name if !is_name(name) => {}
            name => {
                if !continues {
                    path = prefixes.last().cloned().unwrap_or_default();
                }
                path.push(name);
            }
        }
    }
    paths.push(path);
    paths.retain(|path| path.len() > 1);
    paths
}

/// The names, the `::` and the other characters of a line before its comment.
fn tokens(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|character| !is_in_name(character)).unwrap_or(rest.len());
        let length = match name {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            length => length,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(is_in_name)
}

fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
