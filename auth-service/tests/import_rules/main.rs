//! Which part may use which, checked against the sources: `http` → `domain` ← `storage`, and verifying tokens needs
//! neither a web server nor a private key.

mod circles;
mod source;

use source::{paths, sources};
use std::{fs, path::Path};

/// What a part must not name.
struct Rule {
    part: &'static str,
    /// Other crates; `actix` covers `actix_web` and the like.
    crates: &'static [&'static str],
    /// Modules of its own crate.
    modules: &'static [&'static str],
    /// Words that no name may contain.
    words: &'static [&'static str],
}

const RULES: [Rule; 6] = [
    Rule {
        part: "auth-service/src/domain",
        crates: &["actix", "redis", "sqlx"],
        modules: &["http", "storage", "app", "config", "crypto", "doctor", "machine"],
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

/// The rooms of the domain: each may use those before it.
const ROOMS: [&str; 11] = [
    "secrets",
    "passwords",
    "accounts",
    "audit",
    "throttling",
    "keys",
    "sessions",
    "sign_in",
    "admin",
    "my_account",
    "operator",
];

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is around the service")
}

#[test]
fn a_room_of_the_domain_uses_only_those_before_it() {
    let domain = workspace().join("auth-service/src/domain");
    let rank = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut broken = Vec::new();
    for entry in fs::read_dir(&domain).expect("the domain is there").map(|entry| entry.expect("a readable directory")) {
        let name = entry.file_name().into_string().expect("names are UTF-8");
        // What stands beside the rooms is used by all of them, and uses none.
        let own = if entry.path().is_dir() { Some(rank(&name)) } else { None };
        if own == Some(None) && !sources(&entry.path()).is_empty() {
            broken.push(format!("the room {name} has no place in the order"));
        }
        for path in sources(&entry.path()) {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let used = paths(&text).into_iter().filter_map(|named| match named[..] {
                ["crate", "domain", room, ..] => rank(room).map(|rank| (room.to_owned(), rank)),
                _ => None,
            });
            let may_use = |used: usize| own.flatten().is_some_and(|own| used <= own);
            broken.extend(
                used.filter(|(_, used)| !may_use(*used)).map(|(room, _)| format!("{} uses {room}", path.display())),
            );
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for package in ["auth-service"] {
        let circles = circles::of(&workspace().join(package).join("src"));
        assert!(circles.is_empty(), "{package}: {circles:#?}");
    }
}

#[test]
fn every_part_uses_only_what_it_may() {
    let mut broken = Vec::new();
    for rule in &RULES {
        let sources = sources(&workspace().join(rule.part));
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
