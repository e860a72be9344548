//! The root secret.

use super::stores::Stores;
use crate::domain::secrets::{KeyRing, RootSecret};
use shared::{settings, settings::Settings};
use std::path::Path;

settings! {
    /// Root secret: 32 or more random bytes in hex or base64 (`auth-service secret` prints one). With everything embedded, it is created beside the database at first start.
    secret AUTH_SECRET: RootSecret, root_secret;
    /// Previous root secret, during rotation.
    secret AUTH_SECRET_PREVIOUS: RootSecret, root_secret;
}

/// How to get the secret of an embedded installation.
pub(super) type OwnSecret = fn(&Path) -> Result<RootSecret, String>;

pub(super) fn keys(settings: &Settings, stores: &Stores, own_secret: OwnSecret) -> KeyRing {
    let given = settings.find(&AUTH_SECRET);
    let current = if settings.is_given(&AUTH_SECRET.named) { given } else { own(settings, stores, own_secret) };
    // Never used: the mistake is reported first.
    let none = || RootSecret::parse(&RootSecret::generate()).expect("a generated secret is accepted");
    KeyRing::new(&current.unwrap_or_else(none), settings.find(&AUTH_SECRET_PREVIOUS).as_ref())
}

fn own(settings: &Settings, stores: &Stores, own_secret: OwnSecret) -> Option<RootSecret> {
    let Some(directory) = stores.only_directory() else {
        settings.mistake("AUTH_SECRET: missing; `auth-service secret` prints one, and every replica needs the same");
        return None;
    };
    // A refused start makes no file, least of all where a wrong setting points.
    if settings.has_mistakes() {
        return None;
    }
    let own = own_secret(&directory.join("secret"));
    own.map_err(|mistake| settings.mistake(format!("AUTH_SECRET: {mistake}"))).ok()
}

fn root_secret(text: &str) -> Result<RootSecret, String> {
    RootSecret::parse(text).map_err(|error| error.to_string())
}
