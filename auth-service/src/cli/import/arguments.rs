//! What is to be imported, and how.

use auth_service::domain::operator::transfer::{
    check::VerifiedAddresses,
    import::OnConflict,
    sources::{HashConfig, Source},
};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use shared::files;
use std::{collections::BTreeMap, path::Path};

const AFTER_HELP: &str =
    "Without --apply nothing is written: what would happen is reported, with every user who would be refused.
An import that was interrupted is run again: users who are there already are recognised by their ids.
docs/import.md says how to export from each system, and what becomes of passwords and ids.
Exit status: 0 all users are there, 1 some are not, 2 wrong settings or arguments.";

const CONFLICTS: [(&str, OnConflict); 3] =
    [("skip", OnConflict::Skip), ("update", OnConflict::Update), ("fail", OnConflict::Fail)];

const VERIFIED: [(&str, VerifiedAddresses); 2] = [("trust", VerifiedAddresses::Trust), ("no", VerifiedAddresses::No)];

/// The command and its arguments.
pub fn command() -> Command {
    let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    Command::new("import")
        .about("Import users with their password hashes from another system or installation; a dry run unless --apply is given")
        .after_help(AFTER_HELP)
        .arg(option("from", "SYSTEM").required(true).value_parser(Source::ALL.map(|(name, _)| name)).help("Which system the file is from"))
        .arg(Arg::new("file").required(true).num_args(1..).value_name("FILE").help("Its export; - for standard input"))
        .arg(Arg::new("apply").long("apply").action(ArgAction::SetTrue).help("Write the users"))
        .arg(
            option("on-conflict", "WHAT")
                .default_value("skip")
                .value_parser(CONFLICTS.map(|(name, _)| name))
                .help("With users who are there already: skip them, update all but their passwords, or fail at the first"),
        )
        .arg(
            option("verified", "WHAT")
                .default_value("trust")
                .value_parser(VERIFIED.map(|(name, _)| name))
                .help("Addresses that the file calls verified: trust them, or take all addresses as unverified"),
        )
        .arg(option("report", "FILE").help("Write the refused users to this file: a line of JSON for each, with its place and the reason"))
        .arg(option("roles", "FILE").help("TOML file that replaces roles of the other system: theirs = [\"ours\", …], or [] to drop one"))
        .arg(option("source", "NAME").help("The name under which ids that are not UUIDs are kept [default: SYSTEM]"))
        .arg(option("hash-config", "FILE").help("Firebase: the project's parameters of hashing, as its console shows them"))
        .arg(
            option("batch", "USERS")
                .default_value("2000")
                .value_parser(value_parser!(u16).range(1..=2000))
                .help("How many users are written at once"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print the result as one JSON document"))
}

/// What the arguments say.
pub struct Wishes {
    pub source: Source,
    pub source_name: String,
    pub files: Vec<String>,
    pub apply: bool,
    pub on_conflict: OnConflict,
    pub verified: VerifiedAddresses,
    pub report: Option<String>,
    pub role_map: BTreeMap<String, Vec<String>>,
    pub hash_config: Option<HashConfig>,
    pub batch: usize,
}

impl Wishes {
    /// Reads them, and the files that they name.
    ///
    /// # Errors
    /// One sentence.
    pub fn read(arguments: &ArgMatches) -> Result<Self, String> {
        let text = |name: &str| arguments.get_one::<String>(name).cloned();
        let from = text("from").unwrap_or_default();
        let source = Source::ALL.into_iter().find(|(name, _)| *name == from).ok_or("--from: unknown")?.1;
        let wanted = text("on-conflict").unwrap_or_default();
        let on_conflict = CONFLICTS.into_iter().find(|(name, _)| *name == wanted).ok_or("--on-conflict: unknown")?.1;
        let wanted = text("verified").unwrap_or_default();
        let verified = VERIFIED.into_iter().find(|(name, _)| *name == wanted).ok_or("--verified: unknown")?.1;
        let content = |option: &str, path: &str| {
            files::read_text(Path::new(path)).map_err(|error| format!("--{option}: cannot read {path}: {error}"))
        };
        let role_map = text("roles").map(|path| {
            let map = toml::from_str(&content("roles", &path)?);
            map.map_err(|error| format!("--roles: {path}: {}", error.message()))
        });
        let hash_config = text("hash-config").map(|path| {
            let config = HashConfig::parse(&content("hash-config", &path)?);
            config.map_err(|error| format!("--hash-config: {path}: {error}"))
        });
        Ok(Self {
            source,
            source_name: text("source").unwrap_or(from),
            files: arguments.get_many::<String>("file").unwrap_or_default().cloned().collect(),
            apply: arguments.get_flag("apply"),
            on_conflict,
            verified,
            report: text("report"),
            role_map: role_map.transpose()?.unwrap_or_default(),
            hash_config: hash_config.transpose()?,
            batch: arguments.get_one::<u16>("batch").copied().map_or(2000, usize::from),
        })
    }
}
