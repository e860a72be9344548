use super::*;
use std::{ffi::OsString, fs};

crate::settings! {
    /// Public API.
    plain AUTH_LISTEN: String = "127.0.0.1:8080", no_blank;
    /// Redis.
    url AUTH_REDIS_URL: String, no_blank;
    /// Root secret.
    secret AUTH_SECRET: String, no_blank;
}

const CATALOG: Catalog = Catalog { prefix: "AUTH_", lists: &[SETTINGS], shown_by: &["doctor"] };

fn no_blank(text: &str) -> Result<String, String> {
    if text.contains(' ') { Err("holds a blank".to_owned()) } else { Ok(text.to_owned()) }
}

fn program() -> Command {
    CATALOG.flags(
        Command::new("auth-service")
            .no_binary_name(true)
            .subcommand(Command::new("doctor"))
            .subcommand(Command::new("keys").subcommand(Command::new("list"))),
    )
}

fn gather(flags_given: &[&str], environment: &[(&str, &str)]) -> Settings {
    let matches = program().get_matches_from(flags_given);
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::gather(CATALOG, &matches, environment)
}

fn mistakes(settings: Settings) -> String {
    settings.get(&AUTH_LISTEN);
    settings.finish(()).map_or_else(|mistakes| mistakes.to_string(), |()| String::new())
}

#[test]
fn a_flag_wins_over_the_variable_and_the_variable_over_the_default() {
    assert_eq!(gather(&[], &[]).get(&AUTH_LISTEN), "127.0.0.1:8080");
    assert_eq!(gather(&[], &[("AUTH_LISTEN", "a")]).get(&AUTH_LISTEN), "a");
    for flags in [&["--listen", "b"][..], &["keys", "list", "--listen", "b"], &["--listen", "b", "doctor"]] {
        assert_eq!(gather(flags, &[("AUTH_LISTEN", "a")]).get(&AUTH_LISTEN), "b", "{flags:?}");
    }
    assert_eq!(gather(&[], &[]).find(&AUTH_REDIS_URL), None);
}

#[test]
fn an_empty_flag_counts_as_not_given_as_an_empty_variable_does() {
    let given = |flags: &[&str], environment: &[(&str, &str)]| gather(flags, environment).get(&AUTH_LISTEN);
    assert_eq!(given(&["--listen", ""], &[]), "127.0.0.1:8080");
    assert_eq!(given(&["--listen="], &[("AUTH_LISTEN", "a")]), "a");
    assert_eq!(given(&[], &[("AUTH_LISTEN", "")]), "127.0.0.1:8080");
    assert_eq!(gather(&["--redis-url", "", "--secret-file", ""], &[]).find(&AUTH_SECRET), None);
}

#[test]
fn settings_are_shown_by_commands_about_them_and_accepted_everywhere() {
    let help = |words: &[&str]| program().try_get_matches_from(words).expect_err("help").to_string();
    assert!(help(&["--help"]).contains("Public API. [default: 127.0.0.1:8080] [env: AUTH_LISTEN]"));
    assert!(help(&["doctor", "--help"]).contains("--redis-url <URL>"));
    assert!(help(&["doctor", "--help"]).contains("--secret-file <FILE>"));
    for hidden in [&["keys", "--help"][..], &["keys", "list", "--help"]] {
        assert!(!help(hidden).contains("--listen"), "{}", help(hidden));
    }
}

#[test]
#[should_panic(expected = "AUTH_LISTEN is in no list of the catalog")]
fn a_setting_that_nobody_could_give_is_a_fault_of_the_program() {
    let none = Catalog { prefix: "AUTH_", lists: &[], shown_by: &[] };
    let matches = none.flags(Command::new("auth-service")).get_matches_from(["auth-service"]);
    Settings::gather(none, &matches, Vec::<(String, String)>::new()).get(&AUTH_LISTEN);
}

