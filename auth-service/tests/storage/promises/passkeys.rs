//! What the store of passkeys promises.

use super::accounts::{HOUR, created, hash_of, read, somebody};
use crate::samples::{account, event, mail, now};
use auth_service::domain::{
    accounts::{Accounts, NewAccount},
    audit::{Action, AuditLog, AuditQuery, Event},
    mail::Outbox,
    passkeys::{
        Addition, AuthenticatorData, Challenge, CredentialId, MAX_PASSKEYS, Passkey, PasskeyName, PasskeyStore,
        PublicKey, Purpose, Records, Removal, Spent, Standing, Use,
    },
    passwords::PasswordHash,
    sessions::endings::Endings,
};
use futures_util::future::join_all;
use shared::{
    clock::Timestamp,
    ids::{PasskeyId, SessionId, TokenId, UserId},
};
use std::time::Duration;

fn passkey(sub: UserId) -> Passkey {
    let id = PasskeyId::fresh();
    Passkey {
        id,
        sub,
        credential: CredentialId::new(id.to_bytes().to_vec()).unwrap(),
        key: PublicKey { cose: vec![0, 255, 13, 10, 0, 128], algorithm: -257 },
        counter: 0,
        transports: vec!["internal".to_owned(), "usb".to_owned()],
        aaguid: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255],
        is_backup_eligible: true,
        is_backed_up: false,
        name: PasskeyName::parse("Телефон Ади 📱").unwrap(),
        created_at: Timestamp::from_millis(now().millis()),
        last_used_at: None,
    }
}

fn challenge(sub: UserId) -> Challenge {
    Challenge::fresh(Purpose::Register(sub), now())
}

fn spent(challenge: &Challenge) -> Spent<'_> {
    Spent { challenge, attempt: TokenId::fresh() }
}

fn seen(counter: u32) -> AuthenticatorData {
    AuthenticatorData { is_user_verified: true, is_backup_eligible: true, is_backed_up: true, counter }
}

async fn standing(store: &(impl Accounts + Endings), sub: UserId) -> Standing {
    Standing { sub, epoch: read(store, sub).await.session_epoch, session: SessionId::fresh() }
}

fn added_event(sub: UserId) -> Event {
    event(Action::PasskeyAdd).to(sub)
}

/// Adds a passkey by a challenge of its own.
async fn add(store: &(impl PasskeyStore + Accounts + Endings), passkey: &Passkey) -> Addition {
    let (challenge, event) = (challenge(passkey.sub), added_event(passkey.sub));
    let by = standing(store, passkey.sub).await;
    store.add(passkey, spent(&challenge), by, Records { event: &event, mails: &[] }).await.unwrap()
}

async fn added(store: &(impl PasskeyStore + Accounts + Endings), sub: UserId) -> Passkey {
    let passkey = passkey(sub);
    assert_eq!(add(store, &passkey).await, Addition::Added);
    passkey
}

async fn note(store: &impl PasskeyStore, passkey: &Passkey, counter: u32) -> Use {
    let challenge = challenge(passkey.sub);
    store.note_use(passkey, &seen(counter), spent(&challenge), now()).await.unwrap()
}

async fn remove(store: &(impl PasskeyStore + Accounts + Endings), passkey: &Passkey) -> Removal {
    let (by, event) = (standing(store, passkey.sub).await, event(Action::PasskeyRemove).to(passkey.sub));
    store.remove(passkey.id, by, Records { event: &event, mails: &[] }).await.unwrap()
}

async fn events_of(store: &impl AuditLog, sub: UserId) -> usize {
    store.events(&AuditQuery { sub: Some(sub), limit: 100, ..AuditQuery::default() }).await.unwrap().len()
}

pub async fn a_passkey_is_read_back_unchanged(store: &(impl PasskeyStore + Accounts + Endings)) {
    let sub = somebody(store).await;
    let (one, other) = (added(store, sub).await, added(store, sub).await);
    assert_eq!(store.passkeys_of(sub).await.unwrap(), [one.clone(), other]);
    assert_eq!(store.by_credential(&one.credential).await.unwrap(), Some(one));
    let unknown = CredentialId::new(b"unknown".to_vec()).unwrap();
    assert_eq!(store.by_credential(&unknown).await.unwrap(), None);
    assert_eq!(store.passkeys_of(UserId::fresh()).await.unwrap(), []);
}

