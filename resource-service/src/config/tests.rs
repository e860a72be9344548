//! What settings result in, and which mistakes are reported.

use super::*;
use crate::cli::command;

fn gather(environment: &[(&str, &str)]) -> Result<Config, String> {
    let flags = command().no_binary_name(true).get_matches_from(Vec::<String>::new());
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::gather(&flags, environment).map_err(|mistakes| mistakes.to_string())
}

#[test]
fn no_setting_is_required() {
    let config = gather(&[]).expect("defaults");
    let KeySource::Published { address, snapshot } = config.keys else { panic!("keys are published by default") };
    assert_eq!(address.shown(), "http://localhost:8080/.well-known/jwks.json");
    assert_eq!(snapshot, Some(PathBuf::from("data/jwks.json")));
    assert_eq!(config.database.get_filename(), PathBuf::from("data/books.db"));
}

#[test]
fn the_keys_are_fetched_from_the_issuer_with_or_without_a_trailing_slash() {
    for issuer in ["https://auth.example/tenant", "https://auth.example/tenant/"] {
        let config = gather(&[("RESOURCE_ISSUER", issuer)]).expect("settings");
        let KeySource::Published { address, .. } = config.keys else { panic!("keys are published by default") };
        assert_eq!(address.shown(), "https://auth.example/tenant/.well-known/jwks.json");
        assert_eq!(config.issuer, issuer, "the issuer is compared byte by byte");
    }
}

#[test]
fn a_secret_in_the_address_of_the_keys_is_used_and_never_shown() {
    let url = "https://reader:hunter2@auth.example/jwks.json?key=hunter2";
    let config = gather(&[("RESOURCE_JWKS_URL", url)]).expect("settings");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    let mistakes = gather(&[("RESOURCE_ISSUER", "https://reader:hunter2@auth.example")]).expect_err("refused");
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
}

#[test]
fn keys_have_one_source() {
    let both = [("RESOURCE_JWKS_FILE", "keys.pem"), ("RESOURCE_JWKS_URL", "https://auth.example/jwks")];
    let mistake = "RESOURCE_JWKS_FILE and RESOURCE_JWKS_URL are both set: keep one of them";
    assert_eq!(gather(&both).err().as_deref(), Some(mistake));
    let config = gather(&both[..1]).expect("settings");
    assert_eq!(config.keys, KeySource::Pinned(PathBuf::from("keys.pem")));
}

