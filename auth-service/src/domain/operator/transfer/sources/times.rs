//! Times as other systems write them.

use crate::domain::operator::transfer::format::written;
use serde_json::Value;
use shared::clock::Timestamp;

/// Greater numbers are milliseconds since 1970, others are seconds: 1973 in the one, 5138 in the other.
const SECONDS_BELOW: i64 = 100_000_000_000;

/// A time in RFC 3339: from a number of seconds or milliseconds since 1970, or from a text with or without a zone, which
/// then is UTC. What is neither is left as it is, so that it is refused.
pub(super) fn rfc3339(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.as_f64().map(|number| format!("{number:.0}"))?,
        Value::String(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => return None,
    };
    if let Ok(number) = text.parse::<i64>() {
        let millis = if number.abs() < SECONDS_BELOW { number.saturating_mul(1000) } else { number };
        return written(Timestamp::from_millis(millis)).or(Some(text));
    }
    let with_t = text.replacen(' ', "T", 1);
    // PostgreSQL shortens the zone to hours.
    let forms = [with_t.clone(), format!("{with_t}:00"), format!("{with_t}Z")];
    Some(forms.into_iter().find(|form| Timestamp::from_rfc3339(form).is_some()).unwrap_or(text))
}
