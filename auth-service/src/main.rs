//! The auth-service program.

use auth_service::{
    app,
    config::{Config, PREFIX, SETTINGS},
    doctor::{self, Finding, Severity},
    domain::{
        account::{EmailAddress, PersonName},
        key_commands::KeyStatus,
        key_schedule::KeyState,
        password::Password,
        secret::RootSecret,
    },
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use shared::{
    clock::Timestamp,
    files,
    output::{complain, print},
    server::{self, StopSignal},
    settings::flags,
    telemetry,
};
use std::{
    io::{IsTerminal, Read},
    process,
};
use zeroize::Zeroizing;

/// The settings are wrong.
const EXIT_SETTINGS: u8 = 2;

fn command() -> Command {
    let command = Command::new("auth-service")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Registers and logs in users, signs access tokens, keeps refresh sessions.\nWithout a subcommand it serves.")
        .after_help("A secret X may also be given as X_FILE, the path of a file that holds it.")
        .subcommand(Command::new("secret").about("Prints a fresh root secret for AUTH_SECRET"))
        .subcommand(Command::new("healthcheck").about("Exits 0 if the service at AUTH_ADMIN_LISTEN is ready, else 1"))
        .subcommand(
            Command::new("user").about("Manages users").subcommand_required(true).arg_required_else_help(true).subcommand(
                Command::new("create")
                    .about("Creates a user; asks for the password on a terminal, else reads it from standard input")
                    .arg(Arg::new("email").long("email").required(true).help("The e-mail address to log in with"))
                    .arg(Arg::new("role").long("role").help("What the user is, such as admin [default: AUTH_DEFAULT_ROLE]"))
                    .arg(Arg::new("name").long("name").help("What the user is called"))
                    .arg(
                        Arg::new("password-stdin")
                            .long("password-stdin")
                            .action(ArgAction::SetTrue)
                            .help("Read the password from standard input even on a terminal"),
                    ),
            ),
        )
        .subcommand(
            Command::new("sessions").about("Manages sessions").subcommand_required(true).arg_required_else_help(true).subcommand(
                Command::new("end-all").about("Ends every session of every user: after the database was restored from a backup"),
            ),
        )
        .subcommand(keys_command())
        .subcommand(
            Command::new("doctor")
                .about("Looks at the settings, the stores, and the service through AUTH_PUBLIC_URL, and says what to change")
                .after_help(doctor::EXIT_STATUS),
        );
    flags(command, PREFIX, SETTINGS)
}

fn keys_command() -> Command {
    let kid = || {
        Arg::new("kid")
            .required(true)
            .allow_hyphen_values(true)
            .value_name("KID")
            .help("The key, as `keys list` names it")
    };
    Command::new("keys")
        .about("Looks at signing keys and replaces them; running replicas follow by themselves")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("Shows the keys: pending, active, retired, revoked, gone"))
        .subcommand(
            Command::new("rotate").about("Publishes the next key; it signs after AUTH_KEY_LEAD. If there is one, shows it"),
        )
        .subcommand(
            Command::new("retire")
                .about("Lets the next key take over from KID as soon as every verifier knows it: twice AUTH_JWKS_MAX_AGE")
                .arg(kid()),
        )
        .subcommand(
            Command::new("revoke")
                .about("Emergency: withdraws KID at once. Its tokens are refused everywhere within AUTH_JWKS_MAX_AGE; clients refresh")
                .arg(kid()),
        )
}

fn main() {
    let matches = command().get_matches();
    if matches.subcommand_matches("secret").is_some() {
        process::exit(print_secret().into());
    }
    telemetry::start();
    server::run_to_exit(run(&matches))
}

/// The exit status.
fn print_secret() -> u8 {
    print(&*RootSecret::generate()).map_or_else(failed, |()| 0)
}

/// The exit status.
fn failed(reason: String) -> u8 {
    complain(reason);
    1
}

/// The exit status.
async fn run(matches: &ArgMatches) -> u8 {
    if matches.subcommand_matches("doctor").is_some() {
        return see_doctor(matches).await;
    }
    // Before anything that takes time. Whatever else we are asked for, these signals end.
    let stop_signal = matches.subcommand().is_none().then(StopSignal::listen);
    let config = match Config::read(matches, std::env::vars_os()) {
        Ok(config) => config,
        Err(mistakes) => {
            complain(mistakes);
            return EXIT_SETTINGS;
        }
    };
    let outcome = match stop_signal {
        Some(stop_signal) => app::serve(config, stop_signal).await,
        None => carry_out(matches, config).await,
    };
    outcome.map_or_else(failed, |()| 0)
}

