//! What was given for the settings, and what is wrong with it.

use super::{Catalog, Kind, Named, Optional, Read, Setting, file_name};
use crate::files;
use clap::ArgMatches;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    fmt::{self, Display},
    path::Path,
};

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

/// The values given for the settings of a program.
pub struct Settings {
    catalog: Catalog,
    given: BTreeMap<&'static str, String>,
    mistakes: RefCell<Vec<String>>,
}

impl Settings {
    /// Gathers what was given: a flag wins over the variable, the variable over the default. Variables with the prefix
    /// that no setting has are mistakes (but not those that Kubernetes sets for a service of that name).
    #[must_use]
    pub fn gather(
        catalog: Catalog,
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        let mut mistakes = Vec::new();
        let environment = texts(catalog.prefix, environment, &mut mistakes);
        let mut given = BTreeMap::new();
        for setting in catalog.settings() {
            match value_of(setting, flags, &environment) {
                Ok(Some(value)) => drop(given.insert(setting.name, value)),
                Ok(None) => {}
                Err(mistake) => mistakes.push(mistake),
            }
        }
        let known: Vec<String> = catalog
            .settings()
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
        Self { catalog, given, mistakes: RefCell::new(mistakes) }
    }

    /// What was given for a setting, or its default. A mistake is remembered, and reads as the default until
    /// [`Settings::finish`] refuses the whole.
    ///
    /// # Panics
    /// When the default cannot be read, or the setting is not in the catalog: faults of the program.
    pub fn get<T>(&self, setting: &Setting<T>) -> T {
        let given = self.text(&setting.named).and_then(|text| self.read(&setting.named, setting.read, text));
        given.unwrap_or_else(|| {
            (setting.read)(setting.default).unwrap_or_else(|reason| panic!("{}: {reason}", setting.named.name))
        })
    }

    /// What was given for a setting that may be absent. A mistake is remembered, and reads as absent.
    ///
    /// # Panics
    /// When the setting is not in the catalog: a fault of the program.
    pub fn find<T>(&self, setting: &Optional<T>) -> Option<T> {
        self.read(&setting.named, setting.read, self.text(&setting.named)?)
    }

    /// Whether anything was given for a setting, right or wrong.
    ///
    /// # Panics
    /// When the setting is not in the catalog: a fault of the program.
    pub fn is_given(&self, setting: &Named) -> bool {
        self.text(setting).is_some()
    }

    fn text(&self, setting: &Named) -> Option<&str> {
        let is_known = self.catalog.settings().any(|known| known.name == setting.name);
        assert!(is_known, "{} is in no list of the catalog", setting.name);
        self.given.get(setting.name).map(String::as_str)
    }

    fn read<T>(&self, setting: &Named, read: Read<T>, text: &str) -> Option<T> {
        read(text).map_err(|reason| self.mistake(format!("{}: {reason}", setting.name))).ok()
    }

    /// Whether something was wrong so far.
    #[must_use]
    pub fn has_mistakes(&self) -> bool {
        !self.mistakes.borrow().is_empty()
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
    setting: &Named,
    flags: &ArgMatches,
    environment: &BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    let name = setting.name;
    let file = file_name(name);
    // An empty one counts as not given, as an empty variable does.
    let flag = |id: &str| flags.try_get_one::<String>(id).ok().flatten().filter(|value| !value.is_empty());
    if let Some(value) = flag(name) {
        return Ok(Some(value.clone()));
    }
    if setting.kind == Kind::Plain {
        return Ok(environment.get(name).cloned());
    }
    match (environment.get(name), flag(&file).or_else(|| environment.get(&file))) {
        (Some(_), Some(_)) => Err(format!("{name} and {file} are both set: keep one of them")),
        (Some(value), None) => Ok(Some(value.clone())),
        (None, Some(path)) => from_file(&file, path).map(Some),
        (None, None) => Ok(None),
    }
}

/// An empty file is a mistake: if it counted as not given, as an empty variable does, a new secret would take its
/// place.
fn from_file(setting: &str, path: &str) -> Result<String, String> {
    let text = files::read_text(Path::new(path)).map_err(|error| format!("{setting}: cannot read {path}: {error}"))?;
    if text.is_empty() {
        return Err(format!("{setting}: {path} is empty"));
    }
    files::warn_if_anybody_may_read(setting, Path::new(path));
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