#[test]
fn the_keys_and_the_books_are_two_files() {
    let mistake = "RESOURCE_JWKS_SNAPSHOT and RESOURCE_DATABASE_URL name the same file: keep them apart";
    let here = std::env::current_dir().expect("a directory").join("data/books.db");
    let here = here.to_str().expect("a path in UTF-8");
    for path in ["data/books.db", "./data//books.db", here] {
        assert_eq!(gather(&[("RESOURCE_JWKS_SNAPSHOT", path)]).err().as_deref(), Some(mistake), "{path}");
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    let place = directory.path().to_str().expect("a path in UTF-8");
    let (snapshot, books) = (
        format!("{place}/../{}/x", directory.path().file_name().and_then(|name| name.to_str()).expect("a name")),
        format!("sqlite://{place}/x"),
    );
    let both = [("RESOURCE_JWKS_SNAPSHOT", &*snapshot), ("RESOURCE_DATABASE_URL", &*books)];
    assert_eq!(gather(&both).err().as_deref(), Some(mistake));
}

#[test]
fn books_need_a_writable_file() {
    let refused = |url| gather(&[("RESOURCE_DATABASE_URL", url)]).expect_err("it is refused");
    for memory in [
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://data/books.db?mode=memory",
        "sqlite://?mode=memory&cache=shared",
        "sqlite:file::memory:",
        "sqlite:",
    ] {
        assert!(refused(memory).contains("would be gone at the next start"), "{memory}");
    }
    for read_only in ["sqlite://books.db?mode=ro", "sqlite://books.db?cache=shared&immutable=1"] {
        assert!(refused(read_only).contains("books must be writable"), "{read_only}");
    }
    for good in ["sqlite://data/books.db", "sqlite:books.db?mode=rw", "sqlite:///var/lib/books.db?mode=rwc"] {
        assert!(gather(&[("RESOURCE_DATABASE_URL", good)]).is_ok(), "{good}");
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let mistakes = gather(&[
        ("RESOURCE_LISTEN", "8081"),
        ("RESOURCE_ISSUER", "auth.example"),
        ("RESOURCE_DATABASE_URL", "postgres://db"),
        ("RESOURCE_ALLOWED_ORIGINS", "https://app.example/path"),
        ("RESOURCE_JWKS_ULR", "x"),
    ]);
    assert_eq!(
        mistakes.err().as_deref(),
        Some(
            "RESOURCE_JWKS_ULR: unknown; did you mean RESOURCE_JWKS_URL?\n\
             RESOURCE_LISTEN: not an address such as 127.0.0.1:8081\n\
             RESOURCE_ISSUER: not a URL such as https://auth.example\n\
             RESOURCE_DATABASE_URL: must be an SQLite file, such as sqlite://data/books.db\n\
             RESOURCE_ALLOWED_ORIGINS: \"https://app.example/path\" must be scheme, host and port only: https://app.example"
        )
    );
}

#[test]
fn the_two_addresses_differ() {
    let both = |public, admin| gather(&[("RESOURCE_LISTEN", public), ("RESOURCE_ADMIN_LISTEN", admin)]);
    for (public, admin) in [("127.0.0.1:8081", "127.0.0.1:8081"), ("0.0.0.0:8081", "127.0.0.1:8081")] {
        let mistake = "RESOURCE_ADMIN_LISTEN: RESOURCE_LISTEN has this address already: give it another port";
        assert_eq!(both(public, admin).err().as_deref(), Some(mistake));
    }
    for (public, admin) in [("127.0.0.1:0", "127.0.0.1:0"), ("127.0.0.1:8081", "127.0.0.2:8081")] {
        assert!(both(public, admin).is_ok(), "{public} {admin}");
    }
}

#[test]
fn the_feed_is_beside_the_keys_unless_it_is_elsewhere_or_off() {
    let feed = |environment: &[(&str, &str)]| {
        let config = gather(environment).expect("settings");
        config.revocations.address.map(|address| address.shown())
    };
    assert_eq!(feed(&[]).as_deref(), Some("http://localhost:8080/revocations"));
    let elsewhere =
        [("RESOURCE_ISSUER", "https://auth.example"), ("RESOURCE_JWKS_URL", "http://auth:8080/.well-known/jwks.json")];
    assert_eq!(feed(&elsewhere).as_deref(), Some("http://auth:8080/revocations"));
    let set = [("RESOURCE_REVOCATIONS_URL", "https://reader:hunter2@cdn.example/feed?key=hunter2")];
    assert_eq!(feed(&set).as_deref(), Some("https://cdn.example/feed"));
    assert!(!format!("{:?}", gather(&set)).contains("hunter2"));
    assert_eq!(feed(&[("RESOURCE_REVOCATIONS_URL", "off")]), None);
    assert_eq!(feed(&[("RESOURCE_JWKS_FILE", "keys.pem")]), None);
}

#[test]
fn scopes_that_need_a_fresh_feed_need_a_feed() {
    let mistake = "RESOURCE_FRESH_SCOPES needs the revocation feed: set RESOURCE_REVOCATIONS_URL to its URL";
    let scopes = ("RESOURCE_FRESH_SCOPES", "users:write books:write");
    for without in [("RESOURCE_REVOCATIONS_URL", "off"), ("RESOURCE_JWKS_FILE", "keys.pem")] {
        assert_eq!(gather(&[scopes, without]).err().as_deref(), Some(mistake));
    }
    assert!(gather(&[scopes]).is_ok() && gather(&[("RESOURCE_FRESH_SCOPES", "*")]).is_ok());
    for wrong in ["a  b", "\"", "ä"] {
        assert!(gather(&[("RESOURCE_FRESH_SCOPES", wrong)]).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_duration_beyond_all_bounds_is_refused_by_every_setting() {
    for setting in CATALOG.settings().filter(|setting| setting.value_name() == "DURATION") {
        let mistakes = gather(&[(setting.name, "18446744073709551615s")]).expect_err("refused");
        let bounds = if setting.name == "RESOURCE_FRESH_WITHIN" { "3s to 10m" } else { "1s to 5m" };
        assert_eq!(mistakes, format!("{}: must be from {bounds}", setting.name));
    }
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let origins = |text| gather(&[("RESOURCE_ALLOWED_ORIGINS", text)]).map(|config| config.allowed_origins);
    let both = vec!["https://app.example".to_owned(), "http://localhost:3000".to_owned()];
    assert_eq!(origins("https://app.example, http://localhost:3000/"), Ok(both));
    for wrong in ["*", "null", "https://APP.example", "https://app.example:443", "ftp://app.example", ","] {
        assert!(origins(wrong).is_err(), "{wrong}");
    }
}
