//! Who may register, what users may do, and what is kept about them.

use super::mail;
use crate::domain::{
    accounts::{
        EmailAddress, MAX_CUSTOM_BYTES,
        roles::{ADMIN_ROLE, MAX_ROLES, Roles, USERS_READ, USERS_WRITE},
    },
    passwords::Password,
    sessions::{token_size::longest_token, tokens::AccessPolicy},
    sign_in::register::{Registration, RegistrationPolicy},
};
use jeton_verifier::MAX_TOKEN_BYTES;
use shared::{
    files, settings,
    settings::{Settings, any_text, duration_within, on_off},
};
use std::{path::Path, time::Duration};

settings! {
    /// open: anyone who can reach the service may register; invite: only those whom an admin invites; domains:example.com,example.org: anyone with an address there; closed: only admins and the command line create users.
    plain AUTH_REGISTRATION: Registration = "open", registration;
    /// Whether a registration creates an account only once a code from a mail to the address comes back: on or off. By default, on where AUTH_SMTP_URL is set.
    plain AUTH_REGISTRATION_PROOF: bool, on_off;
    /// Whether users may log in with a code from a mail instead of the password: on or off.
    plain AUTH_LOGIN_CODE: bool = "off", on_off;
    /// Whether users whose address is not verified may log in: allow, or block, which sends them a mail to verify it.
    plain AUTH_UNVERIFIED: bool = "allow", unverified;
    /// Role of users who register.
    plain AUTH_DEFAULT_ROLE: String = "reader", any_text;
    /// Whether the roles reader, author and admin exist in addition to the file's: on or off.
    plain AUTH_BUILT_IN_ROLES: bool = "on", on_off;
    /// TOML file of additional roles, each as role = ["scope", …]; see docs/roles.md.
    plain AUTH_ROLES_FILE: String, any_text;
    /// Maximum memory to verify a stored password hash, with four passes over it; costlier hashes are refused. See docs/operate.md.
    plain AUTH_STORED_HASH_MEMORY: u32 = "64MiB", mebibytes;
    /// E-mail address of the admin to create at start if there is none.
    plain AUTH_ADMIN_EMAIL: EmailAddress, |text| EmailAddress::parse(text).map_err(|error| error.to_string());
    /// Password of that admin.
    secret AUTH_ADMIN_PASSWORD: Password, |text| Ok(Password::new(text.to_owned()));
    /// How long audit events are kept.
    plain AUTH_AUDIT_KEEP: Duration = "365d", |text| duration_within(text, "1h", "3650d");
}

/// The settings about accounts.
pub(super) struct Accounts {
    pub(super) registration: RegistrationPolicy,
    pub(super) has_login_codes: bool,
    pub(super) unverified_may_log_in: bool,
    pub(super) roles: Roles,
    pub(super) stored_hash_memory: u32,
    pub(super) bootstrap_admin: Option<(EmailAddress, Password)>,
    pub(super) audit_keep: Duration,
}

impl Accounts {
    pub(super) fn read(settings: &Settings) -> Self {
        let registration = settings.get(&AUTH_REGISTRATION);
        let default_role = settings.get(&AUTH_DEFAULT_ROLE);
        let with_proof = with_proof(settings, &registration);
        let unverified_may_log_in = settings.get(&AUTH_UNVERIFIED);
        if !unverified_may_log_in && registration == Registration::Open && !with_proof {
            settings.mistake(
                "AUTH_UNVERIFIED: block asks for AUTH_REGISTRATION_PROOF=on, or somebody could register another person's address and wait for that person to verify it",
            );
        }
        Self {
            roles: roles(settings, &registration, &default_role),
            registration: RegistrationPolicy { with_proof, registration, default_role },
            has_login_codes: settings.get(&AUTH_LOGIN_CODE),
            unverified_may_log_in,
            stored_hash_memory: settings.get(&AUTH_STORED_HASH_MEMORY),
            bootstrap_admin: bootstrap_admin(settings),
            audit_keep: settings.get(&AUTH_AUDIT_KEEP),
        }
    }
}

/// Reports every mistake in the roles file, and the settings that contradict it; of a file that cannot be read, only
/// that.
fn roles(settings: &Settings, registration: &Registration, default_role: &str) -> Roles {
    let built_in = settings.get(&AUTH_BUILT_IN_ROLES);
    let own = match settings.find(&AUTH_ROLES_FILE).map(|path| roles_file(&path)).transpose() {
        Ok(own) => own,
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| settings.mistake(format!("AUTH_ROLES_FILE: {mistake}")));
            return Roles::built_in();
        }
    };
    let roles = match own {
        Some(own) if built_in => own.with_built_in(),
        Some(own) => own,
        None => {
            if !built_in {
                settings.mistake("AUTH_BUILT_IN_ROLES: is off, and AUTH_ROLES_FILE names no roles instead");
            }
            Roles::built_in()
        }
    };
    check_roles(settings, &roles, registration, default_role);
    roles
}

