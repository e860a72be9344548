//! Custom claims: what admins add to a user, copied into access tokens.

use serde_json::{Map, Value};

/// The most bytes of JSON that a user's custom claims may have: they are part of every access token.
pub const MAX_CUSTOM_BYTES: usize = 1024;
/// How deep lists and objects may be nested in custom claims. Some verifiers' parsers accept only a few dozen levels,
/// including the token around the claims.
pub const MAX_CUSTOM_DEPTH: usize = 8;
/// Why custom claims are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCustomClaims {
    /// They are larger than [`MAX_CUSTOM_BYTES`].
    #[error("custom claims must not exceed 1 KiB of JSON")]
    TooLarge,
    /// They are nested deeper than [`MAX_CUSTOM_DEPTH`].
    #[error("lists and objects in custom claims must not be nested more than 8 deep")]
    TooDeep,
}

/// Checks the bounds of custom claims.
///
/// # Errors
/// [`BadCustomClaims`].
pub fn check_custom(custom: &Map<String, Value>) -> Result<(), BadCustomClaims> {
    let json = serde_json::to_string(custom).map_or(usize::MAX, |json| json.len());
    if json > MAX_CUSTOM_BYTES {
        return Err(BadCustomClaims::TooLarge);
    }
    let depth = 1 + custom.values().map(depth).max().unwrap_or(0);
    if depth > MAX_CUSTOM_DEPTH { Err(BadCustomClaims::TooDeep) } else { Ok(()) }
}

/// How deep a value is nested: 0 for neither a list nor an object. The recursion is bounded, because the parser bounds
/// the depth.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(custom: &Value) -> Result<(), BadCustomClaims> {
        check_custom(custom.as_object().expect("an object"))
    }

    #[test]
    fn custom_claims_have_bounds_in_size_and_depth() {
        assert!(check(&json!({})).is_ok());
        assert!(check(&json!({ "x": "y".repeat(MAX_CUSTOM_BYTES - 8) })).is_ok());
        assert!(matches!(check(&json!({ "x": "y".repeat(MAX_CUSTOM_BYTES - 7) })), Err(BadCustomClaims::TooLarge)));
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(check(&nested(MAX_CUSTOM_DEPTH)).is_ok());
        assert!(matches!(check(&nested(MAX_CUSTOM_DEPTH + 1)), Err(BadCustomClaims::TooDeep)));
        let lists = (0..MAX_CUSTOM_DEPTH).fold(json!([]), |inner, _| json!([inner]));
        assert!(matches!(check(&json!({ "a": lists })), Err(BadCustomClaims::TooDeep)));
    }
}
