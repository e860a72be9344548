//! The names by which the revocation feed calls what has ended. The feed is public, and so it carries digests: whoever holds
//! a token has what they are made of, and nobody else learns who it was.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{
    borrow::Cow,
    hash::{Hash, Hasher},
};

/// The first 16 bytes of SHA-256 of a kind, a colon and a value. Written as base64url without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 16]);

impl Digest {
    /// Of a value of this kind: `sid`, `jti` or `sub`.
    pub(crate) fn of(kind: &str, value: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        [kind, ":", value].into_iter().for_each(|part| context.update(part.as_bytes()));
        let whole = context.finish();
        Self(*whole.as_ref().first_chunk().expect("SHA-256 has 32 bytes"))
    }

    fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// As good a hash as any: the bytes are those of a cryptographic one. Maps mix a secret into it.
impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from_le_bytes(*self.0.first_chunk().expect("eight of sixteen bytes")));
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not 16 bytes in base64url"))
    }
}

/// The names of one token, made once for a token that is new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// Of its session.
    pub(crate) session: Digest,
    /// Of the token itself.
    pub(crate) token: Digest,
    /// Of its user.
    pub(crate) user: Digest,
}

impl Names {
    pub(super) fn of(session_id: &str, token_id: &str, subject: &str) -> Self {
        let [session, token, user] =
            [("sid", session_id), ("jti", token_id), ("sub", subject)].map(|(kind, value)| Digest::of(kind, value));
        Self { session, token, user }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_beginning_of_a_hash_that_other_programs_can_compute() {
        let name = Digest::of("sid", "session-1");
        let written = serde_json::to_string(&name).expect("JSON");
        assert_eq!(written, "\"xlGaeoy744m6lMrs0gkAqQ\"");
        assert_eq!(serde_json::from_str::<Digest>(&written).expect("16 bytes"), name);
        assert_ne!(name, Digest::of("sub", "session-1"));
    }

    #[test]
    fn only_sixteen_bytes_in_their_one_spelling_are_a_name() {
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(Digest::parse(text).is_none(), "{text:?}");
        }
        assert!(Digest::parse("AAAAAAAAAAAAAAAAAAAAAA").is_some());
    }
}
