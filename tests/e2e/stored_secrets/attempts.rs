//! Trying what could be a credential as every kind of credential.

use super::candidates;
use crate::stores::Stored;
use aws_lc_rs::{hmac, rsa::KeyPair};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{StreamExt as _, stream};
use harness::{Person, Stack};
use reqwest::{Client, RequestBuilder, header::HeaderValue};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many requests are under way at once.
const AT_ONCE: usize = 16;
/// Failures of one account: far from the throttling, which begins at fifty.
const GUESSES_PER_ACCOUNT: usize = 20;

/// A stored value that works: as which credential, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) store: &'static str,
    pub(super) place: String,
}

/// Someone who has got hold of a dump, and of everybody's e-mail address. It has its own client: what it sends are
/// guesses, which the logs may well hold.
pub(super) struct Thief<'a> {
    client: Client,
    stack: &'a Stack,
    victims: &'a [Person],
    factors: &'a [String],
    next_address: u32,
}

impl<'a> Thief<'a> {
    pub(super) fn new(stack: &'a Stack, victims: &'a [Person], factors: &'a [String]) -> Self {
        let client = Client::builder().no_proxy().tls_certs_only([]).build().expect("a client without TLS");
        Self { client, stack, victims, factors, next_address: 0 }
    }

    /// Everything in the dump that works as a credential.
    pub(super) async fn tries(&mut self, dump: &[Stored]) -> BTreeSet<Finding> {
        let candidates = candidates::of(dump);
        assert!(candidates.len() > 100, "there is something to try");
        let mut found = BTreeSet::new();
        self.tries_tokens(&candidates, &mut found).await;
        self.tries_signatures(&candidates, &mut found).await;
        self.tries_keys(&candidates, &mut found);
        self.tries_csrf_tokens(&candidates, &mut found);
        self.tries_factors(&candidates, dump, &mut found);
        self.tries_known_passwords(&candidates, dump, &mut found).await;
        self.guesses_passwords(&candidates, &mut found).await;
        found
    }

    /// Every candidate, wherever a token is accepted. A token that is recognised as genuine is a finding even if its
    /// session is over.
    async fn tries_tokens(&self, candidates: &BTreeMap<String, &Stored>, found: &mut BTreeSet<Finding>) {
        let attempts = candidates.iter().flat_map(|(text, stored)| {
            self.requests(text).into_iter().map(move |(what, request)| (what, request, *stored))
        });
        self.send_all(attempts, found).await;
    }

    fn requests(&self, text: &str) -> Vec<(&'static str, RequestBuilder)> {
        let auth = |path: &str| format!("{}{path}", self.stack.auth.url());
        let mut requests = vec![("refresh token", self.refresh_in_body(text))];
        let (cookie, bearer) = (format!("jeton-refresh={text}"), format!("Bearer {text}"));
        // What no header can carry cannot work in one.
        if let (Ok(cookie), Ok(bearer)) = (HeaderValue::from_str(&cookie), HeaderValue::from_str(&bearer)) {
            requests.extend([
                ("refresh token", self.client.post(auth("/auth/refresh")).header("cookie", cookie)),
                ("access token", self.client.get(auth("/auth/me")).header("authorization", &bearer)),
                (
                    "access token",
                    self.client.get(format!("{}/whoami", self.stack.resource.url())).header("authorization", bearer),
                ),
            ]);
        }
        requests
    }

    fn refresh_in_body(&self, token: &str) -> RequestBuilder {
        let url = format!("{}/auth/refresh", self.stack.auth.url());
        self.client.post(url).json(&json!({ "refresh_token": token }))
    }

    /// Every stored token that lacks its signature, with every candidate that has a signature's length; the first of
    /// them also with all other base64url texts, although no signature has another length.
    async fn tries_signatures(&self, candidates: &BTreeMap<String, &Stored>, found: &mut BTreeSet<Finding>) {
        let unsigned: Vec<&String> = candidates.keys().filter(|text| is_unsigned_token(text)).collect();
        let is_base64url = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let mut attempts = Vec::new();
        for (text, stored) in candidates.iter().filter(|(text, _)| is_base64url(text)) {
            let bodies = if text.len() == 43 { unsigned.as_slice() } else { unsigned.get(..1).unwrap_or_default() };
            for body in bodies {
                attempts.push(("signature", self.refresh_in_body(&format!("{body}.{text}")), *stored));
            }
        }
        self.send_all(attempts.into_iter(), found).await;
    }

