use super::*;
use crate::domain::{secrets::RootSecret, sessions::ReuseEnds};
use clap::Command;
use std::time::Duration;

fn read(environment: &[(&str, &str)]) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/auth.db", directory.path().display());
    let command = CATALOG.flags(Command::new("auth-service").no_binary_name(true));
    let matches = command.get_matches_from(Vec::<String>::new());
    let given = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment = [("AUTH_DATABASE_URL".to_owned(), database)].into_iter().chain(given);
    Config::read(&matches, environment).map_err(|mistakes| mistakes.to_string())
}

fn refusal(environment: &[(&str, &str)]) -> String {
    read(environment).err().expect("the settings are refused")
}

#[test]
fn the_defaults_are_as_documented() {
    let config = read(&[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.access.ttl, Duration::from_secs(900));
    assert_eq!(config.sessions.rules.replay_window, Duration::from_secs(10));
    assert_eq!(config.sessions.rules.late_retries, crate::domain::sessions::rules::LATE_RETRIES);
    assert_eq!(config.sessions.reuse_ends, ReuseEnds::User);
    assert_eq!(config.site.issuer(), "http://localhost:8080");
    assert_eq!(config.breach_list, BreachList::Off, "nobody is asked unless the settings say so");
}

#[test]
fn every_mistake_is_reported_at_once() {
    let mistakes = refusal(&[
        ("AUTH_REDIS_ULR", "redis://x"),
        ("AUTH_ACCESS_TTL", "2h"),
        ("AUTH_PUBLIC_URL", "https://auth.example.com/path"),
        ("AUTH_ADMIN_EMAIL", "ada@example.com"),
    ]);
    for part in [
        "did you mean AUTH_REDIS_URL?",
        "AUTH_ACCESS_TTL: must be from 1s to 1h",
        "AUTH_PUBLIC_URL: \"https://auth.example.com/path\" must be scheme, host and port only",
        "AUTH_ADMIN_PASSWORD: missing",
    ] {
        assert!(mistakes.contains(part), "{part} is not in\n{mistakes}");
    }
}

#[test]
fn a_passphrase_is_not_a_secret() {
    assert!(refusal(&[("AUTH_SECRET", "MyCompanysSuperSecretProductionKey2026ForJet")]).contains("passphrase"));
    assert!(refusal(&[("AUTH_SECRET", "changeme")]).contains("auth-service secret"));
}

#[test]
fn stores_that_replicas_share_need_a_secret() {
    assert!(refusal(&[("AUTH_REDIS_URL", "redis://127.0.0.1")]).contains("AUTH_SECRET: missing"));
    assert!(refusal(&[("AUTH_DATABASE_URL", "postgres://u:p@h/d")]).contains("AUTH_SECRET: missing"));
}

#[test]
fn a_key_is_published_long_enough_before_it_signs() {
    assert!(refusal(&[("AUTH_JWKS_MAX_AGE", "13h")]).contains("AUTH_KEY_LEAD"));
    assert!(refusal(&[("AUTH_KEY_LIFETIME", "1h")]).contains("AUTH_KEY_LIFETIME"));
    let brief = [("AUTH_JWKS_MAX_AGE", "1s"), ("AUTH_KEY_LEAD", "2s"), ("AUTH_KEY_LIFETIME", "5s")];
    assert!(refusal(&brief).contains("too many keys"));
    let with_brief_tokens = [brief[0], brief[1], brief[2], ("AUTH_ACCESS_TTL", "5s")];
    assert!(read(&with_brief_tokens).is_ok());
    assert!(read(&[("AUTH_KEY_LIFETIME", "0")]).is_ok());
}

#[test]
fn a_duration_beyond_all_bounds_is_refused_by_every_setting() {
    let durations: Vec<&str> =
        CATALOG.settings().filter(|setting| setting.value_name() == "DURATION").map(|setting| setting.name).collect();
    assert!(durations.contains(&"AUTH_KEY_LEAD") && durations.contains(&"AUTH_KEY_LIFETIME"), "{durations:?}");
    for name in durations {
        let mistakes = refusal(&[(name, "18446744073709551615s")]);
        assert!(mistakes.contains(&format!("{name}: must be")), "{mistakes}");
    }
}

/// A file of this many roles, each with two scopes.
fn roles_file(roles: usize) -> tempfile::NamedTempFile {
    let line = |number| format!("role-{number:03} = [\"service-{number:03}:read\", \"service-{number:03}:write\"]\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), (0..roles).map(line).collect::<String>()).unwrap();
    file
}

#[test]
fn roles_that_make_tokens_too_long_for_verifiers_stop_the_start_with_the_sizes() {
    let read_with = |roles: usize, environment: &[(&str, &str)]| {
        let file = roles_file(roles);
        let path = file.path().to_str().unwrap().to_owned();
        read(&[environment, &[("AUTH_ROLES_FILE", &path)]].concat()).err()
    };
    assert_eq!(read_with(60, &[]), None);
    let mistakes = read_with(120, &[]).expect("an admin would have 240 scopes");
    for words in
        ["AUTH_ROLES_FILE: an access token may become ", "at most 8192", "4256 bytes of scopes", "docs/roles.md"]
    {
        assert!(mistakes.contains(words), "{words:?} is not in {mistakes}");
    }
    assert_eq!(mistakes.lines().count(), 1, "{mistakes}");
    let long = format!("https://{}.example.com", "a".repeat(5000));
    assert!(refusal(&[("AUTH_PUBLIC_URL", &long)]).contains("AUTH_PUBLIC_URL: too long"));
}

#[test]
fn processes_that_start_at_once_make_one_secret() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data").join("secret");
    let ids: Vec<String> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| secret_file::read_or_create(&path))).collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap().unwrap_or_else(|mistake| panic!("{mistake}")))
            .map(|secret| KeyRing::new(&secret, None).current().id().to_owned())
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn a_database_url_that_cannot_be_read_is_refused_without_its_password() {
    for url in ["postgres://jeton:hunter2@host:99999/jeton", "postgres://jeton:hunter2@@host:x/jeton", "mysql://x"] {
        let mistakes = refusal(&[("AUTH_DATABASE_URL", url)]);
        assert!(mistakes.contains("AUTH_DATABASE_URL: must be"), "{mistakes}");
        assert!(!mistakes.contains("hunter2"), "{mistakes}");
    }
}

