//! Health.

use super::*;

#[actix_web::test]
async fn a_service_with_a_key_is_ready() {
    let service = Service::start().await;
    let answer = service.ask_admin(TestRequest::get().uri("/health/ready")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let keys = json!({ "count": 1, "source": "pinned", "age_seconds": 0 });
    assert_eq!(answer.json(), json!({ "status": "ready", "keys": keys }));
}

#[actix_web::test]
async fn a_service_without_a_key_is_alive_but_not_ready() {
    let service = Service::start_with(None, &[]).await;
    assert_eq!(service.ask_admin(TestRequest::get().uri("/health/live")).await.status, StatusCode::OK);
    let answer = service.ask_admin(TestRequest::get().uri("/health/ready")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
}

#[actix_web::test]
async fn health_is_not_for_the_public() {
    let service = Service::start().await;
    for path in ["/health/live", "/health/ready", "/metrics"] {
        assert_eq!(service.get(path, &reader()).await.status, StatusCode::NOT_FOUND);
    }
}
