//! Settings: command-line flags with environment variables, every mistake reported at once.
//!
//! A service lists its [`Setting`]s; from the list come the flags, `--help`, the environment variables, `X_FILE` for
//! secrets, and the check for misspelt variables. [`Settings`] then hands out parsed values and collects what is wrong.

use crate::files;
use clap::{Arg, ArgMatches, Command};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    fmt::{self, Display},
    path::Path,
    str::FromStr,
    time::Duration,
};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable; the flag is derived from it (`AUTH_LISTEN` is `--listen`).
    pub name: &'static str,
    /// What holds when nothing is said.
    pub default: Option<&'static str>,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// How it may be given.
    pub kind: Kind,
}

/// How a setting may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By flag or variable.
    Plain,
    /// May hold a password: by flag or variable, or as the path of a file in `X_FILE`.
    Url,
    /// A secret has no flag, as a command line is public: by variable, or as the path of a file in `X_FILE` or
    /// `--x-file`.
    Secret,
}

impl Setting {
    /// A setting that is neither secret nor may hold a secret.
    #[must_use]
    pub const fn plain(name: &'static str, default: Option<&'static str>, help: &'static str) -> Self {
        Self { name, default, help, kind: Kind::Plain }
    }

    /// A URL with, perhaps, a password in it.
    #[must_use]
    pub const fn url(name: &'static str, default: Option<&'static str>, help: &'static str) -> Self {
        Self { name, default, help, kind: Kind::Url }
    }

    /// A secret.
    #[must_use]
    pub const fn secret(name: &'static str, help: &'static str) -> Self {
        Self { name, default: None, help, kind: Kind::Secret }
    }
}

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

/// Adds a flag for each setting to `command`.
#[must_use]
pub fn flags(command: Command, prefix: &'static str, settings: &'static [Setting]) -> Command {
    settings.iter().fold(command, |command, setting| command.arg(flag(prefix, setting)))
}

fn flag(prefix: &str, setting: &'static Setting) -> Arg {
    let flag = flag_name(prefix, setting.name);
    let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let (id, flag, help) = match setting.kind {
        Kind::Plain => (setting.name.to_owned(), flag, format!("[env: {}]", setting.name)),
        Kind::Url => (setting.name.to_owned(), flag, format!("[env: {0}, or a file: {0}_FILE]", setting.name)),
        Kind::Secret => {
            let source = format!("Path of a file that holds it [env: {0}_FILE, or itself: {0}]", setting.name);
            (file_name(setting.name), format!("{flag}-file"), source)
        }
    };
    let value = setting.name.rsplit('_').next().unwrap_or("VALUE");
    Arg::new(id).long(flag).help(format!("{}{default} {help}", setting.help)).value_name(value).global(true)
}

fn flag_name(prefix: &str, name: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', "-")
}

fn file_name(name: &str) -> String {
    format!("{name}_FILE")
}

/// The values given for a list of settings.
pub struct Settings {
    values: BTreeMap<&'static str, String>,
    mistakes: RefCell<Vec<String>>,
}

impl Settings {
    /// Gathers what was given: a flag wins over the variable, the variable over the default. Variables with `prefix`
    /// that no setting has are mistakes (but not those that Kubernetes sets for a service of that name).
    #[must_use]
    pub fn gather(
        prefix: &str,
        settings: &'static [Setting],
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        let mut mistakes = Vec::new();
        let environment = texts(prefix, environment, &mut mistakes);
        let mut values = BTreeMap::new();
        for setting in settings {
            match value_of(setting, flags, &environment) {
                Ok(Some(value)) => drop(values.insert(setting.name, value)),
                Ok(None) => {}
                Err(mistake) => mistakes.push(mistake),
            }
        }
        let known: Vec<String> = settings
            .iter()
            .flat_map(|setting| {
                [Some(setting.name.to_owned()), (setting.kind != Kind::Plain).then(|| file_name(setting.name))]
            })
            .flatten()
            .collect();
        mistakes.extend(
            environment
                .keys()
                .filter(|name| !known.contains(name) && !is_set_by_kubernetes(name))
                .map(|name| unknown(name, &known)),
        );
        Self { values, mistakes: RefCell::new(mistakes) }
    }