#[test]
fn a_password_that_is_not_percent_encoded_is_recognised_and_not_repeated() {
    for password in
        ["hunter2@x", "hunter2#x", "hunter2/x", "1/hunter2", "1?hunter2", "1#hunter2", "100%hunter2", "%hunter2"]
    {
        for (name, url) in [
            ("AUTH_DATABASE_URL", "postgres://jeton:PASSWORD@host/jeton"),
            ("AUTH_REDIS_URL", "redis://:PASSWORD@host"),
        ] {
            let mistakes = refusal(&[(name, &url.replace("PASSWORD", password))]);
            assert!(mistakes.contains(name) && mistakes.contains("write @ as %40"), "{password}: {mistakes}");
            assert!(!mistakes.contains("hunter2"), "{mistakes}");
        }
    }
    let secret = RootSecret::generate();
    for url in ["postgres://jeton:a%40b%23c@host/jeton?sslmode=require", "postgres:///jeton?host=/run/postgresql"] {
        assert!(read(&[("AUTH_DATABASE_URL", url), ("AUTH_SECRET", &secret)]).is_ok(), "{url}");
    }
}

#[test]
fn an_unknown_parameter_of_a_store_is_named_without_its_value() {
    for (name, url, words) in [
        ("AUTH_DATABASE_URL", "postgres://jeton@host/jeton?pasword=hunter2", "pasword; did you mean password?"),
        ("AUTH_DATABASE_URL", "sqlite://data/auth.db?nonsense=hunter2", "unknown parameter nonsense"),
        ("AUTH_REDIS_URL", "redis://host?pasword=hunter2", "unknown parameter pasword: it takes protocol"),
        ("AUTH_REDIS_URL", "redis+cluster://a,b?protocol=resp3", "takes none"),
        ("AUTH_REDIS_URL", "redis+sentinel://a,b/master?db=1", "takes none"),
    ] {
        let mistakes = refusal(&[(name, url)]);
        assert!(mistakes.contains(name) && mistakes.contains(words), "{url}: {mistakes}");
        assert!(!mistakes.contains("hunter2"), "{mistakes}");
    }
}

#[test]
fn the_secret_lies_beside_the_database_however_its_url_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/with%20space/auth.db", directory.path().display());
    read(&[("AUTH_DATABASE_URL", &url)]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(directory.path().join("with space/secret").is_file());
}

