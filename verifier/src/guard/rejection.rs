//! The answer to a request that is not let in, for any web framework.

use super::{Level, Wanted};
use crate::Refusal;
use serde::Serialize;
use std::{borrow::Cow, fmt};

/// The media type of [`Rejection::body`].
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// Why a request is not let in: a status, a challenge, and a problem document (RFC 9457) with a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No access token was sent.
    #[error("no access token was sent")]
    Missing,
    /// The token is refused.
    #[error("{0}")]
    Refused(Refusal),
    /// There is no key to verify with: nothing can be said about the token.
    #[error("there is no key to verify with")]
    KeysUnavailable,
    /// The token is good, and it is not known recently enough whether its session has ended since. Nothing is wrong with
    /// the token.
    #[error("what is known about ended sessions is not recent enough")]
    RevocationsStale,
    /// The token is good, and does not grant what is needed: a scope, or several separated by spaces.
    #[error("the access token does not grant {0:?}")]
    InsufficientScope(Cow<'static, str>),
    /// The token is good, and its user has to authenticate again, more recently or more strongly (RFC 9470): what is lacking.
    /// A refresh does not help.
    #[error("the user is not authenticated as is wanted: {0:?} is lacking")]
    InsufficientAuthentication(Wanted),
    /// The program has not registered a verifier.
    #[error("no verifier is registered")]
    NoVerifier,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A problem document.
#[derive(Serialize)]
struct Document {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'static str,
}

impl Rejection {
    /// For a token that does not grant what is needed.
    pub fn without_scope(needed: impl Into<Cow<'static, str>>) -> Self {
        Self::InsufficientScope(needed.into())
    }

    /// The status of the answer: 401, 403, 503, or 500 when the program is at fault.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Missing | Self::Refused(_) | Self::InsufficientAuthentication(_) => 401,
            Self::InsufficientScope(_) => 403,
            Self::NoVerifier => 500,
            Self::KeysUnavailable | Self::RevocationsStale => 503,
        }
    }

    /// The stable name of what went wrong, and the only member that clients should decide by. They learn whether a
    /// token has expired or was ended, and nothing else about what is wrong with it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Refused(Refusal::Expired) => "token_expired",
            Self::Refused(Refusal::Ended) => "token_ended",
            Self::Refused(_) => "token_invalid",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::InsufficientAuthentication(_) => "authentication_insufficient",
            Self::NoVerifier => "internal",
            Self::KeysUnavailable => "unavailable",
            Self::RevocationsStale => "revocations_stale",
        }
    }

    /// What to do about it, for people; may change.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        match self {
            Self::Missing => "this call needs an access token: send it as Authorization: Bearer",
            Self::Refused(Refusal::Expired) => "the access token has expired: refresh it and repeat the request",
            Self::Refused(Refusal::Ended) => {
                "the access token's session has ended: refresh, and if that is refused, log in again"
            }
            Self::Refused(_) => "the access token is not valid: refresh it and repeat the request",
            Self::InsufficientScope(_) => "the access token does not grant what this call needs",
            Self::InsufficientAuthentication(_) => {
                "the user has to authenticate again for this call, as the challenge says: do not refresh"
            }
            Self::NoVerifier => "something is wrong on our side: see the log",
            Self::KeysUnavailable => "verification keys are not available yet: keep the token and retry",
            Self::RevocationsStale => {
                "whether the session has ended is not known recently enough for this call: keep the token and retry"
            }
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750, section 3; RFC 9470, section 3): what to send, or what was wrong with it.
    #[must_use]
    pub fn challenge(&self) -> Option<String> {
        let invalid = |description| Challenge {
            error: Some("invalid_token"),
            description: Some(description),
            ..Challenge::default()
        };
        let challenge = match self {
            Self::Missing => Challenge::default(),
            Self::Refused(Refusal::Expired) => invalid("token expired"),
            Self::Refused(Refusal::Ended) => invalid("token ended"),
            Self::Refused(_) => invalid("token invalid"),
            Self::InsufficientScope(scope) => Challenge {
                error: Some("insufficient_scope"),
                scope: if is_scope(scope) { scope } else { "" },
                ..Challenge::default()
            },
            Self::InsufficientAuthentication(lacking) => Challenge {
                error: Some("insufficient_user_authentication"),
                description: Some("the user has to authenticate again"),
                acr: lacking.acr.as_ref(),
                max_age: lacking.max_age,
                ..Challenge::default()
            },
            Self::KeysUnavailable | Self::RevocationsStale | Self::NoVerifier => return None,
        };
        Some(challenge.to_string())
    }

    /// The value of `Retry-After`, in seconds: when to try again with the same token.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::KeysUnavailable | Self::RevocationsStale => Some(1),
            _ => None,
        }
    }

    /// A problem document in JSON; its type is [`PROBLEM_TYPE`]. Contains nothing that the client sent.
    #[must_use]
    pub fn body(&self) -> String {
        let document = Document {
            r#type: format!("urn:jeton:problem:{}", self.code()),
            title: self.title(),
            status: self.status(),
            code: self.code(),
            detail: self.detail(),
        };
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The status in words.
    const fn title(&self) -> &'static str {
        match self {
            Self::Missing | Self::Refused(_) | Self::InsufficientAuthentication(_) => "Unauthorized",
            Self::InsufficientScope(_) => "Forbidden",
            Self::NoVerifier => "Internal Server Error",
            Self::KeysUnavailable | Self::RevocationsStale => "Service Unavailable",
        }
    }
}

