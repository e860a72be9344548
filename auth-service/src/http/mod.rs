//! The HTTP contract: every operation, once. Handlers translate; the domain decides.

mod admin;
mod answer;
mod auth;
pub mod doctor;
pub mod openapi;
mod operators;
mod pages;
mod request;
mod revocations;
mod to_its_end;
mod well_known;

pub use operators::health::{PROOF as HEALTH_PROOF, Readiness};
pub use request::{
    cookie,
    forwarded::AddressHeader,
    site::{COOKIE_NAME, Site},
};

use self::{
    admin::{audit, invitations, keys, overview, roles, users},
    auth::{
        confirm, csrf,
        email::{self, second, verify},
        export, factors,
        login::{self, code, passkey, second_factor},
        logout, me,
        passkeys::{self, one, options},
        password::{self, forgot, reset},
        reauthenticate, recovery_codes, refresh, register, revoke, sessions, totp, trusted_devices,
    },
};
use crate::{
    domain::{
        accounts::roles::Roles,
        admin::{create::UserCreation, factors::FactorResets, invitations::Invitations, keys::AdminKeys, users::Users},
        audit::Audit,
        confirmation::Confirmer,
        factors::Factors,
        keys::SigningKeys,
        my_account::{MyAccount, addresses::Addresses},
        passkeys::Passkeys,
        passwords::pool::Hasher,
        revocations::Feed,
        secrets::KeyRing,
        sessions::Sessions,
        sign_in::{
            by_mail::ByMail, login::SignIn, recovery::Recovery, register::Registrar, second_factor::SecondSteps,
        },
    },
    mailing::Mailbox,
    pages::Pages,
};
use actix_web::{
    Resource,
    http::header,
    middleware::DefaultHeaders,
    web::{self, ServiceConfig, resource},
};
use jeton_verifier::Verifier;
use shared::{
    clock::Clock,
    cors::{self, Audience},
    endpoints,
    openapi::Endpoints as _,
    problem,
    server::{self, get},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use to_its_end::changing;

/// What handlers need.
pub struct State {
    /// Begins, refreshes, shows and ends sessions.
    pub sessions: Arc<Sessions>,
    /// Logs in.
    pub sign_in: SignIn,
    /// Registers users.
    pub registrar: Registrar,
    /// Does what codes from mails were asked for.
    pub confirmer: Confirmer,
    /// Asks for second factors, and checks them.
    pub second_steps: Arc<SecondSteps>,
    /// How recently users must have shown who they are.
    pub step_up_max_age: Duration,
    /// Verifies and changes the addresses of users.
    pub addresses: Addresses,
    /// Asks for mails that let their readers in.
    pub by_mail: ByMail,
    /// Replaces forgotten passwords.
    pub recovery: Recovery,
    /// Removes them for admins.
    pub factor_resets: Arc<FactorResets>,
    /// Enrols, checks and removes second factors.
    pub factors: Arc<Factors>,
    /// Adds, lists and removes passkeys.
    pub passkeys: Arc<Passkeys>,
    /// Changes and deletes the callers' own accounts.
    pub my_account: MyAccount,
    /// Shows and changes users.
    pub users: Arc<Users>,
    /// Creates users for admins.
    pub user_creation: UserCreation,
    /// Invites users for admins.
    pub invitations: Invitations,
    /// The mails that are kept where there is no mail server.
    pub mailbox: Mailbox,
    /// What happened.
    pub audit: Arc<Audit>,
    /// The pages for people.
    pub pages: Pages,
    /// Shows and replaces signing keys for admins.
    pub admin_keys: AdminKeys,
    /// When this replica started.
    pub started: Instant,
    /// What signs access tokens.
    pub keys: Arc<SigningKeys>,
    /// What has ended, for verifiers.
    pub feed: Arc<Feed>,
    /// The scopes that roles grant.
    pub roles: Arc<Roles>,
    /// Argon2id on its pool, for its metrics.
    pub hasher: Arc<Hasher>,
    /// The public site.
    pub site: Site,
    /// Checks access tokens before [`Sessions::caller`] does.
    pub verifier: Verifier,
    /// Recognises the questions of `auth-service doctor`.
    pub secrets: Arc<KeyRing>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the stores accept what requests write.
    pub readiness: Readiness,
}

endpoints! {
    /// Operations that only read, or that a client may give up half-way.
    pub struct Plain {
        register: register;
        login: login;
        refresh: refresh;
        code: code;
        second_factor: second_factor;
        reauthenticate: reauthenticate, passkey_options;
        passkey: request_options, login_with_passkey;
        csrf: csrf;
        forgot: forgot;
        audit: all, of_user;
        overview: overview;
        roles: list_roles;
        well_known: jwks, metadata, webauthn;
        revocations: revocations;
    }
}

endpoints! {
    /// Operations that, once begun, run to their end, so that the audit log records every change.
    pub struct Changing {
        logout: logout, logout_all;
        revoke: revoke;
        me: me, delete;
        export: export;
        password: change, remove;
        reset: reset;
        confirm: confirm;
        email: change_email;
        verify: verify;
        second: set_second, remove_second;
        factors: get_factors, stop_reset;
        totp: begin_totp, confirm_totp, remove_totp;
        recovery_codes: make_recovery_codes;
        sessions: list, end;
        trusted_devices: list_trusted, distrust;
        passkeys: list, add;
        options: creation_options;
        one: rename, remove;
        users: list, create, show, change, delete, sessions, end_session, end_sessions, start_reset, remove_factors;
        keys: list_keys, rotate;
        invitations: list_invitations, invite, revoke;
    }
}

/// The public API.
pub fn public(state: web::Data<State>) -> impl FnOnce(&mut ServiceConfig) {
    |app| {
        problem::configure(app);
        app.configure(pages::routes(&state.pages)).configure(openapi::routes);
        app.app_data(state);
        for (path, routes) in Plain::routes() {
            app.service(routes.into_iter().fold(resource(&*path), Resource::route));
        }
        for (path, routes) in Changing::routes() {
            app.service(routes.into_iter().fold(changing(&path), Resource::route));
        }
    }
}

/// The admin API, for operators and their machines.
pub fn admin(state: web::Data<State>) -> impl FnOnce(&mut ServiceConfig) {
    |app| {
        problem::configure(app);
        app.app_data(state)
            .service(resource("/health/live").route(get().to(server::live)))
            .service(resource("/health/ready").route(get().to(operators::health::ready)))
            .service(resource("/metrics").route(get().to(operators::metrics::metrics)))
            .service(resource("/mailbox").route(get().to(operators::mailbox::list)))
            .service(resource("/mailbox/{id}").route(get().to(operators::mailbox::show)));
    }
}

/// The headers that every answer has unless it says otherwise.
#[must_use]
pub fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store")).add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

/// Which pages may call with credentials, and read the answers.
#[must_use]
pub fn cors(site: &Site) -> cors::Policy {
    cors::Policy {
        origins: site.origins().map(str::to_owned).collect(),
        with_credentials: true,
        methods: "GET, HEAD, POST, PATCH, DELETE",
        exposed_headers: "retry-after, www-authenticate, x-request-id",
        audience,
        refusal: request::origin::not_allowed,
    }
}

/// What verifiers and documentation tools fetch is public.
fn audience(path: &str) -> Audience {
    match path {
        "/.well-known/jwks.json"
        | "/.well-known/webauthn"
        | "/.well-known/oauth-authorization-server"
        | "/revocations"
        | "/openapi.json"
        | "/client.js" => Audience::Everybody,
        path if path.starts_with("/assets/") => Audience::Everybody,
        _ => Audience::AllowedOrigins,
    }
}