#[test]
fn a_setting_that_makes_no_sense_stops_the_start_with_a_correction() {
    let refused = [
        ("AUTH_ALLOWED_ORIGINS", "https://*.example.com", "wildcard"),
        ("AUTH_ALLOWED_ORIGINS", "https://app.example.com,https://app.example.com/x", "only: https://app.example.com"),
        ("AUTH_ALLOWED_ORIGINS", "https://App.example.com", "as https://app.example.com"),
        ("AUTH_ALLOWED_ORIGINS", "null", "sandboxed"),
        ("AUTH_ALLOWED_ORIGINS", ",", "names no origin"),
        ("AUTH_PUBLIC_URL", "https://auth.example.com/?x", "only: https://auth.example.com"),
        ("AUTH_PUBLIC_URL", "https://auth.example.com/#x", "only: https://auth.example.com"),
        ("AUTH_PUBLIC_URL", "https://ada:x@auth.example.com", "only: https://auth.example.com"),
        ("AUTH_PUBLIC_URL", "https://AUTH.example.com", "as https://auth.example.com"),
        ("AUTH_PUBLIC_URL", "https://auth.example.com:443", "as https://auth.example.com"),
        ("AUTH_PUBLIC_URL", "http://0.0.0.0:8080", "AUTH_LISTEN"),
        ("AUTH_PUBLIC_URL", "http://[::]:8080", "AUTH_LISTEN"),
        ("AUTH_PUBLIC_URL", "https://*.example.com", "wildcard"),
        ("AUTH_PUBLIC_URL", "capacitor://localhost", "https://"),
        ("AUTH_TRUSTED_PROXIES", "10.0.0.1/8", "as 10.0.0.0/8, or as 10.0.0.1/32"),
        ("AUTH_TRUSTED_PROXIES", "fd00::1/8", "as fd00::/8"),
        ("AUTH_TRUSTED_PROXIES", "0.0.0.0/0", "any address"),
        ("AUTH_TRUSTED_PROXIES", "::/0", "any address"),
        ("AUTH_TRUSTED_PROXIES", "0.0.0.0/1, 128.0.0.0/1", "any address"),
        ("AUTH_TRUSTED_PROXIES", "::ffff:10.0.0.0/104", "as 10.0.0.0/8"),
        ("AUTH_TRUSTED_PROXIES", "::ffff:10.0.0.1", "as 10.0.0.1/32"),
        ("AUTH_TRUSTED_PROXIES", "proxy.internal", "neither a network"),
        ("AUTH_TRUSTED_PROXIES", "10.0.0.0/33", "neither a network"),
        ("AUTH_TRUSTED_PROXIES", ",", "names no network"),
        ("AUTH_TRUSTED_PROXIES", "0.0.0.0", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "0.0.0.0/8", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "224.0.0.0/8", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "239.1.2.3", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "255.255.255.255", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "::", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "::/7", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "fe00::/7", "no proxy has"),
        ("AUTH_TRUSTED_PROXIES", "ff02::1", "no proxy has"),
        ("AUTH_CLIENT_ADDRESS_HEADER", "forwarded", "AUTH_TRUSTED_PROXIES"),
        ("AUTH_SESSION_IDLE", "31d", "AUTH_SESSION_MAX"),
        ("AUTH_LIMIT_LOGINS", "4294967295/1s", "up to 1000000"),
        ("AUTH_LIMIT_FAILURES", "1000001/1s", "off or 0"),
        ("AUTH_ADMIN_LISTEN", "127.0.0.1:8080", "AUTH_LISTEN has this address"),
        ("AUTH_ADMIN_LISTEN", "0.0.0.0:8080", "AUTH_LISTEN has this address"),
        ("AUTH_CLIENT_ADDRESS_HEADER", "x-forwarded-host", "cf-connecting-ip"),
        ("AUTH_COOKIE_NAME", "__Host-jeton", "without its prefix"),
        ("AUTH_COOKIE_NAME", "__SECURE-jeton", "without its prefix"),
        ("AUTH_COOKIE_NAME", "a b", "not a cookie name"),
        ("AUTH_COOKIE_NAME", "a=b", "not a cookie name"),
        ("AUTH_COOKIE_NAME", "caf\u{e9}", "not a cookie name"),
        ("AUTH_PASSWORD_MIN", "7", "from 8 to 64"),
        ("AUTH_PASSWORD_MIN", "65", "from 8 to 64"),
        ("AUTH_PASSWORD_POLICY", "owasp", "default or nist"),
        ("AUTH_PASSWORD_WORDS", " ,", "1 to 32 words"),
        ("AUTH_PASSWORD_WORDS", "acme,ab", "\"ab\": a word has 3 to 64 characters"),
        ("AUTH_PASSWORD_WORDS", &"acme,".repeat(33), "1 to 32 words"),
        ("AUTH_BREACHED_PASSWORDS", "hbip", "cannot read it"),
        ("AUTH_BREACHED_PASSWORDS_URL", "https://mirror.example.com/range", "without AUTH_BREACHED_PASSWORDS=hibp"),
    ];
    for (name, value, words) in refused {
        let mistakes = refusal(&[(name, value)]);
        assert!(mistakes.starts_with(name) && mistakes.contains(words), "{name}={value}: {mistakes}");
    }
    let taken = [
        ("AUTH_ALLOWED_ORIGINS", "https://app.example.com/, capacitor://localhost"),
        ("AUTH_PUBLIC_URL", "https://auth.example.com/"),
        ("AUTH_TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7, fd00::/8, ::1"),
        ("AUTH_TRUSTED_PROXIES", "240.0.0.0/8"),
        ("AUTH_SESSION_MAX", "1d"),
        ("AUTH_LIMIT_LOGINS", "1000000/1s"),
        ("AUTH_ADMIN_LISTEN", "127.0.0.2:8080"),
        ("AUTH_COOKIE_NAME", "stage.jeton"),
        ("AUTH_PASSWORD_MIN", "64"),
        ("AUTH_PASSWORD_WORDS", "Acme, Acme Rockets,"),
        ("AUTH_BREACHED_PASSWORDS", "hibp"),
    ];
    for (name, value) in taken {
        assert_eq!(read(&[(name, value)]).err(), None, "{name}={value}");
    }
    let behind_a_proxy = [("AUTH_TRUSTED_PROXIES", "10.0.0.0/8"), ("AUTH_CLIENT_ADDRESS_HEADER", "CF-Connecting-IP")];
    assert_eq!(read(&behind_a_proxy).err(), None);
}