fn check_roles(settings: &Settings, roles: &Roles, registration: &Registration, default: &str) {
    if !roles.has(ADMIN_ROLE) {
        settings.mistake("AUTH_ROLES_FILE: the role admin is missing, and AUTH_BUILT_IN_ROLES is off");
    }
    if !roles.has(default) {
        let known: Vec<&str> = roles.names().collect();
        settings.mistake(format!("AUTH_DEFAULT_ROLE: there is no role {default:?}; there are {}", known.join(", ")));
    }
    let brings = roles.scopes(&[default.to_owned()]);
    if *registration == Registration::Open && [USERS_READ, USERS_WRITE].iter().any(|scope| brings.contains(scope)) {
        settings.mistake(format!(
            "AUTH_DEFAULT_ROLE: with open registration, strangers would see or change the users: {default:?} grants \
             {USERS_READ} or {USERS_WRITE}"
        ));
    }
}

/// Verifiers refuse a longer token, and a refresh would not shorten it.
pub(super) fn check_token_size(settings: &Settings, roles: &Roles, issuer: &str, policy: &AccessPolicy) {
    let longest = longest_token(roles, issuer, policy);
    if longest <= MAX_TOKEN_BYTES {
        return;
    }
    let sizes = format!(
        "an access token may become {longest} bytes long, and verifiers take at most {MAX_TOKEN_BYTES}: {} bytes of scopes, the \
         names of {MAX_ROLES} roles, {MAX_CUSTOM_BYTES} bytes of custom claims",
        roles.most_scopes(MAX_ROLES)
    );
    settings.mistake(if settings.is_given(&AUTH_ROLES_FILE.named) {
        format!("AUTH_ROLES_FILE: {sizes}; let roles bring fewer scopes, or shorter ones (docs/roles.md)")
    } else {
        format!("AUTH_PUBLIC_URL: too long: {sizes}")
    });
}

fn roles_file(path: &str) -> Result<Roles, Vec<String>> {
    let text = files::read_text(Path::new(path)).map_err(|error| vec![format!("cannot read {path}: {error}")])?;
    Roles::parse(&text).map_err(|mistakes| mistakes.into_iter().map(|mistake| format!("{path}, {mistake}")).collect())
}

fn bootstrap_admin(settings: &Settings) -> Option<(EmailAddress, Password)> {
    match (settings.is_given(&AUTH_ADMIN_EMAIL.named), settings.is_given(&AUTH_ADMIN_PASSWORD.named)) {
        (true, false) => settings.mistake("AUTH_ADMIN_PASSWORD: missing; AUTH_ADMIN_EMAIL is set"),
        (false, true) => settings.mistake("AUTH_ADMIN_EMAIL: missing; AUTH_ADMIN_PASSWORD is set"),
        _ => {}
    }
    settings.find(&AUTH_ADMIN_EMAIL).zip(settings.find(&AUTH_ADMIN_PASSWORD))
}

fn registration(text: &str) -> Result<Registration, String> {
    let wrong =
        || "must be open, invite, closed, or domains: and names such as domains:example.com,example.org".to_owned();
    match text {
        "open" => Ok(Registration::Open),
        "invite" => Ok(Registration::Invite),
        "closed" => Ok(Registration::Closed),
        text => {
            let domains = text.strip_prefix("domains:").ok_or_else(wrong)?.split(',');
            // As the domain of an address.
            let domain = |text: &str| EmailAddress::parse(&format!("a@{}", text.trim())).map_err(|_| wrong());
            let domains = domains.map(|text| Ok(domain(text)?.domain().to_owned())).collect::<Result<_, String>>()?;
            Ok(Registration::Domains(domains))
        }
    }
}

/// An address at a domain proves nothing before it is shown to reach the user.
fn with_proof(settings: &Settings, registration: &Registration) -> bool {
    let with_proof = settings.find(&AUTH_REGISTRATION_PROOF);
    match registration {
        Registration::Domains(_) if with_proof == Some(false) => {
            settings.mistake(
                "AUTH_REGISTRATION_PROOF: is off, but with AUTH_REGISTRATION=domains:… anyone could claim an address there",
            );
            true
        }
        Registration::Domains(_) => true,
        _ => with_proof.unwrap_or_else(|| mail::is_sent(settings)),
    }
}

fn unverified(text: &str) -> Result<bool, String> {
    match text {
        "allow" => Ok(true),
        "block" => Ok(false),
        _ => Err("must be allow or block".to_owned()),
    }
}

fn mebibytes(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("MiB").and_then(|number| number.parse::<u32>().ok());
    let fitting = number.filter(|number| (19..=1024).contains(number));
    fitting.map(|number| number * 1024).ok_or_else(|| "must be from 19MiB to 1024MiB".to_owned())
}
