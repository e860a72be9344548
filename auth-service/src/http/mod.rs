//! The HTTP contract: every route, one line each. Handlers translate; the domain decides.

mod admin;
mod answer;
mod auth;
pub mod doctor;
pub mod openapi;
mod operators;
mod request;
mod to_its_end;
mod well_known;

pub use operators::health::{PROOF as HEALTH_PROOF, Readiness};
pub use request::{
    cookie,
    forwarded::AddressHeader,
    site::{COOKIE_NAME, Site},
};

use crate::domain::{
    accounts::roles::Roles,
    admin::{create::UserCreation, users::Users},
    audit::Audit,
    keys::SigningKeys,
    my_account::MyAccount,
    passwords::pool::Hasher,
    secrets::KeyRing,
    sessions::Sessions,
    sign_in::{login::SignIn, register::Registrar},
};
use actix_web::{
    http::header,
    middleware::DefaultHeaders,
    web::{self, ServiceConfig, delete, patch, post, resource},
};
use shared::{
    access_token::Verifier,
    clock::Clock,
    cors::{self, Audience},
    problem,
    server::{self, get},
};
use std::sync::Arc;
use to_its_end::changing;

/// What handlers need.
pub struct State {
    /// Begins, refreshes, shows and ends sessions.
    pub sessions: Arc<Sessions>,
    /// Logs in.
    pub sign_in: SignIn,
    /// Registers users.
    pub registrar: Registrar,
    /// Changes and deletes the callers' own accounts.
    pub my_account: MyAccount,
    /// Shows and changes users.
    pub users: Arc<Users>,
    /// Creates users for admins.
    pub user_creation: UserCreation,
    /// What happened.
    pub audit: Arc<Audit>,
    /// What signs access tokens.
    pub keys: Arc<SigningKeys>,
    /// What roles bring.
    pub roles: Arc<Roles>,
    /// Argon2id on its pool, for its metrics.
    pub hasher: Arc<Hasher>,
    /// Where it is on the web.
    pub site: Site,
    /// Checks access tokens before [`Sessions::caller`] does.
    pub verifier: Verifier,
    /// Tells whether it is `auth-service doctor` that asks.
    pub secrets: Arc<KeyRing>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the stores take what requests write.
    pub readiness: Readiness,
}

/// The public API. HEAD is answered as GET, without the body.
pub fn public(state: web::Data<State>) -> impl FnOnce(&mut ServiceConfig) {
    |app| {
        problem::configure(app);
        app.app_data(state)
            .configure(openapi::routes)
            .service(resource("/auth/register").route(post().to(auth::register::register)))
            .service(resource("/auth/login").route(post().to(auth::login::login)))
            .service(resource("/auth/refresh").route(post().to(auth::refresh::refresh)))
            .service(resource("/auth/csrf").route(get().to(auth::csrf::csrf)))
            .service(changing("/auth/logout").route(post().to(auth::logout::logout)))
            .service(changing("/auth/logout-all").route(post().to(auth::logout::logout_all)))
            .service(changing("/auth/me").route(get().to(auth::me::me)).route(delete().to(auth::me::delete)))
            .service(changing("/auth/password").route(post().to(auth::password::change)))
            .service(resource("/auth/sessions").route(get().to(auth::sessions::list)))
            .service(changing("/auth/sessions/{id}").route(delete().to(auth::sessions::end)))
            .service(
                changing("/admin/users").route(get().to(admin::users::users)).route(post().to(admin::users::create)),
            )
            .service(
                changing("/admin/users/{id}")
                    .route(patch().to(admin::users::change))
                    .route(delete().to(admin::users::delete)),
            )
            .service(resource("/admin/audit").route(get().to(admin::audit::all)))
            .service(resource("/admin/users/{id}/audit").route(get().to(admin::audit::of_user)))
            .service(changing("/admin/users/{id}/sessions").route(delete().to(admin::users::end_sessions)))
            .service(resource("/.well-known/jwks.json").route(get().to(well_known::jwks)))
            .service(resource("/.well-known/oauth-authorization-server").route(get().to(well_known::metadata)));
    }
}

/// What operators and their machines ask.
pub fn admin(state: web::Data<State>) -> impl FnOnce(&mut ServiceConfig) {
    |app| {
        problem::configure(app);
        app.app_data(state)
            .service(resource("/health/live").route(get().to(server::live)))
            .service(resource("/health/ready").route(get().to(operators::health::ready)))
            .service(resource("/metrics").route(get().to(operators::metrics::metrics)));
    }
}

/// The headers that every answer has unless it says otherwise.
#[must_use]
pub fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store")).add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

/// Which pages may call, with credentials, and read what is answered.
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
        "/.well-known/jwks.json" | "/.well-known/oauth-authorization-server" | "/openapi.json" => Audience::Everybody,
        _ => Audience::AllowedOrigins,
    }
}