#[test]
fn a_start_that_is_refused_makes_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    let database = format!("sqlite://{}/auth.db", directory.path().display());
    assert!(refusal(&[("AUTH_DATABASE_URL", &database), ("AUTH_ACCESS_TTL", "2h")]).contains("AUTH_ACCESS_TTL"));
    assert!(!secret.exists());
    assert!(read(&[("AUTH_DATABASE_URL", &database)]).is_ok());
    assert!(secret.exists());
    refusal(&[("AUTH_DATABASE_URL", "mysql://x")]);
    assert!(!std::path::Path::new("data/secret").exists(), "nor where the default leads");
}

#[test]
fn nist_asks_for_15_characters_and_contradicts_fewer() {
    let fewest = |environment: &[(&str, &str)]| read(environment).map(|config| config.password_rules.min_chars);
    let nist = ("AUTH_PASSWORD_POLICY", "nist");
    assert_eq!(fewest(&[]), Ok(8));
    assert_eq!(fewest(&[nist]), Ok(15));
    assert_eq!(fewest(&[nist, ("AUTH_PASSWORD_MIN", "20")]), Ok(20));
    assert_eq!(
        fewest(&[nist, ("AUTH_PASSWORD_MIN", "14")]),
        Err("AUTH_PASSWORD_MIN: must be at least 15 with AUTH_PASSWORD_POLICY=nist".to_owned())
    );
}

#[test]
fn the_url_of_a_range_api_that_cannot_be_read_is_not_repeated() {
    for url in ["ftp://ada:hunter2@mirror", "mirror?key=hunter2", "https://mirror/range#hunter2"] {
        let mistakes = refusal(&[("AUTH_BREACHED_PASSWORDS", "hibp"), ("AUTH_BREACHED_PASSWORDS_URL", url)]);
        assert!(mistakes.starts_with("AUTH_BREACHED_PASSWORDS_URL: must be a URL"), "{mistakes}");
        assert!(!mistakes.contains("hunter2"), "{mistakes}");
    }
}
