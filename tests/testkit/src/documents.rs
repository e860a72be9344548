//! What both services' documents are tested for: they are committed as the code says them, and the routes in them are
//! the routes that are served.

use actix_web::{
    dev::ServiceResponse,
    http::{Method, header},
    test::TestRequest,
};
use std::{collections::BTreeSet, fs, path::Path};
use utoipa::openapi::OpenApi;

/// Set by `cargo xtask openapi`: the committed document is written, not compared.
const WRITE: &str = "JETON_WRITE_OPENAPI";

/// Compares the committed document with what the code says.
///
/// # Panics
/// When they differ.
pub fn assert_is_committed(name: &str, document: &OpenApi) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi").join(name);
    let said = document.to_pretty_json().expect("a document is JSON") + "\n";
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &said).expect("the repository can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == said, "docs/openapi/{name} is not what the code says: run `cargo xtask openapi`");
}

/// `GET /books` and so on, as the document has them.
///
/// # Panics
/// When it has no paths.
#[must_use]
pub fn documented(document: &OpenApi) -> BTreeSet<String> {
    let document = serde_json::to_value(document).expect("a document is JSON");
    let paths = document["paths"].as_object().expect("a document has paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path has methods").keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

/// `GET /books` and so on, as the app serves them; `* /path` where any method is taken. HEAD goes with GET.
///
/// # Panics
/// When the framework shows its routes in another way.
pub async fn served<B>(ask: impl AsyncFn(TestRequest) -> ServiceResponse<B>) -> BTreeSet<String> {
    let anywhere = ask(TestRequest::with_uri("/nowhere")).await;
    // The framework offers no list of its routes, but shows them to whoever debugs it.
    let map = format!("{:?}", anywhere.request().resource_map());
    let paths =
        map.split("Single(\"").skip(1).filter_map(|rest| rest.split('"').next()).filter(|path| !path.is_empty());
    let mut routes = BTreeSet::new();
    for path in paths {
        let unknown = Method::from_bytes(b"UNHEARD-OF").expect("a method is a token");
        let request = TestRequest::with_uri(&path.replace("{id}", "1")).method(unknown);
        let answer = ask(request).await;
        let allowed = answer.headers().get(header::ALLOW).map_or("*", |methods| methods.to_str().expect("ASCII"));
        let methods = allowed.split(',').map(str::trim).filter(|method| *method != "HEAD" || !allowed.contains("GET"));
        routes.extend(methods.map(|method| format!("{method} {path}")));
    }
    routes
}
