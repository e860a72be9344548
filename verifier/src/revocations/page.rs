//! One page of the feed: what it must be to be believed, and what it says.

use crate::{
    Flaw, KeySet,
    access_token::{Digest, Jws},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use std::{fmt, time::Duration};

/// The `typ` of a page's header.
const PAGE_TYPE: &str = "revocations+jwt";
/// The most endings of one page.
const MAX_ENTRIES: usize = 5000;
/// The longest that an ending is kept: no access token lives longer than an hour.
pub(super) const MAX_LIFE: Duration = Duration::from_secs(2 * 60 * 60);
/// Integers are below 2^53, which every reader of JSON can represent.
const INTEGERS: u64 = 1 << 53;

/// Why a page is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// It is signed, but not a page.
    #[error("its typ is not {PAGE_TYPE}")]
    Type,
    /// It is not a JWS as it should be.
    #[error("{0}")]
    Form(Flaw),
    /// No key that is held has its `kid`.
    #[error("it is signed with an unknown key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("its signature is wrong")]
    Signature,
    /// Another issuer's.
    #[error("its iss names another issuer")]
    Issuer,
    /// A member is missing, repeated or of the wrong type, or there are more than 5,000 entries.
    #[error("its members are not as they should be, or it has more than {MAX_ENTRIES} entries")]
    Members,
    /// It begins after what was asked for, or ends before its own beginning: something may be missing in between.
    #[error("it does not follow what was read before")]
    Order,
    /// It promises more, and would never come to an end.
    #[error("it says that there is more, and goes no further")]
    Standstill,
}

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A session or a token.
    Whole(Digest),
    /// Some tokens of a user.
    User {
        name: Digest,
        /// Those of an earlier epoch, except those of one session.
        epoch: Option<(i64, Option<Digest>)>,
        /// Those with an earlier revision of the rights.
        rev: Option<i64>,
    },
    /// Everybody's tokens of an earlier epoch.
    Everybody { epoch: i64 },
}

/// A page whose signature and members are in order.
#[derive(Debug)]
pub(super) struct Page {
    /// When it was true, in seconds of the issuer's clock.
    pub(super) iat: u64,
    /// What it begins after.
    after: u64,
    /// What to ask for next.
    pub(super) to: u64,
    /// Whether there is more after that.
    pub(super) more: bool,
    /// The ETag of the current key set.
    pub(super) jwks: String,
    /// What has ended, and for how long it is to be kept.
    pub(super) ended: Vec<(Named, Duration)>,
}

impl Page {
    /// Reads a page of this issuer.
    pub(super) fn read(text: &[u8], issuer: &str, keys: &KeySet) -> Result<Self, PageError> {
        let text = std::str::from_utf8(text).map_err(|_| PageError::Form(Flaw::Shape))?;
        let jws = Jws::of(text.trim_ascii_end(), PAGE_TYPE).map_err(|flaw| match flaw {
            Flaw::Type => PageError::Type,
            flaw => PageError::Form(flaw),
        })?;
        if !jws.is_signed(keys).ok_or(PageError::UnknownKey)? {
            return Err(PageError::Signature);
        }
        let payload = jws.payload().map_err(PageError::Form)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| PageError::Members)?;
        if claims.iss != issuer {
            return Err(PageError::Issuer);
        }
        let Claims { iss: _, iat: Integer(iat), after: Integer(after), to: Integer(to), more, jwks, ended } = claims;
        let ended = ended.0.into_iter().filter_map(|entry| entry.named(iat)).collect();
        Ok(Self { iat, after, to, more, jwks, ended })
    }

    /// Whether it answers a question for what came after `asked`, and the next question leads further.
    pub(super) fn follows(&self, asked: u64) -> Result<(), PageError> {
        if self.after > asked || self.to < self.after {
            return Err(PageError::Order);
        }
        if self.more && self.to <= asked { Err(PageError::Standstill) } else { Ok(()) }
    }
}

/// A JSON integer below 2^53.
#[derive(Debug, Clone, Copy)]
struct Integer(u64);

impl Integer {
    fn signed(self) -> i64 {
        self.0.cast_signed()
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if number < INTEGERS { Ok(Self(number)) } else { Err(D::Error::custom("not below 2^53")) }
    }
}

/// The claims as they are written. No member that is known may be repeated; others are ignored.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    iat: Integer,
    after: Integer,
    to: Integer,
    more: bool,
    jwks: String,
    ended: Entries,
}

/// One entry as it is written.
#[derive(Deserialize)]
struct Entry {
    u: Integer,
    #[serde(default, deserialize_with = "given")]
    h: Option<Digest>,
    #[serde(default, deserialize_with = "given")]
    epoch: Option<Integer>,
    #[serde(default, deserialize_with = "given")]
    but: Option<Digest>,
    #[serde(default, deserialize_with = "given")]
    rev: Option<Integer>,
}

/// A member that may be absent, but not `null`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Entry {
    /// What it names, and for how long, unless it has nothing known in it or is over.
    fn named(self, iat: u64) -> Option<(Named, Duration)> {
        let life = Duration::from_secs(self.u.0.saturating_sub(iat)).min(MAX_LIFE);
        let (epoch, rev) = (self.epoch.map(Integer::signed), self.rev.map(Integer::signed));
        let named = match (self.h, epoch, rev) {
            (Some(name), None, None) => Named::Whole(name),
            (Some(name), epoch, rev) => Named::User { name, epoch: epoch.map(|epoch| (epoch, self.but)), rev },
            (None, Some(epoch), _) => Named::Everybody { epoch },
            (None, None, _) => return None,
        };
        (!life.is_zero()).then_some((named, life))
    }
}

/// A list that is not read further than it may be long.
struct Entries(Vec<Entry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(OfAtMostFiveThousand)
    }
}

struct OfAtMostFiveThousand;

impl<'de> Visitor<'de> for OfAtMostFiveThousand {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX_ENTRIES} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            if entries.len() == MAX_ENTRIES {
                return Err(A::Error::custom("too many entries"));
            }
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
