//! Names of things. Two ids of different things are different types.

use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $new:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id, from the operating system's randomness.
            #[must_use]
            pub fn fresh() -> Self {
                Self($new)
            }

            /// An id with a chosen value, for models and tests of pure rules.
            #[must_use]
            pub const fn from_u128(value: u128) -> Self {
                Self(Uuid::from_u128(value))
            }

            /// The id in its shortest form.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// The reverse of `to_bytes`.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// A user. Ids sort by the time of registration (UUID version 7).
    UserId,
    Uuid::now_v7()
);
id!(
    /// A refresh session: the public `sid` of both kinds of token. Not a credential.
    SessionId,
    Uuid::new_v4()
);
id!(
    /// An event of the audit log. Ids sort by the time (UUID version 7).
    EventId,
    Uuid::now_v7()
);
id!(
    /// A mail. Ids sort by the time at which it was written (UUID version 7).
    MailId,
    Uuid::now_v7()
);
id!(
    /// A proof that was asked for: the public name of a flow by mail. Not a credential, and not to be guessed.
    ProofId,
    Uuid::new_v4()
);
id!(
    /// One token, its `jti`; also the name of the family of tokens that were exchanged for it.
    TokenId,
    Uuid::new_v4()
);
id!(
    /// A browser on which a user is not asked for the second factor. Not a credential.
    DeviceId,
    Uuid::new_v4()
);

id!(
    /// A passkey of a user. Ids sort by the time at which it was added (UUID version 7). Not the credential's own id.
    PasskeyId,
    Uuid::now_v7()
);

impl EventId {
    /// No id that was made at this time or later is less.
    #[must_use]
    pub fn first_at(time: Timestamp) -> Self {
        let millis = u128::try_from(time.millis()).unwrap_or_default().min((1 << 48) - 1);
        Self(Uuid::from_u128(millis << 80))
    }

    /// The id of an event that happened at this time and is named by these bytes. It is always the same, so that
    /// whoever records the event again finds it recorded.
    #[must_use]
    pub fn of(time: Timestamp, name: [u8; 10]) -> Self {
        let millis = u64::try_from(time.millis()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &name).into_uuid())
    }
}

/// A session's first family of tokens is named after the session.
impl From<SessionId> for TokenId {
    fn from(session: SessionId) -> Self {
        Self(session.0)
    }
}
