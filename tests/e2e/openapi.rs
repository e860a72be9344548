//! `/openapi.json`, and the page that shows it.

use harness::{Answer, Stack};
use serde_json::Value;

/// The values of all attributes that make a browser load something or go somewhere.
fn addresses(page: &str) -> Vec<&str> {
    let attributes = ["href=", "src=", "srcset=", "action=", "data=", "poster=", "content=\"0;url=", "url(", "@import"];
    let values = attributes.iter().flat_map(|attribute| page.split(attribute).skip(1));
    values.filter_map(|rest| rest.trim_start_matches('"').split(['"', ')', '>', ' ']).next()).collect()
}

fn operations(document: &Value) -> Vec<&str> {
    let paths = document["paths"].as_object().expect("paths").values();
    let operations = paths.flat_map(|item| item.as_object().expect("methods").values());
    operations.map(|operation| operation["operationId"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn everybody_may_read_the_documents() {
    let stack = Stack::any().start().await;
    for (service, title) in [(&stack.auth, "auth-service"), (&stack.resource, "resource-service")] {
        let document = service.get("/openapi.json").send().await.expect(200);
        assert_eq!(document.header("content-type"), "application/json", "{document}");
        assert_eq!((&document["openapi"], &document["info"]["title"]), (&"3.1.0".into(), &title.into()), "{document}");
        for path in ["/openapi.json", "/docs", "/docs/style.css"] {
            let head = service.request("HEAD", path).send().await.expect(200);
            assert!(head.body.is_empty(), "{head}");
        }
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_schema() {
    let stack = Stack::any().start().await;
    for service in [&stack.auth, &stack.resource] {
        let page = service.get("/docs").send().await.expect(200).body;
        let document = service.get("/openapi.json").send().await.expect(200).json;
        for operation in operations(&document) {
            assert!(page.contains(&format!(r#"<section id="{operation}">"#)), "{operation} is missing\n{page}");
        }
        for schema in document["components"]["schemas"].as_object().expect("schemas").keys() {
            assert!(page.contains(&format!(r#"<section id="schema-{schema}">"#)), "{schema} is missing\n{page}");
        }
        for code in ["token_expired", "insufficient_scope", "body_too_large"] {
            assert!(page.contains(&format!("<code>{code}</code>")), "{code} is missing\n{page}");
        }
    }
}

#[tokio::test]
async fn the_page_loads_nothing_external_and_nothing_missing() {
    let stack = Stack::any().start().await;
    for service in [&stack.auth, &stack.resource] {
        let page = service.get("/docs").send().await.expect(200);
        let style = service.get("/docs/style.css").send().await.expect(200);
        assert_eq!(style.header("content-type"), "text/css; charset=utf-8", "{style}");
        let (all, of_style) = (addresses(&page.body), addresses(&style.body));
        assert!(all.contains(&"/docs/style.css") && all.contains(&"/openapi.json"), "{all:?}");
        for address in all.into_iter().chain(of_style) {
            if let Some(anchor) = address.strip_prefix('#') {
                assert!(page.body.contains(&format!(r#"id="{anchor}""#)), "{address} leads nowhere");
            } else {
                assert!(address.starts_with('/') && !address.starts_with("//"), "{address} is elsewhere");
                service.get(address).send().await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn the_page_runs_no_script() {
    let stack = Stack::any().start().await;
    for service in [&stack.auth, &stack.resource] {
        let page = service.get("/docs").send().await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{page}");
        for inline in ["<script", " style=", "<style", " onload=", " onclick=", "javascript:"] {
            assert!(!page.body.contains(inline), "{inline}");
        }
        assert_is_strict(&page);
    }
}

#[track_caller]
fn assert_is_strict(page: &Answer) {
    let policy = page.header("content-security-policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for needed in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
        assert!(directives.contains(&needed), "{needed}\n{page}");
    }
    for directive in directives {
        let mut sources = directive.split(' ').skip(1);
        assert!(sources.all(|source| ["'none'", "'self'"].contains(&source)), "{directive}\n{page}");
    }
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{page}");
}