pub async fn a_passkey_is_added_with_its_event_and_mails_or_not_at_all(
    store: &(impl PasskeyStore + Accounts + Endings + AuditLog + Outbox),
) {
    let sub = somebody(store).await;
    let (new, challenge, event, mail) = (passkey(sub), challenge(sub), added_event(sub), mail());
    let by = standing(store, sub).await;
    let add = async |passkey: &Passkey, spent| {
        store.add(passkey, spent, by, Records { event: &event, mails: std::slice::from_ref(&mail) }).await
    };
    assert_eq!(add(&new, spent(&challenge)).await.unwrap(), Addition::Added);
    assert_eq!(events_of(store, sub).await, 1);
    // The event and the mail exist already: neither is their passkey added, nor the challenge spent.
    let (another, unspent) = (passkey(sub), self::challenge(sub));
    assert!(add(&another, spent(&unspent)).await.is_err());
    assert_eq!(store.passkeys_of(sub).await.unwrap().len(), 1);
    let (other_event, records) = (added_event(sub), spent(&unspent));
    let by = standing(store, sub).await;
    let again = store.add(&another, records, by, Records { event: &other_event, mails: &[] }).await.unwrap();
    assert_eq!(again, Addition::Added);
}

pub async fn a_credential_is_a_passkey_of_one_user_only(store: &(impl PasskeyStore + Accounts + Endings + AuditLog)) {
    let (ada, bob) = (somebody(store).await, somebody(store).await);
    let of_ada = added(store, ada).await;
    for sub in [ada, bob] {
        let stolen = Passkey { credential: of_ada.credential.clone(), ..passkey(sub) };
        assert_eq!(add(store, &stolen).await, Addition::Taken);
    }
    assert_eq!((events_of(store, ada).await, events_of(store, bob).await), (1, 0));
    let credential = of_ada.credential.clone();
    let one = passkey(bob).credential;
    let all: Vec<Passkey> = (0..6).map(|_| Passkey { credential: one.clone(), ..passkey(bob) }).collect();
    let outcomes = join_all(all.iter().map(|passkey| add(store, passkey))).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Addition::Added).count(), 1, "{outcomes:?}");
    assert_eq!(store.by_credential(&credential).await.unwrap(), Some(of_ada));
}

pub async fn no_number_of_parallel_additions_exceeds_the_most(store: &(impl PasskeyStore + Accounts + Endings)) {
    let sub = somebody(store).await;
    for _ in 0..MAX_PASSKEYS - 2 {
        added(store, sub).await;
    }
    let all: Vec<Passkey> = (0..6).map(|_| passkey(sub)).collect();
    let outcomes = join_all(all.iter().map(|passkey| add(store, passkey))).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Addition::Added).count(), 2, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Addition::TooMany).count(), 4, "{outcomes:?}");
    assert_eq!(store.passkeys_of(sub).await.unwrap().len(), MAX_PASSKEYS);
}

pub async fn a_challenge_adds_one_passkey_however_many_come_at_once(
    store: &(impl PasskeyStore + Accounts + Endings + AuditLog),
) {
    let sub = somebody(store).await;
    let (challenge, by) = (challenge(sub), standing(store, sub).await);
    let try_one = async || {
        let (passkey, event) = (passkey(sub), added_event(sub));
        store.add(&passkey, spent(&challenge), by, Records { event: &event, mails: &[] }).await.unwrap()
    };
    let outcomes = join_all((0..8).map(|_| try_one())).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Addition::Added).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Addition::Spent).count(), 7, "{outcomes:?}");
    assert_eq!(events_of(store, sub).await, 1);
}

pub async fn a_session_that_has_ended_changes_no_passkeys(store: &(impl PasskeyStore + Accounts + Endings)) {
    let sub = somebody(store).await;
    let (kept, by, event) = (added(store, sub).await, standing(store, sub).await, added_event(sub));
    added(store, sub).await;
    let records = Records { event: &event, mails: &[] };
    let refused = async |by: Standing| {
        let challenge = challenge(sub);
        assert_eq!(store.add(&passkey(sub), spent(&challenge), by, records).await.unwrap(), Addition::Outdated);
        assert_eq!(store.remove(kept.id, by, records).await.unwrap(), Removal::Outdated);
    };
    let ended = SessionId::fresh();
    store.end_session(sub, ended, now().plus(HOUR)).await.unwrap();
    refused(Standing { session: ended, ..by }).await;
    store.raise_epoch(sub, None, now()).await.unwrap();
    refused(by).await;
    assert_eq!(store.passkeys_of(sub).await.unwrap().len(), 2);
}

pub async fn one_use_of_a_challenge_is_noted_however_many_come_at_once(
    store: &(impl PasskeyStore + Accounts + Endings),
) {
    let passkey = added(store, somebody(store).await).await;
    for counter in [0, 7] {
        let challenge = challenge(passkey.sub);
        let data = seen(counter);
        let try_one = || store.note_use(&passkey, &data, spent(&challenge), now());
        let outcomes: Vec<Use> = join_all((0..8).map(|_| try_one())).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Use::Noted).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Use::Spent).count(), 7, "{outcomes:?}");
    }
}

