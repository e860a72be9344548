//! Whether the issuer is the one that the settings name, and its clock agrees with this machine's: asked in the background at the
//! address of the keys, and reported once. The answer changes nothing about which tokens are accepted.

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AGE, CACHE_CONTROL},
};
use jeton_verifier::keys::{
    Address,
    fetch::{Client, date},
};
use serde::Deserialize;
use shared::clock::{Clock, Timestamp};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

const JWKS_PATH: &str = "/.well-known/jwks.json";
const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked for.
const PACE: Duration = Duration::from_secs(5 * 60);
/// The first retry after a failure; the wait doubles each time.
const FIRST_PACE: Duration = Duration::from_secs(5);
/// A clock that is further off is reported: tokens are refused when it is ahead of the issuer's by their lifetime, or behind
/// by a minute.
const TOLERABLE: Duration = Duration::from_secs(30);
/// The most characters of an issuer's name that are shown.
const SHOWN: usize = 200;

/// What the settings or this machine do not agree about with the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disagreement {
    /// The service at the address of the keys calls itself something else.
    Issuer {
        /// `RESOURCE_ISSUER`.
        ours: String,
        /// What it calls itself.
        theirs: String,
    },
    /// The clocks differ.
    Clock {
        /// At least by this much.
        apart: Duration,
        /// Whether this machine's is the one ahead.
        is_ours_ahead: bool,
    },
}

impl Disagreement {
    /// What it is about, in a word.
    #[must_use]
    pub const fn about(&self) -> &'static str {
        match self {
            Self::Issuer { .. } => "issuer",
            Self::Clock { .. } => "clock",
        }
    }

    /// What is wrong, and what to change.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Issuer { ours, theirs } => format!(
                "RESOURCE_ISSUER is {ours:?}, but the service that publishes the keys calls itself {theirs:?}: its tokens are \
                 refused; set RESOURCE_ISSUER to exactly what it calls itself (its AUTH_PUBLIC_URL), or point RESOURCE_JWKS_URL \
                 at the issuer"
            ),
            Self::Clock { apart, is_ours_ahead } => format!(
                "the clock of this machine is at least {} s {} that of the issuer: tokens are taken for {}; set both clocks by NTP",
                apart.as_secs(),
                if *is_ours_ahead { "ahead of" } else { "behind" },
                if *is_ours_ahead { "expired too early" } else { "not valid yet" },
            ),
        }
    }
}

/// What the service at the address of the keys says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What it calls itself.
    pub issuer: String,
    /// When it answered by its own clock; `None` if a cache may have answered in its place.
    pub date: Option<Timestamp>,
    /// When it was asked.
    pub asked: Timestamp,
    /// When the answer arrived.
    pub had: Timestamp,
}

impl Metadata {
    /// Asks for it.
    ///
    /// # Errors
    /// Why it could not be read, in a few words.
    pub async fn ask(client: &Client, address: &Address, clock: &dyn Clock) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
        }
        let asked = clock.now();
        let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
        let answer =
            client.send(Method::GET, &metadata_url(address), headers).await.map_err(|error| error.to_string())?;
        let had = clock.now();
        if answer.status() != StatusCode::OK {
            return Err(format!("the answer is {}", answer.status()));
        }
        let date = own_date(answer.headers());
        let Document { issuer } =
            serde_json::from_slice(answer.body()).map_err(|_| "the answer is not issuer metadata".to_owned())?;
        Ok(Self { issuer: issuer.chars().take(SHOWN).collect(), date, asked, had })
    }

    /// What does not agree with the setting and with this machine's clock.
    #[must_use]
    pub fn disagreements(&self, issuer: &str) -> Vec<Disagreement> {
        let named = (self.issuer != issuer)
            .then(|| Disagreement::Issuer { ours: issuer.to_owned(), theirs: self.issuer.clone() });
        named.into_iter().chain(self.clock()).collect()
    }

    /// How far the clocks differ for certain, whenever within the exchange, and within its second, the date was taken.
    fn clock(&self) -> Option<Disagreement> {
        let earliest = self.date?;
        let latest = earliest.plus(Duration::from_secs(1));
        let (ahead, behind) = (self.asked.since(latest), earliest.since(self.had));
        let (apart, is_ours_ahead) = (ahead.max(behind), ahead > behind);
        (apart > TOLERABLE).then_some(Disagreement::Clock { apart, is_ours_ahead })
    }
}

/// A date that no cache has kept.
fn own_date(headers: &HeaderMap) -> Option<Timestamp> {
    if headers.contains_key(AGE) { None } else { date(headers) }
}