/// Wrong settings are findings as well.
async fn see_doctor(matches: &ArgMatches) -> u8 {
    let findings = match Config::examine(matches, std::env::vars_os()) {
        Ok(config) => doctor::examine(config).await,
        Err(mistakes) => mistakes.to_string().lines().map(Finding::error).collect(),
    };
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    if let Err(reason) = print(lines.join("\n")) {
        return failed(reason);
    }
    findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok).exit_code()
}

async fn carry_out(matches: &ArgMatches, config: Config) -> Result<(), String> {
    let (name, arguments) = matches.subcommand().ok_or("see `auth-service --help`")?;
    match name {
        "healthcheck" => server::healthcheck(config.admin_listen),
        "user" => {
            let create = arguments.subcommand_matches("create").ok_or("see `auth-service user --help`")?;
            create_user(create, config).await
        }
        "sessions" => end_all_sessions(config).await,
        "keys" => manage_keys(arguments, config).await,
        other => Err(format!("unknown subcommand {other}")),
    }
}

async fn create_user(arguments: &ArgMatches, config: Config) -> Result<(), String> {
    let text = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    let role = text("role").unwrap_or(&config.policy.default_role).to_owned();
    if !config.roles.has(&role) {
        let known: Vec<&str> = config.roles.names().collect();
        return Err(format!("--role {role}: there is no such role; there are {}", known.join(", ")));
    }
    let email = EmailAddress::parse(text("email").unwrap_or_default()).map_err(|error| format!("--email: {error}"))?;
    let name = text("name").map(PersonName::parse).transpose().map_err(|error| format!("--name: {error}"))?;
    let password = read_password(arguments.get_flag("password-stdin"))?;
    let auth = app::assemble(config).await?.auth;
    let account = auth.create_user(email, &password, name, &role).await.map_err(|error| error.to_string())?;
    print(format!("{} {} {}", account.id, account.email, account.roles.join(",")))
}

fn read_password(from_stdin: bool) -> Result<Password, String> {
    if !from_stdin && std::io::stdin().is_terminal() {
        let typed = || rpassword::prompt_password("Password: ").map_err(|error| format!("no password: {error}"));
        let again = || rpassword::prompt_password("Again: ").map_err(|error| format!("no password: {error}"));
        let (first, second) = (Zeroizing::new(typed()?), Zeroizing::new(again()?));
        return if first == second {
            Ok(Password::new(first.to_string()))
        } else {
            Err("the two passwords differ".to_owned())
        };
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::io::stdin().take(files::MAX_TEXT).read_to_end(&mut bytes);
    let password = read.and_then(|_| files::text(&bytes));
    password.map(Password::new).map_err(|error| format!("no password on standard input: {error}"))
}

async fn end_all_sessions(config: Config) -> Result<(), String> {
    let auth = app::assemble(config).await?.auth;
    let users = auth.end_everybodys_sessions().await.map_err(|error| error.to_string())?;
    print(format!("ended the sessions of {users} users"))
}

async fn manage_keys(arguments: &ArgMatches, config: Config) -> Result<(), String> {
    let auth = app::assemble(config).await?.auth;
    let kid = |arguments: &ArgMatches| arguments.get_one::<String>("kid").cloned().unwrap_or_default();
    let outcome = match arguments.subcommand() {
        Some(("rotate", _)) => auth.rotate_signing_key().await.map(|next| signs_from(&next)),
        Some(("retire", arguments)) => auth.retire_signing_key(&kid(arguments)).await.map(|next| signs_from(&next)),
        Some(("revoke", arguments)) => auth.revoke_signing_key(&kid(arguments)).await.map(|signing| {
            format!("revoked; {} signs now. Tokens of the revoked key are refused within the cache time", signing.kid)
        }),
        _ => auth.signing_keys().await.map(|keys| table(&keys)).map_err(Into::into),
    };
    print(outcome.map_err(|error| error.to_string())?)
}

fn signs_from(key: &KeyStatus) -> String {
    let verb = if key.state == KeyState::Active { "signs since" } else { "is published and signs from" };
    format!("{} {verb} {}", key.kid, key.active_at.rfc3339())
}

fn table(keys: &[KeyStatus]) -> String {
    let line = |key: &KeyStatus| {
        let gone = key.gone_at.map_or_else(|| "-".to_owned(), Timestamp::rfc3339);
        let (published, signs) = (key.published_at.rfc3339(), key.active_at.rfc3339());
        format!("{:<43}  {:<7}  {published:<20}  {signs:<20}  {gone}", key.kid, key.state.name())
    };
    let head = format!("{:<43}  {:<7}  {:<20}  {:<20}  {}", "KID", "STATE", "PUBLISHED", "SIGNS FROM", "GONE FROM");
    std::iter::once(head).chain(keys.iter().map(line)).collect::<Vec<_>>().join("\n")
}