    async fn send_all<'b>(
        &self,
        attempts: impl Iterator<Item = (&'static str, RequestBuilder, &'b Stored)>,
        found: &mut BTreeSet<Finding>,
    ) {
        let sent = attempts.map(async |(what, request, stored)| {
            let (status, body) = verdict(request).await;
            let is_refused =
                status == 401 && (body["code"] == "invalid_refresh_token" || body["code"] == "token_invalid");
            (!is_refused).then(|| Finding { what, ..finding(stored) })
        });
        found.extend(
            stream::iter(sent).buffer_unordered(AT_ONCE).filter_map(async |found| found).collect::<Vec<_>>().await,
        );
    }

    /// Every candidate as the key that signs. It needs no request: the right key reproduces the signature of a real
    /// token.
    fn tries_keys(&self, candidates: &BTreeMap<String, &Stored>, found: &mut BTreeSet<Finding>) {
        let (message, signature) = self.victims[0].tokens.refresh.rsplit_once('.').expect("a token has three parts");
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("a signature is base64url");
        for (text, stored) in candidates {
            let keys = candidates::decoded(text).into_iter().chain([text.clone().into_bytes()]);
            for key in keys {
                let signs_refresh_tokens =
                    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), message.as_bytes(), &signature).is_ok();
                let signs_access_tokens = KeyPair::from_der(&key).is_ok() || KeyPair::from_pkcs8(&key).is_ok();
                if signs_refresh_tokens || signs_access_tokens {
                    found.insert(Finding { what: "key", ..finding(stored) });
                }
            }
        }
    }

    /// A CSRF token is compared as a whole with the one of the session, and so it is here. None is stored.
    fn tries_csrf_tokens(&self, candidates: &BTreeMap<String, &Stored>, found: &mut BTreeSet<Finding>) {
        for person in self.victims {
            if let Some(stored) = candidates.get(&person.tokens.csrf) {
                found.insert(Finding { what: "CSRF token", ..finding(stored) });
            }
        }
    }

    /// The secret of an app and a recovery code work in one form only, however they are grouped and written: whatever holds one,
    /// or the bytes that one stands for, is found by searching for it.
    fn tries_factors(&self, candidates: &BTreeMap<String, &Stored>, dump: &[Stored], found: &mut BTreeSet<Finding>) {
        let factors: Vec<String> = self.factors.iter().map(|factor| factor.replace('-', "")).collect();
        let bytes: Vec<Vec<u8>> = factors.iter().map(|factor| unbase32(factor)).collect();
        let all = candidates.iter().map(|(text, stored)| (text, *stored));
        for (text, stored) in all.chain(dump.iter().map(|stored| (&stored.value, stored))) {
            let plain = text.to_uppercase().replace('-', "");
            let decoded = candidates::decoded(text);
            let holds =
                |factor: &[u8]| decoded.iter().any(|bytes| bytes.windows(factor.len()).any(|part| part == factor));
            if factors.iter().any(|factor| plain.contains(factor)) || bytes.iter().any(|factor| holds(factor)) {
                found.insert(Finding { what: "second factor", ..finding(stored) });
            }
        }
    }

    /// A password is hashed exactly as it came, so a text logs in if and only if it is the password: whatever holds
    /// one, even in the middle of a file, is found by searching for it. That is exhaustive.
    async fn tries_known_passwords(
        &mut self,
        candidates: &BTreeMap<String, &Stored>,
        dump: &[Stored],
        found: &mut BTreeSet<Finding>,
    ) {
        let all = || candidates.iter().map(|(text, stored)| (text, *stored));
        for person in self.victims {
            let everywhere = all().chain(dump.iter().map(|stored| (&stored.value, stored)));
            let holding: Vec<Finding> = everywhere
                .filter(|(text, _)| text.contains(&person.password))
                .map(|(_, stored)| Finding { what: "password", ..finding(stored) })
                .collect();
            if !holding.is_empty() && self.logs_in(&person.email, &person.password).await {
                found.extend(holding);
            }
        }
    }

    /// A sample, tried without knowing the passwords: for each account the stored hashes, and other candidates in turn.
    /// Each attempt comes from another network, and no account sees enough of them to be throttled: the right password,
    /// which is still accepted at the end, proves it.
    async fn guesses_passwords(&mut self, candidates: &BTreeMap<String, &Stored>, found: &mut BTreeSet<Finding>) {
        let victims = self.victims;
        let (hashes, others): (Vec<_>, Vec<_>) = candidates.iter().partition(|(text, _)| text.contains("$argon2"));
        let mut others = others.into_iter().step_by(candidates.len() / (victims.len() * GUESSES_PER_ACCOUNT) + 1);
        for person in victims {
            let own = hashes.iter().copied().take(GUESSES_PER_ACCOUNT / 2);
            let guesses: Vec<_> = own.chain(others.by_ref()).take(GUESSES_PER_ACCOUNT).collect();
            for (text, stored) in guesses {
                if self.logs_in(&person.email, text).await {
                    found.insert(Finding { what: "password", ..finding(stored) });
                }
            }
            assert!(self.logs_in(&person.email, &person.password).await, "throttled: the guesses have proved nothing");
        }
    }

    async fn logs_in(&mut self, email: &str, password: &str) -> bool {
        self.next_address += 1;
        let address = format!("10.{}.{}.1", self.next_address / 256, self.next_address % 256);
        let login = self.client.post(format!("{}/auth/login", self.stack.auth.url()));
        let login = login.header("x-forwarded-for", address).json(&json!({ "email": email, "password": password }));
        match verdict(login).await {
            (200, _) => true,
            // The password was right.
            (403, body) if body["code"] == "second_factor_required" => true,
            (401, _) => false,
            (other, _) => panic!("{other} instead of a verdict"),
        }
    }
}

/// The status and the body. 503 is not a verdict: the stores of a busy machine may be slow.
async fn verdict(request: RequestBuilder) -> (u16, Value) {
    loop {
        let again = request.try_clone().expect("a body that can be sent again");
        let answer = again.send().await.expect("the service answers");
        let (status, body) = (answer.status().as_u16(), answer.json().await.unwrap_or_default());
        if status != 503 {
            return (status, body);
        }
    }
}

/// The bytes of an app's secret. Recovery codes have another alphabet, and stand for themselves.
fn unbase32(text: &str) -> Vec<u8> {
    let value = |letter| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap_or_default();
    let bits: Vec<bool> =
        text.chars().map(value).flat_map(|value| (0..5).rev().map(move |place| value >> place & 1 == 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}

fn is_unsigned_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 2
}

fn finding(stored: &Stored) -> Finding {
    Finding { what: "", store: stored.store, place: stored.place.clone() }
}
