//! The OpenAPI document and its page.

use super::*;
use resource_service::http::openapi;
use testkit::documents::*;

#[test]
fn the_committed_document_matches_the_code() {
    assert_is_committed("resource-service.json", &openapi::document());
}

#[actix_web::test]
async fn the_document_has_the_routes_that_are_served_and_no_others() {
    let service = Service::start().await;
    let app = test::init_service(app::public_app(service.parts.clone())).await;
    let mut served = served(async |request| test::call_service(&app, request.to_request()).await).await;
    assert!(served.remove("* /verify"), "any method: gateways pass on the client's\n{served:#?}");
    served.insert("GET /verify".to_owned());
    assert_eq!(served, documented(&openapi::document()));
}
