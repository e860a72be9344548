//! Days of rotations in seconds: replicas that sign and verifiers that cache, on one clock that is moved by hand. A key
//! that a verifier does not find in its cached set is a failure here, although a real one would fetch again.

use crate::{Database, POLICY, root};
use auth_service::domain::{
    keys::{ActiveKeys, KeyPolicy, SigningKeys},
    secrets::KeyRing,
};
use jeton_verifier::{Claims, KeySet, TOKEN_TYPE, Verifier};
use jsonwebtoken::{Algorithm, Header};
use shared::clock::{Clock as _, ManualClock, Timestamp};
use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

const ISSUER: &str = "https://auth.example";
const STEP: Duration = Duration::from_secs(10);
/// Thirty lives of a key.
const STEPS: u32 = 30 * 360;
/// How late a replica may do what is due.
const LATE: u64 = 20;

/// Repeatable dice.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

struct Replica {
    keys: SigningKeys,
    reloads_at: Timestamp,
    /// Until when a cache may still hold the current set.
    cached_until: Timestamp,
}

/// A verifier that honours `Cache-Control`, and fetches nothing in between.
struct Cache {
    keys: KeySet,
    until: Timestamp,
}

struct Token {
    text: String,
    expires_at: Timestamp,
}

fn signed(keys: &ActiveKeys, now: Timestamp) -> Token {
    let expires_at = now.plus(POLICY.token_life);
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: "ada".to_owned(),
        aud: "jeton".to_owned(),
        client_id: "jeton".to_owned(),
        iat: now.secs(),
        exp: expires_at.secs(),
        jti: "1".to_owned(),
        sid: "1".to_owned(),
        scope: String::new(),
        roles: Vec::new(),
        custom: serde_json::Map::new(),
        epoch: 0,
        rev: 0,
        auth_time: 0,
        amr: Vec::new(),
        acr: "1".to_owned(),
    };
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some(keys.signer.kid.clone());
    let text = jsonwebtoken::encode(&header, &claims, &keys.signer.key).unwrap();
    Token { text, expires_at }
}

impl Replica {
    fn fetched(&mut self, now: Timestamp) -> Cache {
        let active = self.keys.active();
        let until = now.plus(self.keys.max_age(&active));
        self.cached_until = self.cached_until.max(until);
        Cache { keys: KeySet::from_jwks(active.jwks.as_bytes()).unwrap(), until }
    }

    async fn does_what_is_due(&mut self, now: Timestamp, dice: &mut Dice) {
        if now < self.reloads_at {
            return;
        }
        let before = self.keys.active().etag.clone();
        self.keys.make_due().await.unwrap();
        self.keys.reload().await.unwrap();
        if self.keys.active().etag != before {
            // A set may be cached until its next change, and a replica may be late, but never before it.
            assert!(self.cached_until <= now, "cached until {:?}, changed at {now:?}", self.cached_until);
        }
        let lateness = Duration::from_secs(dice.below(LATE));
        self.reloads_at = now.plus(self.keys.next_reload()).plus(lateness);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dozens_of_rotations_make_no_caching_verifier_refuse_a_token() {
    let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
    let database = Database::at(clock.clone()).await;
    let verifier = Verifier::new(ISSUER, "jeton", Arc::new(clock.clone()));
    let (secret, mut dice) = (root(), Dice(7));
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let keys = database.replica(KeyRing::new(&secret, None)).await.unwrap();
        replicas.push(Replica { keys, reloads_at: clock.now(), cached_until: clock.now() });
    }
    let mut caches: Vec<Cache> = replicas.iter_mut().map(|replica| replica.fetched(clock.now())).collect();
    let (mut tokens, mut signers, mut verified) = (Vec::<Token>::new(), BTreeSet::new(), 0_u32);

    for _ in 0..STEPS {
        clock.advance(STEP);
        let now = clock.now();
        for replica in &mut replicas {
            replica.does_what_is_due(now, &mut dice).await;
        }
        let busy = dice.index(replicas.len());
        let active = replicas[busy].keys.active();
        signers.insert(active.signer.kid.clone());
        tokens.push(signed(&active, now));
        tokens.retain(|token| now < token.expires_at);
        for cache in &mut caches {
            if now >= cache.until {
                let asked = dice.index(replicas.len());
                *cache = replicas[asked].fetched(now);
            }
            let (oldest, newest, any) = (0, tokens.len() - 1, dice.index(tokens.len()));
            for index in [oldest, newest, any] {
                let outcome = verifier.verify(&tokens[index].text, &cache.keys);
                assert!(outcome.is_ok(), "{:?} at {now:?}", outcome.map(drop));
                verified += 1;
            }
        }
    }
    println!("{} keys signed, {verified} tokens verified, 0 refused", signers.len());
    assert!(signers.len() >= 24, "{} keys signed", signers.len());
}

#[tokio::test]
async fn changes_by_other_replicas_are_noticed_while_a_key_is_made() {
    let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
    let database = Database::at(clock.clone()).await;
    let secret = root();
    let slow = KeyPolicy { bits: 4096, ..POLICY };
    let other = database.replica(KeyRing::new(&secret, None)).await.unwrap();
    let keys = database.replica_with(KeyRing::new(&secret, None), slow).await.unwrap();
    clock.advance(POLICY.lifetime);
    let revoked = keys.active().signer.kid.clone();
    other.revoke(&revoked).await.unwrap();
    clock.advance(POLICY.lifetime);
    let mut making = pin!(keys.make_due());
    tokio::select! {
        biased;
        _ = &mut making => panic!("a key of 4096 bits takes longer than this"),
        noticed = keys.reload() => noticed.unwrap(),
    }
    assert_ne!(keys.active().signer.kid, revoked);
    making.await.unwrap();
    let before = keys.ages().published;
    keys.reload().await.unwrap();
    assert_eq!(keys.ages().published, before + 1, "and the key that was made is published");
}

#[tokio::test]
async fn a_revoked_key_is_gone_from_every_cache_within_the_cache_time() {
    let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
    let database = Database::at(clock.clone()).await;
    let (secret, mut dice) = (root(), Dice(11));
    let first = database.replica(KeyRing::new(&secret, None)).await.unwrap();
    let second = database.replica(KeyRing::new(&secret, None)).await.unwrap();
    for _ in 0..5 {
        let revoked = first.active().signer.kid.clone();
        first.revoke(&revoked).await.unwrap();
        let revoked_at = clock.now();
        assert_ne!(first.active().signer.kid, revoked, "another key signs at once");
        // The other replica notices as late as it may, and was asked at the last moment before.
        let unnoticed = second.next_reload();
        clock.advance(unnoticed - Duration::from_millis(1 + dice.below(1000)));
        let active = second.active();
        let held_until = clock.now().plus(second.max_age(&active));
        assert!(active.jwks.contains(&revoked), "it was not noticed yet");
        assert!(held_until <= revoked_at.plus(POLICY.max_age), "held until {held_until:?}, revoked at {revoked_at:?}");
        clock.advance(Duration::from_secs(2));
        second.reload().await.unwrap();
        assert!(!second.active().jwks.contains(&revoked));
        assert_eq!(second.active().signer.kid, first.active().signer.kid);
        clock.advance(POLICY.shortest_lead());
        first.reload().await.unwrap();
        second.reload().await.unwrap();
    }
}