pub async fn a_use_is_noted_with_its_time_and_state(store: &(impl PasskeyStore + Accounts + Endings)) {
    let passkey = added(store, somebody(store).await).await;
    let (challenge, at) = (challenge(passkey.sub), Timestamp::from_millis(now().millis()));
    assert_eq!(store.note_use(&passkey, &seen(3), spent(&challenge), at).await.unwrap(), Use::Noted);
    let expected = Passkey { counter: 3, is_backed_up: true, last_used_at: Some(at), ..passkey.clone() };
    assert_eq!(store.by_credential(&passkey.credential).await.unwrap(), Some(expected));
}

pub async fn the_counter_of_a_passkey_never_goes_back(store: &(impl PasskeyStore + Accounts + Endings)) {
    let sub = somebody(store).await;
    let passkey = added(store, sub).await;
    let mut outcomes = Vec::new();
    for counter in [0, 0, 5, 5, 4, 0, 6, u32::MAX, u32::MAX, 0] {
        outcomes.push(note(store, &passkey, counter).await);
    }
    let expected = [
        Use::Noted,
        Use::Noted,
        Use::Noted,
        Use::Behind,
        Use::Behind,
        Use::Behind,
        Use::Noted,
        Use::Noted,
        Use::Behind,
        Use::Behind,
    ];
    assert_eq!(outcomes, expected);
    let parallel = added(store, sub).await;
    join_all((1..=8).map(|counter| note(store, &parallel, counter))).await;
    assert_eq!(store.by_credential(&parallel.credential).await.unwrap().unwrap().counter, 8, "whatever came last");
}

pub async fn a_passkey_is_renamed_by_its_user_only(store: &(impl PasskeyStore + Accounts + Endings + AuditLog)) {
    let (ada, bob) = (somebody(store).await, somebody(store).await);
    let passkey = added(store, ada).await;
    let name = PasskeyName::parse("Key").unwrap();
    let rename = async |sub, id| store.rename(sub, id, &name, &event(Action::PasskeyRename).to(sub)).await.unwrap();
    assert!(!rename(bob, passkey.id).await);
    assert!(!rename(ada, PasskeyId::fresh()).await);
    assert!(rename(ada, passkey.id).await);
    assert_eq!(store.passkeys_of(ada).await.unwrap(), [Passkey { name, ..passkey }]);
    assert_eq!((events_of(store, ada).await, events_of(store, bob).await), (2, 0));
}

pub async fn the_last_way_in_is_never_removed(store: &(impl PasskeyStore + Accounts + Endings + AuditLog)) {
    let without = created(store, &NewAccount { hash: PasswordHash::none(), ..account() }).await;
    assert!(hash_of(store, without).await.is_none());
    let all = [added(store, without).await, added(store, without).await, added(store, without).await];
    let outcomes = join_all(all.iter().map(|passkey| remove(store, passkey))).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Removal::Removed).count(), 2, "{outcomes:?}");
    let left = store.passkeys_of(without).await.unwrap();
    assert_eq!(left.len(), 1, "also in parallel");
    assert_eq!(remove(store, &left[0]).await, Removal::LastWayIn);
    assert_eq!(events_of(store, without).await, 5);
    let with = somebody(store).await;
    let only = added(store, with).await;
    assert_eq!(remove(store, &Passkey { sub: without, ..only.clone() }).await, Removal::NoSuch, "another user's");
    assert_eq!(remove(store, &only).await, Removal::Removed);
    assert_eq!(remove(store, &only).await, Removal::NoSuch);
    assert_eq!(note(store, &only, 1).await, Use::Gone);
}

pub async fn answered_challenges_are_forgotten_in_batches(store: &(impl PasskeyStore + Accounts + Endings)) {
    let passkey = added(store, somebody(store).await).await;
    let old = Timestamp::from_secs(1000);
    let challenges: Vec<Challenge> = (0..3).map(|_| Challenge::fresh(Purpose::Login, old)).collect();
    for challenge in &challenges {
        assert_eq!(store.note_use(&passkey, &seen(0), spent(challenge), now()).await.unwrap(), Use::Noted);
    }
    let after = old.plus(Duration::from_secs(3600));
    assert_eq!(store.forget_challenges(old, 10).await.unwrap(), 0);
    // Other tests share the server.
    let forgotten =
        [store.forget_challenges(after, 2).await.unwrap(), store.forget_challenges(after, 10).await.unwrap()];
    assert_eq!(forgotten, [2, 1]);
    assert_eq!(note(store, &passkey, 0).await, Use::Noted);
}
