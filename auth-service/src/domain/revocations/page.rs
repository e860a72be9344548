//! Pages: compact JWS (RFC 7515) with their own type, so that none is taken for a token, and no token for one.

use super::{
    digest::Digest,
    held::{Entry, Stretch, What},
};
use crate::domain::keys::ActiveKeys;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use shared::clock::Timestamp;

/// The `typ` of a page's header.
const TYPE: &str = "revocations+jwt";

#[derive(Serialize)]
struct Page<'a> {
    iss: &'a str,
    iat: i64,
    after: i64,
    to: i64,
    more: bool,
    jwks: &'a str,
    ended: Vec<Ended>,
}

#[derive(Serialize)]
struct Ended {
    #[serde(skip_serializing_if = "Option::is_none")]
    h: Option<String>,
    u: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    but: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<i64>,
}

/// When a page was true.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dated {
    /// By the database's clock.
    pub(super) database: Timestamp,
    /// As the page says it; not earlier.
    pub(super) date: Timestamp,
}

/// Signs a page.
pub(super) fn signed(issuer: &str, keys: &ActiveKeys, dated: Dated, stretch: &Stretch) -> String {
    let ahead = dated.date.since(dated.database);
    let page = Page {
        iss: issuer,
        iat: dated.date.secs(),
        after: stretch.after,
        to: stretch.to,
        more: stretch.has_more,
        jwks: &keys.etag,
        ended: stretch.entries.iter().map(|entry| ended(entry, entry.until.plus(ahead))).collect(),
    };
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(keys.signer.kid.clone());
    jsonwebtoken::encode(&header, &page, &keys.signer.key).expect("publish.rs has opened the key")
}

fn ended(entry: &Entry, until: Timestamp) -> Ended {
    let text = |digest: Digest| URL_SAFE_NO_PAD.encode(digest);
    // Rounded up: an entry may be kept too long, never too short.
    let nothing = Ended { h: None, u: until.secs() + 1, epoch: None, but: None, rev: None };
    match entry.what {
        What::One(name) => Ended { h: Some(text(name)), ..nothing },
        What::User { sub, epoch, spared } => {
            Ended { h: Some(text(sub)), epoch: Some(epoch.0), but: spared.map(text), ..nothing }
        }
        What::Rights { sub, revision } => Ended { h: Some(text(sub)), rev: Some(revision), ..nothing },
        What::All(epoch) => Ended { epoch: Some(epoch.0), ..nothing },
    }
}
