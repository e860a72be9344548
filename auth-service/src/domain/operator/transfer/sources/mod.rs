//! What other systems export, as a stream of users in the format of our own. Nothing here knows a database.

mod auth0;
mod better_auth;
mod csv;
mod firebase;
mod keycloak;
mod objects;
mod supabase;
mod times;

pub use self::firebase::{BadHashConfig, HashConfig};

use super::format::{self, BadInput, Sink};
use std::io::BufRead;

/// Where users come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Another installation.
    Jeton,
    /// An export of a realm, with its users.
    Keycloak,
    /// Rows of `auth.users`, as JSON.
    Supabase,
    /// An export job, or a file for its import.
    Auth0,
    /// `firebase auth:export`, as JSON.
    Firebase,
    /// Rows of `user` with the password of `account`, as JSON.
    BetterAuth,
    /// A table with a line of headings.
    Csv,
}

impl Source {
    /// All of them, by their names.
    pub const ALL: [(&'static str, Self); 7] = [
        ("jeton", Self::Jeton),
        ("keycloak", Self::Keycloak),
        ("supabase", Self::Supabase),
        ("auth0", Self::Auth0),
        ("firebase", Self::Firebase),
        ("better-auth", Self::BetterAuth),
        ("csv", Self::Csv),
    ];

    /// Reads users, one after the other, until the sink has enough.
    ///
    /// # Errors
    /// [`BadInput`].
    pub fn read(
        self,
        input: &mut dyn BufRead,
        hash_config: Option<&HashConfig>,
        sink: &mut Sink<'_>,
    ) -> Result<(), BadInput> {
        match self {
            Self::Jeton => format::read(input, sink),
            Self::Keycloak => objects::each(input, Some("users"), keycloak::user, sink),
            Self::Supabase => objects::each(input, None, supabase::user, sink),
            Self::Auth0 => objects::each(input, None, auth0::user, sink),
            Self::Firebase => objects::each(input, Some("users"), |value| firebase::user(value, hash_config), sink),
            Self::BetterAuth => objects::each(input, None, better_auth::user, sink),
            Self::Csv => csv::read(input, sink),
        }
    }
}

#[cfg(test)]
mod tests;
