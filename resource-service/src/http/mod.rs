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

/// How many bytes the body of a new book or chapter may have: 1 MiB.
const BOOK_BYTES: usize = 1024 * 1024;
const BOOK_LIMIT: Limit = Limit(BOOK_BYTES);

endpoints! {
    /// What users ask.
    pub struct Users {
        whoami: whoami;
        books: list, create, read, append;
    }
}

endpoints! {
    /// What gateways ask, with whatever method their client used.
    pub struct Gateways { verify: verify; }
}

/// The public API.
pub fn routes(app: &mut web::ServiceConfig) {
    use web::{resource, to};
    app.configure(openapi::routes).service(resource(verify::PATH).route(to(verify::verify)));
    for (path, routes) in Users::routes() {
        // For those that take a body.
        let resource = resource(&*path).app_data(BOOK_LIMIT);
        app.service(routes.into_iter().fold(resource, Resource::route));
    }
}

/// For operators.
pub fn admin_routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/health/live").route(get().to(live)))
        .service(web::resource("/health/ready").route(get().to(health::ready)))
        .service(web::resource("/metrics").route(get().to(metrics::metrics)));
}

/// What is answered to one user is for nobody else, and not for later.
#[must_use]
pub fn never_stored() -> DefaultHeaders {
    DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store"))
}

/// Which pages may call. No cookies: a browser that calls holds its access token itself.
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

/// What documentation tools fetch is public. A verdict is for gateways: the answer to a preflight would let it pass.
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
