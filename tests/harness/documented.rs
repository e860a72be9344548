//! No test gets an answer that the OpenAPI documents do not have.

use crate::answer::Answer;
use reqwest::Method;
use serde_json::Value;
use std::sync::LazyLock;

static DOCUMENTS: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let texts = [
        include_str!("../../docs/openapi/auth-service.json"),
        include_str!("../../docs/openapi/resource-service.json"),
    ];
    texts.map(|text| serde_json::from_str(text).expect("a committed document is JSON"))
});

/// The answers that any request may get.
const OF_EVERY_CALL: [u16; 2] = [405, 431];

/// Checks the status of an answer, and a problem's code, if the documents have the call.
///
/// # Panics
/// With the whole answer, when they do not have it.
pub(crate) fn assert_is_documented(method: &Method, path: &str, answer: &Answer) {
    if OF_EVERY_CALL.contains(&answer.status) {
        return;
    }
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    for document in DOCUMENTS.iter() {
        let paths = document["paths"].as_object().expect("a document has paths");
        let item = paths.iter().find(|(template, _)| is_like(template, path)).map(|(_, item)| item);
        let Some(operation) = item.and_then(|item| item.get(&method)) else { continue };
        let known = resolved(document, &operation["responses"][answer.status.to_string()]);
        assert!(!known.is_null(), "{method} {path}: the document has no such status\n{answer}");
        let schema = &known["content"]["application/problem+json"]["schema"];
        let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
        let is_known = codes.is_none_or(|codes| answer.body.is_empty() || codes.contains(&answer["code"]));
        assert!(is_known, "{method} {path}: the document has no such code\n{answer}");
    }
}

fn is_like(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(expected, part)| expected == part || (expected.starts_with('{') && !part.is_empty()))
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().and_then(|place| document.pointer(place.strip_prefix('#')?)).unwrap_or(value)
}
