//! The committed OpenAPI document matches the code, and has the routes that are served.

use actix_web::{
    App,
    test::{call_service, init_service},
    web::Data,
};
use auth_service::{
    app,
    config::{CATALOG, Config},
    http::{self, openapi},
};
use clap::Command;
use testkit::documents::{assert_is_committed, documented, served};

#[test]
fn the_committed_document_matches_the_code() {
    assert_is_committed("auth-service.json", &openapi::document());
}

#[actix_web::test]
async fn the_document_has_the_routes_that_are_served_and_no_others() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let database = format!("sqlite://{}/auth.db", directory.path().display());
    let matches =
        CATALOG.flags(Command::new("auth-service").no_binary_name(true)).get_matches_from(Vec::<String>::new());
    // Pages are for people, and no part of the API.
    let environment = [("AUTH_DATABASE_URL", database.as_str()), ("AUTH_PAGES", "off")];
    let config = Config::read(&matches, environment).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    // Boxed: without optimisation, a large future is on the stack of a test several times.
    let state = Box::pin(app::assemble(config)).await.unwrap_or_else(|reason| panic!("{reason}")).state;
    let app = init_service(App::new().configure(http::public(Data::new(state)))).await;
    let mut served = served(async |request| call_service(&app, request.to_request()).await).await;
    assert!(served.remove("GET /client.js"), "{served:?}");
    assert_eq!(served, documented(&openapi::document()));
}

#[test]
fn a_refresh_token_need_not_be_in_the_body() {
    let document = serde_json::to_value(openapi::document()).expect("a document is JSON");
    for path in ["/auth/refresh", "/auth/logout"] {
        assert_eq!(document["paths"][path]["post"]["requestBody"]["required"], false, "{path}");
    }
}
