//! `GET /whoami`: what the access token says.

use actix_web::HttpResponse;
use serde_json::json;
use shared::guard::AccessToken;

pub(super) async fn whoami(token: AccessToken) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "sub": token.subject(),
        "sid": token.session_id(),
        "client_id": token.client_id(),
        "roles": token.roles(),
        "scope": token.scope(),
        "custom": token.custom(),
        "exp": token.expires_at().secs(),
    }))
}