    /// The text of a setting, if it was given or has a default.
    #[must_use]
    pub fn text(&self, name: &'static str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Parses a setting that may be absent. A mistake is remembered and reads as absent.
    pub fn optional<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.text(name)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.mistake(format!("{name}: {reason}"));
                None
            }
        }
    }

    /// Parses a setting that has a default. A mistake is remembered and `stand_in` used, until [`Settings::finish`]
    /// refuses the whole.
    pub fn required<T>(&self, name: &'static str, stand_in: T, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        self.optional(name, parse).unwrap_or(stand_in)
    }

    /// Remembers a mistake, such as two settings that contradict each other.
    pub fn mistake(&self, mistake: impl Into<String>) {
        self.mistakes.borrow_mut().push(mistake.into());
    }

    /// The value, if nothing was wrong.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn finish<T>(self, value: T) -> Result<T, Mistakes> {
        let mistakes = self.mistakes.into_inner();
        if mistakes.is_empty() { Ok(value) } else { Err(Mistakes(mistakes)) }
    }
}

/// The variables that are ours. Those of others need not even be text.
fn texts(
    prefix: &str,
    environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    mistakes: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, value) in environment {
        let (name, value) = (name.into(), value.into());
        if !name.as_encoded_bytes().starts_with(prefix.as_bytes()) || value.is_empty() {
            continue;
        }
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => drop(texts.insert(name, value)),
            (Ok(name), Err(_)) => mistakes.push(format!("{name}: its value is not UTF-8 text")),
            (Err(name), _) => mistakes.push(format!("{}: unknown, and not UTF-8 text", name.to_string_lossy())),
        }
    }
    texts
}

fn value_of(
    setting: &Setting,
    flags: &ArgMatches,
    environment: &BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    let name = setting.name;
    let file = file_name(name);
    let flag = |id: &str| flags.try_get_one::<String>(id).ok().flatten();
    if let Some(value) = flag(name) {
        return Ok(Some(value.clone()));
    }
    if setting.kind == Kind::Plain {
        return Ok(environment.get(name).cloned().or_else(|| setting.default.map(str::to_owned)));
    }
    match (environment.get(name), flag(&file).or_else(|| environment.get(&file))) {
        (Some(_), Some(_)) => Err(format!("{name} and {file} are both set: keep one of them")),
        (Some(value), None) => Ok(Some(value.clone())),
        (None, Some(path)) => from_file(&file, path).map(Some),
        (None, None) => Ok(setting.default.map(str::to_owned)),
    }
}

/// What an empty file should mean is not guessed: as a variable that is empty counts as not given, a secret would be replaced.
fn from_file(setting: &str, path: &str) -> Result<String, String> {
    let text = files::read_text(Path::new(path)).map_err(|error| format!("{setting}: cannot read {path}: {error}"))?;
    if text.is_empty() {
        return Err(format!("{setting}: {path} is empty"));
    }
    files::warn_if_for_everybody(setting, Path::new(path));
    Ok(text)
}

/// Kubernetes gives every pod `AUTH_PORT`, `AUTH_SERVICE_HOST`, `AUTH_PORT_8080_TCP_ADDR`, … of a service named `auth`.
fn is_set_by_kubernetes(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_PORT")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"))
}

fn unknown(name: &str, known: &[String]) -> String {
    let nearest = known.iter().min_by_key(|other| strsim::damerau_levenshtein(name, other));
    match nearest.filter(|other| strsim::damerau_levenshtein(name, other) <= 3) {
        Some(other) => format!("{name}: unknown; did you mean {other}?"),
        None => format!("{name}: unknown; `--help` lists the settings"),
    }
}

/// Reads a duration such as `10s`, `15m`, `7d`; `0` is none at all.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "not a duration: write it as 10s, 15m or 7d".to_owned())
}

/// Reads a duration within bounds.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn duration_within(min: &'static str, max: &'static str) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let value = duration(text)?;
        let bounds = duration(min)?..=duration(max)?;
        if bounds.contains(&value) { Ok(value) } else { Err(format!("must be from {min} to {max}")) }
    }
}

/// Reads anything that parses, with one sentence for when it does not.
pub fn parsed<T: FromStr>(wanted: &'static str) -> impl Fn(&str) -> Result<T, String> {
    move |text| text.parse().map_err(|_| format!("not {wanted}"))
}

/// Reads a number within bounds.
///
/// # Errors
/// What would be right.
pub fn number_within(min: usize, max: usize) -> impl Fn(&str) -> Result<usize, String> {
    move |text| {
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| format!("must be a number from {min} to {max}"))
    }
}

