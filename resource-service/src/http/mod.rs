//! Every route, one line each.

mod books;
mod error;
mod health;
pub mod openapi;
mod scopes;
pub mod verify;
mod whoami;

use actix_cors::Cors;
use actix_web::{
    http::{Method, header},
    middleware::DefaultHeaders,
    web,
};
use shared::{
    body::Limit,
    server::{get, live},
};

/// How many bytes the body of a new book or chapter may have: 1 MiB.
const BOOK_BYTES: usize = 1024 * 1024;
const BOOK_LIMIT: Limit = Limit(BOOK_BYTES);

/// The public API. HEAD is answered as GET, without the body.
pub fn routes(app: &mut web::ServiceConfig) {
    use web::{post, resource, to};
    app.configure(openapi::routes)
        .service(resource("/whoami").route(get().to(whoami::whoami)))
        .service(resource("/books").app_data(BOOK_LIMIT).route(get().to(books::list)).route(post().to(books::create)))
        .service(resource("/books/{id}").route(get().to(books::read)))
        .service(resource("/books/{id}/chapters").app_data(BOOK_LIMIT).route(post().to(books::append)))
        .service(resource(verify::PATH).route(to(verify::verify)));
}

/// For operators.
pub fn admin_routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/health/live").route(get().to(live)))
        .service(web::resource("/health/ready").route(get().to(health::ready)))
        .service(web::resource("/metrics").route(get().to(health::metrics)));
}

/// What is answered to one user is for nobody else, and not for later.
#[must_use]
pub fn never_stored() -> DefaultHeaders {
    DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store"))
}

/// CORS for these origins. No cookies: a browser that calls holds its access token itself.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER, header::LOCATION])
        .max_age(600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