/// Beside the keys: the key server may be reached by another name than the issuer has.
fn metadata_url(address: &Address) -> url::Url {
    let mut url = address.url().clone();
    let path = url.path().strip_suffix(JWKS_PATH).map(|base| format!("{base}{METADATA_PATH}"));
    url.set_path(path.as_deref().unwrap_or(METADATA_PATH));
    url
}

/// What was found out last, for whoever looks at the service's health.
#[derive(Debug, Default)]
pub struct Agreement(Mutex<Vec<Disagreement>>);

impl Agreement {
    /// Asks in the background for as long as the runtime lives.
    ///
    /// # Errors
    /// If no HTTP client can be made for the address.
    pub fn watch(self: &Arc<Self>, address: Address, issuer: String, clock: Arc<dyn Clock>) -> Result<(), String> {
        let client = Client::of(&address, PATIENCE).map_err(|error| error.to_string())?;
        let agreement = Arc::clone(self);
        tokio::spawn(async move {
            let mut pace = FIRST_PACE;
            loop {
                match Metadata::ask(&client, &address, &*clock).await {
                    Ok(metadata) => {
                        agreement.take(metadata.disagreements(&issuer));
                        pace = PACE;
                    }
                    // That keys are not answered is said where they are fetched.
                    Err(reason) => {
                        tracing::debug!(reason, "the issuer's metadata cannot be read");
                        pace = PACE.min(pace * 2);
                    }
                }
                tokio::time::sleep(pace).await;
            }
        });
        Ok(())
    }

    /// What the two disagree about.
    #[must_use]
    pub fn lacking(&self) -> Vec<&'static str> {
        self.known().iter().map(Disagreement::about).collect()
    }

    /// Says what is new, and what is over.
    fn take(&self, found: Vec<Disagreement>) {
        let mut known = self.known();
        for new in found.iter().filter(|new| !known.iter().any(|known| is_the_same(known, new))) {
            tracing::warn!("{}", new.advice());
        }
        for about in
            known.iter().map(Disagreement::about).filter(|about| !found.iter().any(|new| new.about() == *about))
        {
            tracing::info!("the {about} agrees with the issuer's again");
        }
        *known = found;
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Disagreement>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clocks go on drifting, which is no news.
fn is_the_same(one: &Disagreement, other: &Disagreement) -> bool {
    match (one, other) {
        (Disagreement::Clock { is_ours_ahead: one, .. }, Disagreement::Clock { is_ours_ahead: other, .. }) => {
            one == other
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(issuer: &str, date: Option<i64>) -> Metadata {
        let (asked, had) = (Timestamp::from_secs(1000), Timestamp::from_secs(1004));
        Metadata { issuer: issuer.to_owned(), date: date.map(Timestamp::from_secs), asked, had }
    }

    #[test]
    fn the_issuer_is_compared_byte_by_byte() {
        let about = |ours: &str| answered("https://auth.example", None).disagreements(ours);
        assert_eq!(about("https://auth.example"), []);
        for other in
            ["https://auth.example/", "http://auth.example", "https://AUTH.example", "https://auth.example:443"]
        {
            let found = about(other);
            assert_eq!(found.len(), 1, "{other}");
            assert!(
                found[0].advice().contains("RESOURCE_ISSUER") && found[0].advice().contains("\"https://auth.example\"")
            );
        }
    }

    #[test]
    fn a_clock_is_off_by_what_no_slow_answer_explains() {
        let off = |date| match answered("x", Some(date)).disagreements("x").first() {
            Some(Disagreement::Clock { apart, is_ours_ahead: true }) => apart.as_secs() as i64,
            Some(Disagreement::Clock { apart, is_ours_ahead: false }) => -(apart.as_secs() as i64),
            _ => 0,
        };
        assert_eq!([1000, 1004, 969, 1034].map(off), [0; 4]);
        assert_eq!([968, 819, 1035, 1184].map(off), [31, 180, -31, -180]);
        assert_eq!(answered("x", None).disagreements("x"), []);
    }

    #[test]
    fn the_metadata_is_beside_the_keys() {
        let of = |url: &str| metadata_url(&url::Url::parse(url).expect("a URL").into()).to_string();
        assert_eq!(
            of("https://auth.example/tenant/.well-known/jwks.json?key=x"),
            "https://auth.example/tenant/.well-known/oauth-authorization-server?key=x"
        );
        assert_eq!(of("http://auth:8080/keys"), "http://auth:8080/.well-known/oauth-authorization-server");
    }

    #[test]
    fn what_is_answered_is_shown_shortly_and_without_control_characters() {
        let advice = Disagreement::Issuer { ours: "x".to_owned(), theirs: "a\n\u{1b}[2Jb".to_owned() }.advice();
        assert!(!advice.contains(['\n', '\u{1b}']), "{advice}");
    }
}
