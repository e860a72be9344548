//! Settings: read once, every mistake reported at once. A file for each part of the service.

mod accounts;
mod factors;
mod keys;
mod limits;
mod mail;
mod passwords;
mod secret_file;
mod secrets;
mod sessions;
mod stores;
mod web;

use self::{accounts::Accounts, secrets::OwnSecret, stores::Stores};
use crate::{
    breached_passwords::BreachList,
    domain::{
        accounts::{EmailAddress, roles::Roles},
        keys::KeyPolicy,
        passkeys::RelyingParty,
        passwords::{Password, rules::PasswordRules},
        revocations::Room,
        secrets::KeyRing,
        sessions::{Policy, tokens::AccessPolicy},
        sign_in::register::RegistrationPolicy,
        throttling::{FailureLimits, limits::LimitSettings},
    },
    http::Site,
};
use clap::ArgMatches;
use shared::{
    server::Limits,
    settings::{Catalog, Mistakes, Settings},
};
use std::{ffi::OsString, net::SocketAddr};
use url::Url;

pub use self::{factors::FactorTimes, mail::MailConfig, web::OwnPages};

/// All settings.
pub const CATALOG: Catalog = Catalog {
    prefix: "AUTH_",
    lists: &[
        web::SETTINGS,
        stores::SETTINGS,
        secrets::SETTINGS,
        sessions::SETTINGS,
        accounts::SETTINGS,
        factors::SETTINGS,
        passwords::SETTINGS,
        limits::SETTINGS,
        mail::SETTINGS,
        keys::SETTINGS,
    ],
    shown_by: &["init", "doctor"],
};

/// The settings of a service, all of them valid.
pub struct Config {
    /// Public API.
    pub listen: SocketAddr,
    /// Health and metrics.
    pub admin_listen: SocketAddr,
    /// Connections of the public API.
    pub connections: Limits,
    /// How many verifiers may wait for the revocation feed.
    pub feed_room: Room,
    /// Where the service is on the web.
    pub site: Site,
    /// For whom passkeys are, if there can be any.
    pub relying_party: Option<RelyingParty>,
    /// SQLite or PostgreSQL.
    pub database_url: String,
    /// Redis, if any.
    pub redis_url: Option<String>,
    /// Keys derived from the root secrets.
    pub keys: KeyRing,
    /// How signing keys are made and published.
    pub key_policy: KeyPolicy,
    /// Access tokens.
    pub access: AccessPolicy,
    /// Sessions.
    pub sessions: Policy,
    /// Who may register, and as what.
    pub registration: RegistrationPolicy,
    /// Whether users may log in by a code.
    pub has_login_codes: bool,
    /// Whether users whose address is not verified may log in.
    pub unverified_may_log_in: bool,
    /// What is asked of new passwords.
    pub password_rules: PasswordRules,
    /// Where breached passwords are looked up.
    pub breach_list: BreachList,
    /// Limits on requests.
    pub limits: LimitSettings,
    /// Limits on wrong passwords.
    pub failure_limits: FailureLimits,
    /// Mails.
    pub mail: MailConfig,
    /// Where links in mails lead.
    pub pages: Url,
    /// The service's own pages, if it has any.
    pub own_pages: Option<OwnPages>,
    /// Roles.
    pub roles: Roles,
    /// How long what lasts of second factors.
    pub factor_times: FactorTimes,
    /// Maximum memory to verify a stored password hash, in KiB.
    pub stored_hash_memory: u32,
    /// The admin to create at first start.
    pub bootstrap_admin: Option<(EmailAddress, Password)>,
}

impl Config {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn read(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        Self::gather(flags, environment, secret_file::read_or_create)
    }

    /// As [`Config::read`], but makes no file: if there is no secret yet, a random one stands in for it.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn examine(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        Self::gather(flags, environment, secret_file::read_or_stand_in)
    }

    /// As [`Config::read`], for a command that needs an existing installation and makes none.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn of_installation(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Mistakes> {
        Self::gather(flags, environment, secret_file::read)
    }

    fn gather(
        flags: &ArgMatches,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
        own_secret: OwnSecret,
    ) -> Result<Self, Mistakes> {
        let settings = Settings::gather(CATALOG, flags, environment);
        let (stores, accounts) = (Stores::read(&settings), Accounts::read(&settings));
        let access = sessions::access_policy(&settings);
        let (listen, admin_listen) = web::addresses(&settings);
        let site = web::site(&settings);
        accounts::check_token_size(&settings, &accounts.roles, site.issuer(), &access);
        let config = Self {
            listen,
            admin_listen,
            connections: web::connections(&settings),
            feed_room: web::feed_room(&settings),
            relying_party: web::relying_party(&settings, &site),
            site,
            key_policy: keys::key_policy(&settings, access.ttl),
            access,
            sessions: sessions::policy(&settings, &accounts),
            own_pages: web::own_pages(&settings),
            pages: web::pages(&settings),
            registration: accounts.registration,
            has_login_codes: accounts.has_login_codes,
            unverified_may_log_in: accounts.unverified_may_log_in,
            roles: accounts.roles.asking(factors::asked_of(&settings)),
            factor_times: factors::times(&settings),
            password_rules: passwords::rules(&settings),
            breach_list: passwords::breach_list(&settings),
            limits: limits::limits(&settings),
            failure_limits: limits::failure_limits(&settings),
            mail: mail::mail(&settings, &web::url(&settings), &web::pages(&settings)),
            stored_hash_memory: accounts.stored_hash_memory,
            bootstrap_admin: accounts.bootstrap_admin,
            // Last: it may make a file.
            keys: secrets::keys(&settings, &stores, own_secret),
            database_url: stores.database_url,
            redis_url: stores.redis_url,
        };
        settings.finish(config)
    }
}

#[cfg(test)]
mod tests;
