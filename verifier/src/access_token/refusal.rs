//! Why a token is refused.

/// Why a token is refused. Holds nothing of the token, so that it can be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token was good, and has expired.
    #[error("expired")]
    Expired,
    /// The token was good, and the issuer has ended its session, its user's sessions or the token itself since.
    #[error("ended")]
    Ended,
    /// No key of the set has the token's `kid`. Whatever could be checked without it is in order, so that it is worth
    /// fetching the keys again.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// Anything else.
    #[error("{0}")]
    Invalid(Flaw),
}

impl Refusal {
    /// Every [`Refusal::reason`].
    pub const REASONS: [&str; 12] = [
        "expired",
        "ended",
        "not_yet_valid",
        "issuer",
        "audience",
        "unknown_key",
        "signature",
        "lifetime",
        "type",
        "claims",
        "unsupported",
        "malformed",
    ];

    /// The kind of reason, in a word that can be a label.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::UnknownKey | Self::Invalid(Flaw::UnknownKey) => "unknown_key",
            Self::Invalid(Flaw::NotYetValid) => "not_yet_valid",
            Self::Invalid(Flaw::Issuer) => "issuer",
            Self::Invalid(Flaw::Audience) => "audience",
            Self::Invalid(Flaw::Signature) => "signature",
            Self::Invalid(Flaw::Lifetime) => "lifetime",
            Self::Invalid(Flaw::Type) => "type",
            Self::Invalid(Flaw::Claims | Flaw::Claim(_)) => "claims",
            Self::Invalid(Flaw::Algorithm | Flaw::Extension | Flaw::ProofOfPossession) => "unsupported",
            Self::Invalid(Flaw::Credentials | Flaw::TooLong | Flaw::Shape | Flaw::Header | Flaw::KeyId) => "malformed",
        }
    }
}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        Self::Invalid(flaw)
    }
}

/// What is wrong with an invalid token: for logs and metrics, never for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// There is not exactly one `Authorization` header with exactly one token.
    #[error("not exactly one Authorization header with exactly one token")]
    Credentials,
    /// It is longer than 8 KiB.
    #[error("longer than 8 KiB")]
    TooLong,
    /// It is not three parts of canonical base64url without padding.
    #[error("not three parts of base64url")]
    Shape,
    /// The header is not a JSON object with unique members.
    #[error("the header is not a JSON object with unique members")]
    Header,
    /// `alg` is not RS256.
    #[error("alg is not RS256")]
    Algorithm,
    /// `typ` is not that of an access token.
    #[error("typ is not at+jwt")]
    Type,
    /// A header member that changes what the token means (`crit`, `b64`, `enc`, `zip`).
    #[error("the header asks for processing that is not supported")]
    Extension,
    /// `kid` is missing, empty, too long or not a string.
    #[error("kid is missing or unusable")]
    KeyId,
    /// The claims are not a JSON object with unique members.
    #[error("the claims are not a JSON object with unique members")]
    Claims,
    /// A claim is missing or of the wrong type; its name.
    #[error("claim {0} is missing or of the wrong type")]
    Claim(&'static str),
    /// Another issuer's token.
    #[error("iss names another issuer")]
    Issuer,
    /// A token for another service.
    #[error("aud does not name this service")]
    Audience,
    /// The token is bound to a key of its holder (`cnf`), which cannot be checked here.
    #[error("bound to a proof of possession, which is not supported")]
    ProofOfPossession,
    /// No key of the set has the token's `kid`, and it is not worth fetching the keys again: by its own `exp`, the
    /// token has expired.
    #[error("signed with an unknown key, and expired by its own exp")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the signature is wrong")]
    Signature,
    /// `nbf` or `iat` lies in the future.
    #[error("not valid yet")]
    NotYetValid,
    /// `exp` is not after `iat`, or more than an hour after it.
    #[error("exp is not within an hour after iat")]
    Lifetime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_counted_under_one_of_the_reasons() {
        let flaws = [
            (Flaw::NotYetValid, "not_yet_valid"),
            (Flaw::Issuer, "issuer"),
            (Flaw::Audience, "audience"),
            (Flaw::UnknownKey, "unknown_key"),
            (Flaw::Signature, "signature"),
            (Flaw::Lifetime, "lifetime"),
            (Flaw::Type, "type"),
            (Flaw::Claims, "claims"),
            (Flaw::Claim("sub"), "claims"),
            (Flaw::Algorithm, "unsupported"),
            (Flaw::Extension, "unsupported"),
            (Flaw::ProofOfPossession, "unsupported"),
            (Flaw::Credentials, "malformed"),
            (Flaw::TooLong, "malformed"),
            (Flaw::Shape, "malformed"),
            (Flaw::Header, "malformed"),
            (Flaw::KeyId, "malformed"),
        ];
        let flaws = flaws.map(|(flaw, reason)| (Refusal::from(flaw), reason));
        let others = [(Refusal::Expired, "expired"), (Refusal::Ended, "ended"), (Refusal::UnknownKey, "unknown_key")];
        for (refusal, reason) in flaws.into_iter().chain(others) {
            assert_eq!(refusal.reason(), reason, "{refusal:?}");
            assert!(Refusal::REASONS.contains(&reason));
        }
    }
}
