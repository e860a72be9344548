//! The token of the `Authorization` header (RFC 6750, section 2.1).

use super::Rejection;
use crate::{Flaw, Refusal};

/// Credentials without exactly one token are refused like an invalid token.
const MALFORMED: Rejection = Rejection::Refused(Refusal::Invalid(Flaw::Credentials));

/// The token in the values of all `Authorization` headers. Another scheme counts as no token.
pub(super) fn bearer<'a>(authorization: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a str, Rejection> {
    let mut credentials = authorization.into_iter();
    let first = credentials.next().ok_or(Rejection::Missing)?;
    if credentials.next().is_some() {
        return Err(MALFORMED);
    }
    let first = first.trim_ascii();
    let (scheme, token) = first.split_at(first.iter().position(|byte| *byte == b' ').unwrap_or(first.len()));
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(Rejection::Missing);
    }
    let token = std::str::from_utf8(token.trim_ascii()).map_err(|_| MALFORMED)?;
    if token.is_empty() || token.contains([' ', '\t', ',']) { Err(MALFORMED) } else { Ok(token) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_several_tokens_are_refused_before_any_verifier_sees_them() {
        for credentials in ["Bearer", "Bearer ", "Bearer a b", "Bearer a\tb", "Bearer a,b"] {
            assert_eq!(bearer([credentials.as_bytes()]), Err(MALFORMED), "{credentials:?}");
        }
        assert_eq!(bearer([b"Bearer a.b.c".as_slice()]), Ok("a.b.c"));
    }
}
