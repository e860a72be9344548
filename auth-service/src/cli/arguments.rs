//! The subcommands and their arguments.

use super::{export, import, password};
use auth_service::{config::CATALOG, doctor};
use clap::{Arg, ArgAction, Command, value_parser};
use shared::ids::{MailId, SessionId};
use std::path::PathBuf;

const AFTER_HELP: &str = "A secret X may also be given as X_FILE, the path of a file that holds it.
Commands also take the service's settings as options, and need an installation, which `init` or the first start of the service makes.
Exit status: 0 done, 1 not done, with the reason on standard error, 2 wrong settings or arguments.";

/// The program and its subcommands.
pub fn command() -> Command {
    let command = Command::new("auth-service")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Registers and logs in users, signs access tokens, keeps refresh sessions.\nWithout a subcommand, it serves.")
        .after_help(AFTER_HELP)
        .subcommand(reporting("secret", "Print a fresh root secret for AUTH_SECRET"))
        .subcommand(reporting("init", "Create the installation as the first start of the service does, without serving; bring an older one up to date"))
        .subcommand(reporting("healthcheck", "Exit with 0 if the service at AUTH_ADMIN_LISTEN is ready, else with 1"))
        .subcommand(user())
        .subcommand(
            group("users", "Import and export many users at once").subcommand(import::command()).subcommand(export::command()),
        )
        .subcommand(sessions())
        .subcommand(keys())
        .subcommand(mail())
        .subcommand(passwords())
        .subcommand(
            reporting("doctor", "Check the settings, the stores, and the service through AUTH_PUBLIC_URL, and suggest fixes")
                .after_help(doctor::EXIT_STATUS),
        );
    CATALOG.flags(command)
}

/// A command that prints text for people, or JSON for programs.
fn reporting(name: &'static str, about: &'static str) -> Command {
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print one JSON document; {\"error\": …} on failure");
    Command::new(name).about(about).arg(json)
}

fn group(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).subcommand_required(true).arg_required_else_help(true)
}

fn user_argument() -> Arg {
    Arg::new("user").required(true).value_name("USER").help("The user's e-mail address or id")
}

fn about_user(name: &'static str, about: &'static str) -> Command {
    reporting(name, about).arg(user_argument())
}

fn user() -> Command {
    group("user", "Show and change users")
        .subcommand(
            reporting("create", "Create a user; asks for the password on a terminal, else reads it from standard input")
                .arg(Arg::new("email").long("email").required(true).help("The e-mail address to log in with"))
                .arg(Arg::new("role").long("role").help("The user's role, such as admin [default: AUTH_DEFAULT_ROLE]"))
                .arg(Arg::new("name").long("name").help("The user's name"))
                .args(password::arguments()),
        )
        .subcommand(
            reporting("list", "List users in the order of their registration")
                .arg(Arg::new("search").long("search").help("Only users whose address or name contains this"))
                .arg(Arg::new("role").long("role").help("Only users with this role"))
                .arg(Arg::new("disabled").long("disabled").action(ArgAction::SetTrue).help("Only disabled users")),
        )
        .subcommand(about_user("show", "Show a user"))
        .subcommand(
            about_user("set-password", "Set a password and end all the user's sessions; asks for it on a terminal, else reads it from standard input")
                .args(password::arguments()),
        )
        .subcommand(
            about_user("set-roles", "Give a user these roles and no others; they take effect at the next refresh").arg(
                Arg::new("roles")
                    .required(true)
                    .num_args(1..)
                    .value_delimiter(',')
                    .value_name("ROLE")
                    .help("The roles from now on"),
            ),
        )
        .subcommand(about_user("disable", "Disable a user, and end all the user's sessions"))
        .subcommand(about_user("enable", "Let a disabled user log in again"))
        .subcommand(about_user("unlock", "Unlock a user who is locked out by failed logins"))
        .subcommand(
            about_user("delete", "Delete a user for good")
                .arg(Arg::new("yes").long("yes").action(ArgAction::SetTrue).help("Do not ask for confirmation")),
        )
}

fn sessions() -> Command {
    let session = Arg::new("session")
        .value_name("SESSION")
        .value_parser(|text: &str| text.parse::<SessionId>())
        .help("Only this session; `sessions list` shows its id");
    group("sessions", "Show and end sessions")
        .subcommand(about_user("list", "Show where a user is logged in"))
        .subcommand(about_user("end", "End a session of a user, or all of them").arg(session))
        .subcommand(reporting(
            "end-all",
            "End every session of every user; do this after restoring the database from a backup",
        ))
}

fn keys() -> Command {
    let kid = || {
        Arg::new("kid")
            .required(true)
            .allow_hyphen_values(true)
            .value_name("KID")
            .help("The key's id; `keys list` shows it")
    };
    group("keys", "Inspect and rotate signing keys; running replicas pick up changes")
        .subcommand(reporting("list", "List the keys: pending, active, retired, revoked, gone"))
        .subcommand(reporting("rotate", "Publish the next key, which signs after AUTH_KEY_LEAD; if one is published already, show it"))
        .subcommand(
            reporting("retire", "Let the next key take over from KID as soon as every verifier knows it: twice AUTH_JWKS_MAX_AGE")
                .arg(kid()),
        )
        .subcommand(
            reporting("revoke", "Emergency: withdraw KID at once. Its tokens are refused everywhere within AUTH_JWKS_MAX_AGE; clients refresh")
                .arg(kid()),
        )
}

fn mail() -> Command {
    let id = Arg::new("id")
        .value_name("ID")
        .value_parser(|text: &str| text.parse::<MailId>())
        .help("The mail's id, as `mail list` shows it; without it, the newest mail");
    let to = Arg::new("to").long("to").required(true).value_name("ADDRESS").help("Where the mail goes");
    group("mail", "Show mails that wait or were not sent, and try the mail server")
        .subcommand(reporting("list", "List the latest mails: waiting, kept in the mailbox, refused, expired"))
        .subcommand(reporting("show", "Show a mail of the mailbox").arg(id))
        .subcommand(reporting("test", "Send a mail at once, and say step by step what happens").arg(to))
}

fn passwords() -> Command {
    let path = |name| Arg::new(name).long(name).required(true).value_parser(value_parser!(PathBuf));
    group("passwords", "Work with lists of breached passwords").subcommand(
        reporting("build", "Build a filter file for AUTH_BREACHED_PASSWORDS from a list of Have I Been Pwned: lines of SHA1:COUNT, in any order. Needs no installation, and some 40 bytes of memory for each password that is kept")
            .arg(path("in").value_name("FILE").help("The list; - is standard input"))
            .arg(path("out").value_name("FILE").help("Where to put the filter; an existing one is replaced when the new one is complete"))
            .arg(
                Arg::new("min-count")
                    .long("min-count")
                    .value_name("NUMBER")
                    .value_parser(value_parser!(u64).range(1..))
                    .default_value("10")
                    .help("Keep passwords that were seen this often, or more"),
            ),
    )
}