/// Reads a switch.
///
/// # Errors
/// What would be right.
pub fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LIST: &[Setting] = &[
        Setting::plain("AUTH_LISTEN", Some("127.0.0.1:8080"), "Public API."),
        Setting::url("AUTH_REDIS_URL", None, "Redis."),
        Setting::secret("AUTH_SECRET", "Root secret."),
    ];

    fn gather(flags_given: &[&str], environment: &[(&str, &str)]) -> Settings {
        let command = flags(Command::new("auth-service").no_binary_name(true), "AUTH_", LIST);
        let matches = command.get_matches_from(flags_given);
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::gather("AUTH_", LIST, &matches, environment)
    }

    fn mistakes(settings: Settings) -> String {
        settings.finish(()).map_or_else(|mistakes| mistakes.to_string(), |()| String::new())
    }

    #[test]
    fn a_flag_wins_over_the_variable_and_the_variable_over_the_default() {
        assert_eq!(gather(&[], &[]).text("AUTH_LISTEN"), Some("127.0.0.1:8080"));
        assert_eq!(gather(&[], &[("AUTH_LISTEN", "a")]).text("AUTH_LISTEN"), Some("a"));
        assert_eq!(gather(&["--listen", "b"], &[("AUTH_LISTEN", "a")]).text("AUTH_LISTEN"), Some("b"));
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
        let settings = gather(&[], &[("AUTH_FOO_BAR_BAZ", "x"), ("AUTH_LISTEN", "nowhere")]);
        settings.optional("AUTH_LISTEN", parsed::<std::net::SocketAddr>("an address"));
        assert_eq!(
            mistakes(settings),
            "AUTH_FOO_BAR_BAZ: unknown; `--help` lists the settings\nAUTH_LISTEN: not an address"
        );
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_named_auth_is_no_mistake() {
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
        assert_eq!(gather(&["--secret-file", path], &[]).text("AUTH_SECRET"), Some("hush"));
        assert_eq!(gather(&[], &[("AUTH_SECRET_FILE", path)]).text("AUTH_SECRET"), Some("hush"));
        assert_eq!(gather(&[], &[("AUTH_REDIS_URL_FILE", path)]).text("AUTH_REDIS_URL"), Some("hush"));
        assert_eq!(
            mistakes(gather(&[], &[("AUTH_SECRET_FILE", path), ("AUTH_SECRET", "hush")])),
            "AUTH_SECRET and AUTH_SECRET_FILE are both set: keep one of them"
        );
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_named_with_its_setting_and_what_is_wrong() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let written = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, bytes).expect("our own directory");
            path.to_str().expect("a path in UTF-8").to_owned()
        };
        let of = |path: &str| mistakes(gather(&[], &[("AUTH_SECRET_FILE", path)]));
        let marked = written("marked", b"\xEF\xBB\xBFhush\r\n");
        assert_eq!(gather(&[], &[("AUTH_SECRET_FILE", &marked)]).text("AUTH_SECRET"), Some("hush"));
        let (empty, latin) = (written("empty", b"\n"), written("latin", b"fran\xE7ais"));
        assert_eq!(of(&empty), format!("AUTH_SECRET_FILE: {empty} is empty"));
        assert_eq!(of(&latin), format!("AUTH_SECRET_FILE: cannot read {latin}: it is not UTF-8 text"));
        let place = directory.path().to_str().expect("a path in UTF-8");
        assert!(of(place).starts_with(&format!("AUTH_SECRET_FILE: cannot read {place}: it is a directory")));
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_named_if_it_is_ours_and_else_ignored() {
        use std::os::unix::ffi::OsStringExt as _;
        let command = flags(Command::new("auth-service").no_binary_name(true), "AUTH_", LIST);
        let matches = command.get_matches_from(Vec::<String>::new());
        let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let environment = [
            (bytes(b"LS_COLORS"), bytes(b"\xFF")),
            (bytes(b"OTHER_\xFF"), bytes(b"x")),
            (bytes(b"AUTH_SECRET"), bytes(b"hush\xFF")),
            (bytes(b"AUTH_\xFF"), bytes(b"x")),
            (bytes(b"AUTH_LISTEN"), bytes(b"a")),
        ];
        let settings = Settings::gather("AUTH_", LIST, &matches, environment);
        assert_eq!(settings.text("AUTH_LISTEN"), Some("a"));
        assert_eq!(
            mistakes(settings),
            "AUTH_SECRET: its value is not UTF-8 text\nAUTH_\u{FFFD}: unknown, and not UTF-8 text"
        );
    }

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration_within("1s", "1h")("2h"), Err("must be from 1s to 1h".to_owned()));
        assert!(duration("soon").is_err());
    }
}