/// Its parameters are separated by commas (RFC 9110, section 11.6.1); those that are empty are left out.
#[derive(Default)]
struct Challenge<'a> {
    error: Option<&'static str>,
    description: Option<&'static str>,
    scope: &'a str,
    acr: Option<&'a Level>,
    max_age: Option<u32>,
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"Bearer realm="jeton""#)?;
        let scope = Some(self.scope).filter(|scope| !scope.is_empty());
        let acr_values = self.acr.map(|acr| acr.satisfying().collect::<Vec<_>>().join(" "));
        let max_age = self.max_age.map(|seconds| seconds.to_string());
        let parameters = [
            ("error", self.error),
            ("error_description", self.description),
            ("scope", scope),
            ("acr_values", acr_values.as_deref()),
            ("max_age", max_age.as_deref()),
        ];
        for (name, value) in parameters {
            if let Some(value) = value {
                write!(f, r#", {name}="{value}""#)?;
            }
        }
        Ok(())
    }
}

/// Whether a text is a scope, or several separated by spaces (RFC 6749, section 3.3).
#[must_use]
pub fn is_scope(text: &str) -> bool {
    text.split(' ').all(|scope| !scope.is_empty() && scope.bytes().all(is_scope_byte))
}

/// Printable ASCII, except what ends or escapes in a quoted string, and the space.
pub(super) const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Flaw;

    #[test]
    fn a_scope_that_could_break_out_of_the_challenge_is_left_out_of_it() {
        let challenge = |scope: &'static str| Rejection::without_scope(scope).challenge().expect("a challenge");
        assert_eq!(challenge("a b"), r#"Bearer realm="jeton", error="insufficient_scope", scope="a b""#);
        for odd in ["\"", "a\\", "a\r\nSet-Cookie: x", "ä", "", "a  b"] {
            assert_eq!(challenge(odd), r#"Bearer realm="jeton", error="insufficient_scope""#, "{odd:?}");
        }
    }

    #[test]
    fn a_lacking_login_is_challenged_by_what_is_lacking_and_nothing_else() {
        let lacking = |acr, max_age| Rejection::InsufficientAuthentication(Wanted { acr, max_age });
        let both = lacking(Some(Level::TWO_FACTORS), Some(300));
        assert_eq!((both.status(), both.code(), both.retry_after()), (401, "authentication_insufficient", None));
        let challenge = r#"Bearer realm="jeton", error="insufficient_user_authentication", error_description="the user has to authenticate again""#;
        let said = |rejection: &Rejection| {
            rejection.challenge().and_then(|said| Some(said.strip_prefix(challenge)?.to_owned()))
        };
        assert_eq!(said(&both).as_deref(), Some(r#", acr_values="2 phr", max_age="300""#));
        assert_eq!(said(&lacking(None, Some(300))).as_deref(), Some(r#", max_age="300""#));
        assert_eq!(said(&lacking(Some(Level::of("urn:x")), None)).as_deref(), Some(r#", acr_values="urn:x""#));
        let body = r#"{"type":"urn:jeton:problem:authentication_insufficient","title":"Unauthorized","status":401,"code":"authentication_insufficient","detail":"the user has to authenticate again for this call, as the challenge says: do not refresh"}"#;
        assert_eq!(both.body(), body);
    }

    #[test]
    fn a_key_that_is_not_known_looks_like_any_invalid_token() {
        let invalid = Rejection::Refused(Flaw::Signature.into());
        let unknown = Rejection::Refused(Refusal::UnknownKey);
        assert_eq!((unknown.body(), unknown.challenge()), (invalid.body(), invalid.challenge()));
    }

    #[test]
    fn an_ended_token_is_told_so_and_a_stale_feed_is_never_a_refusal_of_the_token() {
        let ended = Rejection::Refused(Refusal::Ended);
        assert_eq!((ended.status(), ended.code(), ended.retry_after()), (401, "token_ended", None));
        let challenge = r#"Bearer realm="jeton", error="invalid_token", error_description="token ended""#;
        assert_eq!(ended.challenge().as_deref(), Some(challenge));
        let stale = Rejection::RevocationsStale;
        assert_eq!((stale.status(), stale.code(), stale.retry_after()), (503, "revocations_stale", Some(1)));
        assert_eq!(stale.challenge(), None);
    }

    #[test]
    fn an_outage_is_not_a_refusal_of_the_token() {
        let outage = Rejection::KeysUnavailable;
        assert_eq!((outage.status(), outage.retry_after(), outage.challenge()), (503, Some(1), None));
        let body = r#"{"type":"urn:jeton:problem:unavailable","title":"Service Unavailable","status":503,"code":"unavailable","detail":"verification keys are not available yet: keep the token and retry"}"#;
        assert_eq!(outage.body(), body);
    }
}
