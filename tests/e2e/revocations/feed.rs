//! A reader of the feed, and what it then refuses, written from the contract alone.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use harness::{Answer, Http, Stack, forge, lateness::Lateness};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode,
    jwk::{Jwk, JwkSet},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// What has ended is in the feed within this, after the answer that says so.
pub const PROMISE: Duration = Duration::from_secs(1);

/// No entry is kept for longer.
const LONGEST: u64 = 2 * 60 * 60;

/// All numbers of a page are exact in JavaScript.
const LARGEST: u64 = (1 << 53) - 1;

/// How the feed names a session (`sid`), a token (`jti`) or a user (`sub`).
pub fn name(kind: &str, value: &str) -> String {
    let hash = digest(&SHA256, format!("{kind}:{value}").as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

/// A page whose signature, type and members are those of the contract.
#[derive(Debug, Clone)]
pub struct Page {
    pub iat: u64,
    pub after: u64,
    pub to: u64,
    pub more: bool,
    pub jwks: String,
    pub ended: Vec<Value>,
    pub answer: Answer,
}

impl Page {
    /// Judges an answer to a question for what follows `cursor`.
    #[track_caller]
    pub fn judge(answer: Answer, issuer: &str, keys: &Value, cursor: u64) -> Self {
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/jwt"), "{answer}");
        let header = forge::header_of(&answer.body);
        let kid = header["kid"].as_str().expect("a page names its key");
        assert_eq!(header, json!({ "typ": "revocations+jwt", "alg": "RS256", "kid": kid }));
        let keys: JwkSet = serde_json::from_value(keys.clone()).expect("a key set");
        let key: &Jwk = keys.find(kid).unwrap_or_else(|| panic!("the key set has no {kid}"));
        let mut rules = Validation::new(Algorithm::RS256);
        (rules.validate_exp, rules.validate_aud) = (false, false);
        rules.required_spec_claims.clear();
        let key = DecodingKey::from_jwk(key).expect("a key of the key set");
        let claims: Value = decode(&answer.body, &key, &rules).expect("the signature is good").claims;

        assert_eq!(claims["iss"], issuer, "{claims}");
        let members: Vec<&str> = claims.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(BTreeSet::from_iter(members), ["after", "ended", "iat", "iss", "jwks", "more", "to"].into());
        let ended = claims["ended"].as_array().expect("a list").clone();
        let page = Self {
            iat: integer(&claims["iat"]),
            after: integer(&claims["after"]),
            to: integer(&claims["to"]),
            more: claims["more"].as_bool().expect("true or false"),
            jwks: claims["jwks"].as_str().expect("a text").to_owned(),
            ended,
            answer,
        };
        assert!(page.after <= cursor && page.after <= page.to && page.ended.len() <= 5000, "after {cursor}: {claims}");
        for entry in &page.ended {
            let until = integer(&entry["u"]);
            assert!((page.iat..=page.iat + LONGEST).contains(&until), "{entry} at {}", page.iat);
        }
        page
    }
}

#[track_caller]
fn integer(value: &Value) -> u64 {
    value.as_u64().filter(|number| *number <= LARGEST).unwrap_or_else(|| panic!("not such an integer: {value}"))
}

/// What a verifier holds of the feed. Nothing is ever forgotten.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// Sessions and single tokens, and until when they are named.
    named: BTreeMap<String, u64>,
    /// The highest epoch of a user, with the session that it spares.
    users: BTreeMap<String, (u64, Option<String>, u64)>,
    /// The highest revision of a user.
    rights: BTreeMap<String, u64>,
    everybody: (u64, u64),
}

impl Ended {
    pub fn take(&mut self, entry: &Value) {
        let number = |member: &str| entry.get(member).map(integer);
        let until = integer(&entry["u"]);
        let Some(name) = entry["h"].as_str().map(str::to_owned) else {
            self.everybody = self.everybody.max((number("epoch").expect("everybody's epoch"), until));
            return;
        };
        assert_eq!(name.len(), 22, "{entry}");
        match (number("epoch"), number("rev")) {
            (Some(epoch), None) => {
                let spared = entry["but"].as_str().map(str::to_owned);
                let held = self.users.entry(name).or_default();
                if epoch > held.0 {
                    *held = (epoch, spared, until);
                } else if epoch == held.0 {
                    assert_eq!(held.1, spared, "an epoch spares one session: {entry}");
                    held.2 = held.2.max(until);
                }
            }
            (None, Some(revision)) => {
                let held = self.rights.entry(name).or_default();
                *held = revision.max(*held);
            }
            (None, None) => {
                let held = self.named.entry(name).or_default();
                *held = until.max(*held);
            }
            both => panic!("{both:?}: {entry}"),
        }
    }

    /// Until when the feed says that this access token has ended; `None` if it does not say so.
    pub fn refuses_until(&self, access_token: &str) -> Option<u64> {
        let claims = forge::claims_of(access_token);
        let text = |claim: &str| claims[claim].as_str().unwrap_or_default().to_owned();
        let epoch = claims["epoch"].as_u64().unwrap_or_default();
        let session = name("sid", &text("sid"));
        let by_name = [&session, &name("jti", &text("jti"))].map(|name| self.named.get(name).copied());
        let by_user = self
            .users
            .get(&name("sub", &text("sub")))
            .and_then(|(ended, spared, until)| (*ended > epoch && spared.as_ref() != Some(&session)).then_some(*until));
        let by_all = (epoch < self.everybody.0).then_some(self.everybody.1);
        by_name.into_iter().chain([by_user, by_all]).flatten().max()
    }

    pub fn refuses(&self, access_token: &str) -> bool {
        self.refuses_until(access_token).is_some()
    }

    /// The user's highest revision of rights.
    pub fn revision(&self, user: &str) -> Option<u64> {
        self.rights.get(&name("sub", user)).copied()
    }
}

/// A verifier that reads the feed.
#[derive(Debug, Clone)]
pub struct Reader {
    issuer: String,
    pub cursor: u64,
    pub held: Ended,
    keys: Value,
    /// How often it has begun again, because the feed had fewer endings than before.
    pub restarts: usize,
}

impl Reader {
    /// A reader of the feed of this stack that has read nothing yet.
    pub fn of(stack: &Stack) -> Self {
        let issuer = stack.auth.settings()["AUTH_PUBLIC_URL"].clone();
        Self { issuer, cursor: 0, held: Ended::default(), keys: json!({ "keys": [] }), restarts: 0 }
    }

    /// Lets it judge pages of a service that does not run any more.
    pub fn know(&mut self, keys: Value) {
        self.keys = keys;
    }

    /// One that has read everything there is.
    pub async fn caught_up(stack: &Stack) -> Self {
        let mut reader = Self::of(stack);
        reader.catch_up(&stack.auth).await;
        reader
    }

    /// What that service answers to a question, as a page.
    pub async fn page(&mut self, service: &Http, after: u64, wait: u64) -> Page {
        let answer = service.get(&question(after, wait)).send().await;
        self.judge(service, answer, after).await
    }

    /// An answer to a question for what follows `after`. An unknown key has the key set fetched.
    pub async fn judge(&mut self, service: &Http, answer: Answer, after: u64) -> Page {
        assert_eq!(answer.status, 200, "{answer}");
        let kid = forge::header_of(&answer.body)["kid"].clone();
        if !self.keys["keys"].as_array().is_some_and(|keys| keys.iter().any(|key| key["kid"] == kid)) {
            self.keys = service.key_set().await.expect(200).json;
        }
        Page::judge(answer, &self.issuer, &self.keys, after)
    }

    /// Reads all that follows the cursor.
    pub async fn catch_up(&mut self, service: &Http) {
        loop {
            let page = self.page(service, self.cursor, 0).await;
            if !self.take(&page) {
                return;
            }
        }
    }

    /// Takes the answer to a question for what follows the cursor, and says whether to ask again at once.
    pub fn take(&mut self, page: &Page) -> bool {
        page.ended.iter().for_each(|entry| self.held.take(entry));
        if page.to < self.cursor {
            (self.cursor, self.restarts) = (0, self.restarts + 1);
            return true;
        }
        self.cursor = page.to;
        page.more
    }

    /// Reads until these hold, which they must a second from now.
    pub async fn within_a_second(&mut self, service: &Http, what: &str, holds: impl Fn(&Ended) -> bool) {
        let (begun, lateness) = (Instant::now(), Lateness::from_now());
        loop {
            self.catch_up(service).await;
            if holds(&self.held) {
                return;
            }
            assert!(begun.elapsed() < PROMISE + lateness.so_far(), "not in the feed within a second: {what}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

pub fn question(after: u64, wait: u64) -> String {
    format!("/revocations?after={after}&wait={wait}")
}