#[test]
fn a_misspelt_variable_is_named_with_what_was_meant() {
    assert_eq!(
        mistakes(gather(&[], &[("AUTH_REDIS_ULR", "x")])),
        "AUTH_REDIS_ULR: unknown; did you mean AUTH_REDIS_URL?"
    );
}

#[test]
fn every_mistake_is_reported_at_once() {
    let settings = gather(&[], &[("AUTH_FOO_BAR_BAZ", "x"), ("AUTH_LISTEN", "no where")]);
    assert_eq!(
        mistakes(settings),
        "AUTH_FOO_BAR_BAZ: unknown; `--help` lists the settings\nAUTH_LISTEN: holds a blank"
    );
}

#[test]
fn what_kubernetes_sets_for_a_service_named_auth_is_not_a_mistake() {
    assert_eq!(
        mistakes(gather(&[], &[("AUTH_SERVICE_HOST", "10.0.0.1"), ("AUTH_PORT_8080_TCP_ADDR", "10.0.0.1")])),
        ""
    );
}

#[test]
fn a_secret_comes_from_a_file_without_its_line_end_and_not_from_two_places() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), "hush\n").expect("a written file");
    let path = file.path().to_str().expect("a path in UTF-8");
    assert_eq!(gather(&["--secret-file", path], &[]).find(&AUTH_SECRET).as_deref(), Some("hush"));
    assert_eq!(gather(&[], &[("AUTH_SECRET_FILE", path)]).find(&AUTH_SECRET).as_deref(), Some("hush"));
    assert_eq!(gather(&[], &[("AUTH_REDIS_URL_FILE", path)]).find(&AUTH_REDIS_URL).as_deref(), Some("hush"));
    assert_eq!(
        mistakes(gather(&[], &[("AUTH_SECRET_FILE", path), ("AUTH_SECRET", "hush")])),
        "AUTH_SECRET and AUTH_SECRET_FILE are both set: keep one of them"
    );
}

#[test]
fn a_file_that_makes_no_sense_is_named_with_its_setting_and_what_is_wrong() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let written = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).expect("our own directory");
        path.to_str().expect("a path in UTF-8").to_owned()
    };
    let of = |path: &str| mistakes(gather(&[], &[("AUTH_SECRET_FILE", path)]));
    let marked = written("marked", b"\xEF\xBB\xBFhush\r\n");
    assert_eq!(gather(&[], &[("AUTH_SECRET_FILE", &marked)]).find(&AUTH_SECRET).as_deref(), Some("hush"));
    let (empty, latin) = (written("empty", b"\n"), written("latin", b"fran\xE7ais"));
    assert_eq!(of(&empty), format!("AUTH_SECRET_FILE: {empty} is empty"));
    assert_eq!(of(&latin), format!("AUTH_SECRET_FILE: cannot read {latin}: it is not UTF-8 text"));
    let place = directory.path().to_str().expect("a path in UTF-8");
    assert!(of(place).starts_with(&format!("AUTH_SECRET_FILE: cannot read {place}: it is a directory")));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named_if_it_is_ours_and_ignored_otherwise() {
    use std::os::unix::ffi::OsStringExt as _;
    let matches = program().get_matches_from(Vec::<String>::new());
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let environment = [
        (bytes(b"LS_COLORS"), bytes(b"\xFF")),
        (bytes(b"OTHER_\xFF"), bytes(b"x")),
        (bytes(b"AUTH_SECRET"), bytes(b"hush\xFF")),
        (bytes(b"AUTH_\xFF"), bytes(b"x")),
        (bytes(b"AUTH_LISTEN"), bytes(b"a")),
    ];
    let settings = Settings::gather(CATALOG, &matches, environment);
    assert_eq!(settings.get(&AUTH_LISTEN), "a");
    assert_eq!(
        mistakes(settings),
        "AUTH_SECRET: its value is not UTF-8 text\nAUTH_\u{FFFD}: unknown, and not UTF-8 text"
    );
}
