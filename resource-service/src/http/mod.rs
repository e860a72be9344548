//! The HTTP contract: every operation, once.

mod books;
mod error;
mod health;
mod metrics;
pub mod openapi;
mod scopes;
pub mod verify;
mod whoami;

pub use health::PROOF as HEALTH_PROOF;

use actix_web::{
    Resource,
    http::{StatusCode, header},
    middleware::DefaultHeaders,
    web,
};
use shared::{
    body::Limit,
    cors::{self, Audience, Policy},
    endpoints,
    openapi::Endpoints as _,
    problem::Problem,
    server::{get, live},
};

/// The largest body of a new book or chapter, in bytes: 1 MiB.
const BOOK_BYTES: usize = 1024 * 1024;
const BOOK_LIMIT: Limit = Limit(BOOK_BYTES);

endpoints! {
    /// Operations for users.
    pub struct Users {
        whoami: whoami;
        books: list, create, read, append;
    }
}

endpoints! {
    /// Operations for gateways, which send them with their client's method.
    pub struct Gateways { verify: verify; }
}

/// The public API.
pub fn routes(app: &mut web::ServiceConfig) {
    use web::{resource, to};
    app.configure(openapi::routes).service(resource(verify::PATH).route(to(verify::verify)));
    for (path, routes) in Users::routes() {
        // The limit is for operations that take a body.
        let resource = resource(&*path).app_data(BOOK_LIMIT);
        app.service(routes.into_iter().fold(resource, Resource::route));
    }
}

/// The API for operators.
pub fn admin_routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/health/live").route(get().to(live)))
        .service(web::resource("/health/ready").route(get().to(health::ready)))
        .service(web::resource("/metrics").route(get().to(metrics::metrics)));
}

/// An answer to one user must not be stored, for others or for later.
#[must_use]
pub fn never_stored() -> DefaultHeaders {
    DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store"))
}

/// Which pages may call. No cookies: a page that calls sends its access token itself.
#[must_use]
pub fn cors(origins: Vec<String>) -> Policy {
    Policy {
        origins,
        with_credentials: false,
        methods: "GET, HEAD, POST",
        exposed_headers: "www-authenticate, retry-after, location, x-request-id",
        audience,
        refusal: origin_not_allowed,
    }
}

/// The OpenAPI document is public. Verdicts are for gateways: to them, an answer to a preflight would mean "let it in".
fn audience(path: &str) -> Audience {
    match path {
        "/openapi.json" => Audience::Everybody,
        verify::PATH => Audience::Programs,
        _ => Audience::AllowedOrigins,
    }
}

fn origin_not_allowed(origin: &[u8]) -> Problem {
    cors::warn(origin, "RESOURCE_ALLOWED_ORIGINS");
    let detail = "pages of this origin may not call: it is not in RESOURCE_ALLOWED_ORIGINS";
    Problem::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail)
}
