//! What holds for every text, and for every course of events: checked with random ones.

use super::*;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::Index,
    test_runner::Config,
};
use std::{sync::LazyLock, time::Duration};

/// Signing takes most of the time, so that tokens are made once.
static GOOD: LazyLock<String> = LazyLock::new(|| token_with(json!({})));

#[derive(Debug, Clone)]
enum Change {
    /// One byte becomes another.
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    /// A piece is moved to the end.
    Rotate(Index),
    /// A piece is repeated.
    Repeat(Index, Index),
}

impl Change {
    fn apply(&self, text: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match self {
            Self::Replace(at, byte) => *at.get_mut(text) = *byte,
            Self::Insert(at, byte) => text.insert(at.index(text.len() + 1), *byte),
            Self::Remove(at) => drop(text.remove(at.index(text.len()))),
            Self::Rotate(at) => {
                let at = at.index(text.len());
                text.rotate_left(at);
            }
            Self::Repeat(from, to) => {
                let (from, to) = (from.index(text.len()), to.index(text.len()));
                text.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let byte = || prop_oneof![any::<u8>(), proptest::sample::select(&b"AZaz09-_.=+/ \0"[..])];
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Remove),
        any::<Index>().prop_map(Change::Rotate),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
    ]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 2000, ..Config::default() })]

    #[test]
    fn no_random_text_is_a_token(text in any::<String>()) {
        prop_assert!(verify(&text).is_err());
    }

    #[test]
    fn no_random_bytes_in_place_of_the_parts_are_a_token(parts in vec(vec(any::<u8>(), 0..200), 0..5)) {
        let text = parts.iter().map(testkit::encoded).collect::<Vec<_>>().join(".");
        prop_assert!(verify(&text).is_err());
    }

    #[test]
    fn a_good_token_that_was_changed_in_any_way_is_refused(changes in vec(change(), 1..5)) {
        let mut text = GOOD.clone().into_bytes();
        changes.iter().for_each(|change| change.apply(&mut text));
        if let Ok(text) = String::from_utf8(text) {
            prop_assert_eq!(verify(&text).is_ok(), text == *GOOD);
        }
    }
}

/// A member of the claims: one that means something or another one, with a value of any kind.
fn member() -> impl Strategy<Value = (String, Value)> {
    const NAMES: [&str; 16] = [
        "iss",
        "sub",
        "aud",
        "client_id",
        "iat",
        "exp",
        "nbf",
        "jti",
        "sid",
        "scope",
        "roles",
        "cnf",
        "epoch",
        "auth_time",
        "amr",
        "acr",
    ];
    let name = prop_oneof![3 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => any::<String>()];
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (NOW - 5000..NOW + 5000).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        vec(any::<String>(), 0..3).prop_map(Value::from),
    ];
    (name, value)
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 200, ..Config::default() })]

    #[test]
    fn whatever_verifies_was_signed_so_by_the_issuer_for_the_audience_and_is_current(members in vec(member(), 0..4)) {
        let mut signed = claims(NOW);
        for (name, value) in members {
            signed[name] = value;
        }
        if let Ok(token) = verify(&Issuer::usual().token_of(&signed)) {
            prop_assert_eq!(&signed["iss"], ISSUER);
            prop_assert!(signed["aud"] == AUDIENCE || signed["aud"].as_array().is_some_and(|list| list.contains(&json!(AUDIENCE))));
            prop_assert_eq!(&signed["sub"], token.subject());
            prop_assert_eq!(&signed["sid"], token.session_id());
            prop_assert_eq!(&signed["scope"], token.scope());
            prop_assert_eq!(&signed["roles"], &json!(token.roles()));
            prop_assert_eq!(&signed["exp"], token.expires_at().secs());
            prop_assert!(token.expires_at().plus(Duration::from_secs(5)) > Timestamp::from_secs(NOW));
            prop_assert!(signed.get("cnf").is_none());
            prop_assert_eq!(&signed["auth_time"], &json!(token.authenticated_at().map(Timestamp::secs)));
            prop_assert_eq!(&signed["acr"], &json!(token.acr()));
            prop_assert_eq!(signed.get("amr").map_or(0, |amr| amr.as_array().map_or(0, Vec::len)), token.methods().len());
        }
    }
}

/// Something that happens to a verifier.
#[derive(Debug, Clone)]
enum Event {
    /// A token is presented: which of them.
    Present(Index),
    /// This many seconds pass; fewer than zero if the clock is set back.
    Pass(i64),
    /// Another set of keys is in use: which of them.
    Use(Index),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<Index>().prop_map(Event::Present),
        1 => prop_oneof![0..10i64, 0..2000i64, -1000..0i64].prop_map(Event::Pass),
        1 => any::<Index>().prop_map(Event::Use),
    ]
}

/// Tokens of two keys, some of one that has taken the name of another, of several lifetimes, and no token.
static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let issuers = [Issuer::usual(), Issuer::other()];
    let mut tokens = vec!["a.b.c".to_owned()];
    for issuer in issuers {
        for (begin, life) in [(0, 900), (0, 3), (30, 900), (600, 60), (-890, 900)] {
            let claims = changed(claims(NOW + begin), json!({ "exp": NOW + begin + life }));
            tokens.push(issuer.token_of(&claims));
            let renamed = changed(issuer.header(), json!({ "kid": "first" }));
            tokens.push(issuer.sign(&renamed, &claims));
        }
    }
    tokens
});

/// Both keys, each alone, and each under the name of the first.
static KEY_SETS: LazyLock<Vec<KeySet>> = LazyLock::new(|| {
    let (first, second) = (Issuer::usual().public_key().clone(), Issuer::other().public_key().clone());
    let taken = changed(second.clone(), json!({ "kid": "first" }));
    let sets = [vec![first.clone(), second.clone()], vec![first], vec![second], vec![taken]];
    let set = |keys: Vec<Value>| KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes());
    sets.into_iter().map(|keys| set(keys).expect("good keys")).collect()
});

fn said(verdict: Result<VerifiedToken, Refusal>) -> Result<(String, i64), Refusal> {
    verdict.map(|token| (token.subject().to_owned(), token.expires_at().secs()))
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 300, ..Config::default() })]

    #[test]
    fn a_verifier_that_remembers_agrees_with_one_that_does_not(events in vec(event(), 1..60)) {
        let mut now = NOW;
        let mut keys = &KEY_SETS[0];
        let clock = SettableClock::default();
        let verifier = Verifier::new(ISSUER, AUDIENCE, Arc::new(clock.clone()));
        for event in events {
            match event {
                Event::Pass(seconds) => now += seconds,
                Event::Use(which) => keys = which.get(&KEY_SETS),
                Event::Present(which) => {
                    clock.set(Timestamp::from_secs(now));
                    let token = which.get(&TOKENS);
                    let fresh = verifier_at(Timestamp::from_secs(now)).verify(token, keys);
                    prop_assert_eq!(said(verifier.verify(token, keys)), said(fresh));
                }
            }
        }
    }
}

/// A clock that can also be set back.
#[derive(Clone, Default)]
struct SettableClock(Arc<std::sync::atomic::AtomicI64>);

impl SettableClock {
    fn set(&self, now: Timestamp) {
        self.0.store(now.millis(), std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}
