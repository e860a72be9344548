//! Which part may use which, checked against the sources: `http` → `domain` ← `storage`.

mod circles;

use std::{fs, path::Path};
use testkit::imports::{Rule, paths, sources};

const RULES: [Rule; 6] = [
    Rule {
        part: "auth-service/src/domain",
        crates: &["actix", "lettre", "minijinja", "redis", "reqwest", "sqlx", "xorf"],
        modules: &["http", "storage", "breached_passwords", "app", "config", "crypto", "doctor", "machine", "mailing"],
        words: &[],
    },
    Rule {
        part: "auth-service/src/mailing",
        crates: &["actix", "redis", "sqlx"],
        modules: &["http", "storage", "app", "config"],
        words: &[],
    },
    Rule {
        part: "auth-service/src/pages",
        crates: &["actix", "redis", "reqwest", "sqlx"],
        modules: &["http", "storage", "app", "config", "mailing"],
        words: &[],
    },
    Rule { part: "auth-service/src/storage", crates: &["actix"], modules: &["http", "app", "config"], words: &[] },
    Rule {
        part: "auth-service/src/breached_passwords",
        crates: &["actix", "redis", "sqlx"],
        modules: &["http", "storage", "app", "config"],
        words: &[],
    },
    Rule { part: "auth-service/src/http", crates: &["redis", "sqlx"], modules: &["storage", "app"], words: &[] },
];

/// The rooms of the domain: each may use those before it.
const ROOMS: [&str; 17] = [
    "secrets",
    "passwords",
    "mail",
    "accounts",
    "audit",
    "throttling",
    "proofs",
    "keys",
    "revocations",
    "factors",
    "sessions",
    "passkeys",
    "sign_in",
    "admin",
    "my_account",
    "confirmation",
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
    let packages = ["auth-service", "resource-service", "session-rules", "shared", "verifier", "xtask"];
    let circles = |package: &str| circles::of(&workspace().join(package).join("src"));
    let found: Vec<_> = packages.iter().map(|package| (package, circles(package))).collect();
    assert!(found.iter().all(|(_, circles)| circles.is_empty()), "{found:#?}");
}

#[test]
fn every_part_uses_only_what_it_may() {
    let broken: Vec<String> = RULES.iter().flat_map(Rule::broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_forbidden_name_is_found_however_it_is_written() {
    let domain = &RULES[0];
    for source in [
        "use sqlx::query;",
        "use {serde_json, actix_web::web};",
        "use crate::{domain::Auth, storage::{redis::RedisStores, sql::Sql}};",
        "use super::super::http;",
        "fn f() { crate::app::serve(); }",
        "fn f() -> actix_web::HttpResponse { todo() }",
    ] {
        assert!(domain.is_broken_by(source), "{source}");
    }
    for source in ["// use sqlx::query;", "use super::sessions;", "use crate::domain::http_name;", "let app = redis();"]
    {
        assert!(!domain.is_broken_by(source), "{source}");
    }
}
