//! What the store of second factors promises.

use super::accounts::{read, somebody};
use crate::samples::{event, mail, now};
use auth_service::domain::{
    accounts::{AccountChange, Accounts, Epoch},
    audit::{Action, AuditLog, AuditQuery, Event},
    factors::{
        CODES, Change, FactorStore, MAX_IN_A_ROW, MAX_RECENT, RecoveryCode, Replacing, SealedFactors, Shown, Standing,
        StoredCode, StoredTotp, Try, WINDOW,
    },
    mail::{Outbox, SealedMail},
    secrets::{KeyRing, RootSecret},
    sessions::endings::Endings,
};
use futures_util::future::join_all;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn ring() -> KeyRing {
    KeyRing::new(&RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap(), None)
}

async fn standing(store: &(impl Accounts + Endings), sub: UserId) -> Standing {
    Standing { sub, epoch: read(store, sub).await.session_epoch, session: Some(SessionId::fresh()) }
}

/// A user as read, in a session.
async fn user(store: &(impl Accounts + Endings)) -> Standing {
    standing(store, somebody(store).await).await
}

fn events(of: Standing, action: Action) -> Event {
    event(action).to(of.sub)
}

async fn recorded(store: &impl AuditLog, sub: UserId, action: Action) -> usize {
    let query = AuditQuery { sub: Some(sub), action: Some(action), limit: 100, ..AuditQuery::default() };
    store.events(&query).await.unwrap().len()
}

fn codes(sub: UserId) -> Vec<StoredCode> {
    let secrets = ring();
    (0..CODES).map(|_| RecoveryCode::fresh().stored(sub, &secrets)).collect()
}

/// Sets up an app; with recovery codes, if they are given.
async fn confirm(store: &impl FactorStore, of: Standing, step: i64, codes: Option<&[StoredCode]>) -> bool {
    store.begin_totp(of, b"sealed", now()).await.unwrap();
    let event = events(of, Action::FactorAdd);
    store.confirm_totp(Change { of, event: &event, mails: &[] }, b"sealed", step, codes).await.unwrap()
}

async fn with_app(store: &(impl FactorStore + Accounts + Endings)) -> (Standing, Vec<StoredCode>) {
    let of = user(store).await;
    let codes = codes(of.sub);
    assert!(confirm(store, of, 100, Some(&codes)).await);
    (of, codes)
}

async fn uses(store: &impl FactorStore, of: Standing, mac: &str, out_of: usize) -> bool {
    let event = events(of, Action::RecoveryCodeUse);
    store.use_recovery_code(Change { of, event: &event, mails: &[] }, mac, out_of).await.unwrap()
}

async fn removes(store: &impl FactorStore, of: Standing) -> bool {
    let event = events(of, Action::FactorRemove);
    store.remove_totp(Change { of, event: &event, mails: &[] }).await.unwrap()
}

pub async fn an_app_is_a_factor_once_it_is_confirmed(
    store: &(impl FactorStore + Accounts + Endings + AuditLog + Outbox),
) {
    let of = user(store).await;
    assert_eq!(store.totp(of.sub).await.unwrap(), None);
    for secret in [&b"first"[..], b"second"] {
        assert!(store.begin_totp(of, secret, now()).await.unwrap());
        let pending = StoredTotp { sealed: secret.to_vec(), confirmed_at: None, last_step: 0 };
        assert_eq!(store.totp(of.sub).await.unwrap(), Some(pending));
        assert!(!store.enrolled(of.sub).await.unwrap().has_second_factor());
        assert!(!store.accept_totp(of, secret, 100).await.unwrap(), "it is no factor yet");
    }
    let (codes, event, mail) = (codes(of.sub), events(of, Action::FactorAdd), mail());
    let change = Change { of, event: &event, mails: std::slice::from_ref(&mail) };
    assert!(!store.confirm_totp(change, b"first", 100, Some(&codes)).await.unwrap(), "another secret");
    assert!(!store.confirm_totp(change, b"second", 100, None).await.unwrap(), "there are no codes yet");
    assert_eq!(recorded(store, of.sub, Action::FactorAdd).await, 0);
    assert!(store.confirm_totp(change, b"second", 100, Some(&codes)).await.unwrap());
    assert!(!store.confirm_totp(change, b"second", 200, None).await.unwrap(), "confirmed already");
    let enrolled = store.enrolled(of.sub).await.unwrap();
    assert_eq!((enrolled.totp, enrolled.recovery_codes_left, enrolled.passkeys), (Some(event.at), 8, 0));
    assert_eq!(store.totp(of.sub).await.unwrap().unwrap().last_step, 100);
    assert_eq!(recorded(store, of.sub, Action::FactorAdd).await, 1);
    assert_eq!(store.listed(10_000).await.unwrap().iter().filter(|listed| listed.id == mail.id).count(), 1);
    assert!(!store.begin_totp(of, b"third", now()).await.unwrap(), "there is an app");
    store.abandon_totp(of.sub).await.unwrap();
    assert!(store.enrolled(of.sub).await.unwrap().has_second_factor(), "a confirmed app is not abandoned");
}

pub async fn of_many_parallel_uses_of_a_step_one_succeeds(store: &(impl FactorStore + Accounts + Endings)) {
    let (of, _) = with_app(store).await;
    for step in [101, 102, 150] {
        let accepted = join_all((0..20).map(|_| store.accept_totp(of, b"sealed", step))).await;
        assert_eq!(accepted.iter().filter(|accepted| *accepted.as_ref().unwrap()).count(), 1, "step {step}");
    }
    for step in [0, 99, 100, 149, 150] {
        assert!(!store.accept_totp(of, b"sealed", step).await.unwrap(), "step {step} is not later than all before");
    }
    assert!(!store.accept_totp(of, b"another", 151).await.unwrap());
    let steps: Vec<i64> = (151..171).collect();
    join_all(steps.iter().map(|step| store.accept_totp(of, b"sealed", *step))).await;
    assert_eq!(store.totp(of.sub).await.unwrap().unwrap().last_step, 170, "it never goes back");
}

pub async fn of_many_parallel_uses_of_a_recovery_code_one_succeeds(
    store: &(impl FactorStore + Accounts + Endings + AuditLog),
) {
    let (of, codes) = with_app(store).await;
    let mut macs = store.recovery_codes(of.sub).await.unwrap();
    let mut given: Vec<String> = codes.iter().map(|code| code.mac.clone()).collect();
    macs.sort();
    given.sort();
    assert_eq!(macs, given);
    let used = join_all((0..20).map(|_| uses(store, of, &macs[0], 8))).await;
    assert_eq!(used.iter().filter(|used| **used).count(), 1);
    assert_eq!(recorded(store, of.sub, Action::RecoveryCodeUse).await, 1);
    assert_eq!(store.enrolled(of.sub).await.unwrap().recovery_codes_left, 7);
    assert!(!uses(store, of, &macs[0], 7).await, "used");
    assert!(!uses(store, of, &macs[1], 8).await, "another number is left by now");
    assert!(!uses(store, of, "unknown", 7).await);
    let (other, _) = with_app(store).await;
    assert!(!uses(store, other, &macs[1], 8).await, "it is another user's");
    let used = join_all(macs[1..].iter().map(|mac| uses(store, of, mac, 7))).await;
    assert_eq!(used.iter().filter(|used| **used).count(), 1, "each says how many are left");
}

pub async fn new_recovery_codes_void_those_of_before(store: &(impl FactorStore + Accounts + Endings + AuditLog)) {
    let of = user(store).await;
    let event = events(of, Action::RecoveryCodesMake);
    let change = Change { of, event: &event, mails: &[] };
    let (old, new) = (codes(of.sub), codes(of.sub));
    for replacing in [Replacing::All, Replacing::Used] {
        assert!(!store.replace_recovery_codes(change, &new, replacing).await.unwrap(), "there is no second factor");
    }
    assert!(confirm(store, of, 100, Some(&old)).await);
    assert!(!store.replace_recovery_codes(change, &new, Replacing::Used).await.unwrap(), "some are unused");
    assert!(store.replace_recovery_codes(change, &new, Replacing::All).await.unwrap());
    assert!(!uses(store, of, &old[0].mac, 8).await);
    for (used, code) in new.iter().enumerate() {
        assert!(uses(store, of, &code.mac, CODES - used).await);
    }
    let event = events(of, Action::RecoveryCodesMake);
    let change = Change { of, event: &event, mails: &[] };
    let made = join_all([&old, &new].map(|codes| store.replace_recovery_codes(change, codes, Replacing::Used))).await;
    let made = made.iter().filter(|made| matches!(made, Ok(true))).count();
    assert_eq!((made, store.enrolled(of.sub).await.unwrap().recovery_codes_left), (1, 8), "no more than one set");
}

pub async fn wrong_tries_are_refused_beyond_the_limit_until_the_window_is_over(
    store: &(impl FactorStore + Accounts + Endings),
) {
    let (of, codes) = with_app(store).await;
    let (sub, began) = (of.sub, now());
    let tries = join_all((0..20).map(|_| store.count_try(sub, Shown::Totp, began))).await;
    let counted = tries.iter().filter(|tried| matches!(tried, Ok(Try::Counted))).count();
    assert_eq!(counted, MAX_RECENT as usize);
    // Whatever is shown, and whatever else happens, the window stays as it is.
    for (passed, left) in [(SECOND, WINDOW - SECOND), (WINDOW - SECOND, SECOND)] {
        for shown in [Shown::Totp, Shown::RecoveryCode, Shown::Passkey] {
            let tried = store.count_try(sub, shown, began.plus(passed)).await.unwrap();
            let Try::TooMany { retry_after } = tried else { panic!("{tried:?}") };
            let difference = retry_after.abs_diff(left);
            assert!(difference < SECOND, "{retry_after:?}");
        }
    }
    let (other, _) = with_app(store).await;
    assert_eq!(store.count_try(other.sub, Shown::Totp, began).await.unwrap(), Try::Counted, "of another user");
    let after = began.plus(WINDOW);
    assert_eq!(store.count_try(sub, Shown::RecoveryCode, after).await.unwrap(), Try::Counted);
    assert!(uses(store, of, &codes[0].mac, 8).await);
    for _ in 0..MAX_RECENT {
        assert_eq!(store.count_try(sub, Shown::Totp, after).await.unwrap(), Try::Counted, "a right one forgets them");
    }
    assert!(matches!(store.count_try(sub, Shown::Passkey, after).await.unwrap(), Try::TooMany { .. }));
    store.forget_recent_tries(sub).await.unwrap();
    assert_eq!(store.count_try(sub, Shown::Passkey, after).await.unwrap(), Try::Counted);
    let back = Timestamp::from_millis(began.millis()).minus(WINDOW * 10);
    for _ in 0..MAX_RECENT {
        assert_eq!(store.count_try(sub, Shown::Passkey, back).await.unwrap(), Try::Counted, "the clock was set back");
    }
    assert!(matches!(store.count_try(sub, Shown::Passkey, back).await.unwrap(), Try::TooMany { .. }));
}

pub async fn after_a_hundred_wrong_codes_in_a_row_an_app_rests_until_a_recovery_code(
    store: &(impl FactorStore + Accounts + Endings),
) {
    let (of, codes) = with_app(store).await;
    let mut at = now();
    for number in 0..MAX_IN_A_ROW {
        if number % MAX_RECENT == 0 {
            at = at.plus(WINDOW);
        }
        assert_eq!(store.count_try(of.sub, Shown::Totp, at).await.unwrap(), Try::Counted, "{number}");
    }
    let later = at.plus(WINDOW * 1000);
    assert_eq!(store.count_try(of.sub, Shown::Totp, later).await.unwrap(), Try::Resting);
    assert_eq!(store.count_try(of.sub, Shown::Passkey, later).await.unwrap(), Try::Counted);
    store.forget_recent_tries(of.sub).await.unwrap();
    assert_eq!(store.count_try(of.sub, Shown::Totp, later).await.unwrap(), Try::Resting, "a passkey ends no row");
    assert_eq!(store.count_try(of.sub, Shown::RecoveryCode, later).await.unwrap(), Try::Counted);
    assert!(uses(store, of, &codes[0].mac, 8).await);
    assert_eq!(store.count_try(of.sub, Shown::Totp, later).await.unwrap(), Try::Counted);
    assert!(store.accept_totp(of, b"sealed", 101).await.unwrap());
}

pub async fn removing_the_last_factor_removes_recovery_codes(
    store: &(impl FactorStore + Accounts + Endings + AuditLog),
) {
    let (of, _) = with_app(store).await;
    assert!(removes(store, of).await);
    assert!(!removes(store, of).await, "it is gone");
    let enrolled = store.enrolled(of.sub).await.unwrap();
    assert_eq!((enrolled.totp, enrolled.recovery_codes_left), (None, 0));
    assert_eq!(recorded(store, of.sub, Action::FactorRemove).await, 1);
}

pub async fn a_factor_is_changed_only_while_the_user_stands_as_read(
    store: &(impl FactorStore + Accounts + Endings + AuditLog),
) {
    let (of, codes) = with_app(store).await;
    let ended = SessionId::fresh();
    store.end_session(of.sub, ended, now().plus(SECOND * 3600)).await.unwrap();
    let outdated = [
        Standing { epoch: Epoch(of.epoch.0 - 1), ..of },
        Standing { session: Some(ended), ..of },
        Standing { sub: UserId::fresh(), ..of },
    ];
    for of in outdated {
        assert_nothing_changes(store, of, &codes).await;
    }
    let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
    let seen = read(store, of.sub).await.seen();
    store.update(of.sub, &change, &[seen], now(), &[]).await.unwrap().unwrap();
    assert_nothing_changes(store, Standing { epoch: read(store, of.sub).await.session_epoch, ..of }, &codes).await;
    assert!(store.enrolled(of.sub).await.unwrap().has_second_factor());
    assert_eq!(store.enrolled(of.sub).await.unwrap().recovery_codes_left, 8);
}

async fn assert_nothing_changes(store: &impl FactorStore, of: Standing, codes: &[StoredCode]) {
    let event = events(of, Action::FactorRemove);
    let change = Change { of, event: &event, mails: &[] };
    assert!(!store.accept_totp(of, b"sealed", 1000).await.unwrap(), "{of:?}");
    assert!(!uses(store, of, &codes[0].mac, 8).await, "{of:?}");
    assert!(!store.replace_recovery_codes(change, &[], Replacing::All).await.unwrap(), "{of:?}");
    assert!(!store.remove_all(change).await.unwrap(), "{of:?}");
    assert!(!removes(store, of).await, "{of:?}");
    assert!(!store.begin_totp(of, b"sealed", now()).await.unwrap(), "{of:?}");
    assert!(!confirm(store, of, 1, None).await, "{of:?}");
}

pub async fn an_admin_removes_everything_at_once(store: &(impl FactorStore + Accounts + Endings + AuditLog)) {
    let (of, _) = with_app(store).await;
    store.count_try(of.sub, Shown::Totp, now()).await.unwrap();
    let event = events(of, Action::FactorsReset);
    let change = Change { of: Standing { session: None, ..of }, event: &event, mails: &[] };
    assert!(store.remove_all(change).await.unwrap());
    assert!(!store.remove_all(change).await.unwrap(), "nothing is left");
    let enrolled = store.enrolled(of.sub).await.unwrap();
    assert_eq!((enrolled.totp, enrolled.recovery_codes_left), (None, 0));
    assert_eq!(recorded(store, of.sub, Action::FactorsReset).await, 1);
    assert!(confirm(store, of, 1, Some(&codes(of.sub))).await, "it can be set up again");
}

pub async fn a_deleted_user_leaves_no_factors(store: &(impl FactorStore + Accounts + Endings)) {
    for is_in_parallel in [false, true] {
        let (of, codes) = with_app(store).await;
        store.count_try(of.sub, Shown::Totp, now()).await.unwrap();
        let delete = async || store.delete(of.sub, &[], None, &[]).await.unwrap();
        if is_in_parallel {
            let others = join_all((0..10).map(async |index| {
                store.count_try(of.sub, Shown::Totp, now()).await.unwrap();
                store.begin_totp(of, &[index], now()).await.unwrap();
                uses(store, of, &codes[0].mac, 8).await;
            }));
            futures_util::future::join(delete(), others).await;
        } else {
            assert!(delete().await);
        }
        let enrolled = store.enrolled(of.sub).await.unwrap();
        assert_eq!((enrolled.totp, enrolled.recovery_codes_left), (None, 0));
        assert_eq!(store.totp(of.sub).await.unwrap(), None);
        // Beyond the limit if the tries were still counted.
        for _ in 0..=MAX_RECENT {
            assert_eq!(store.count_try(of.sub, Shown::Totp, now()).await.unwrap(), Try::Counted);
        }
    }
}

pub async fn what_another_secret_has_sealed_is_found_and_replaced(
    store: &(impl FactorStore + SealedFactors + Accounts + Endings),
) {
    let (old, new) = (ring(), ring());
    let mut subs = Vec::new();
    for _ in 0..3 {
        let of = user(store).await;
        let sealed = old.seal("totp", b"secret");
        let codes: Vec<StoredCode> = (0..CODES).map(|_| RecoveryCode::fresh().stored(of.sub, &old)).collect();
        store.begin_totp(of, &sealed, now()).await.unwrap();
        let event = events(of, Action::FactorAdd);
        let change = Change { of, event: &event, mails: &[] };
        assert!(store.confirm_totp(change, &sealed, 1, Some(&codes)).await.unwrap());
        assert!(uses(store, of, &codes[0].mac, 8).await);
        subs.push((of.sub, sealed, codes));
    }
    // Tests share a server, and the others have other secrets.
    let before = store.sealed_by_others(new.current().id()).await.unwrap();
    assert!(before >= 3 * (1 + 7), "a used code does not matter: {before}");
    let (mut apps, mut after) = (Vec::new(), None);
    loop {
        let page = store.totp_sealed_by_others(new.current().id(), after, 2).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        apps.extend(page);
    }
    let (mut codes, mut after) = (Vec::new(), None);
    loop {
        let page = store.codes_sealed_by_others(new.current().id(), after.as_ref(), 5).await.unwrap();
        codes.extend(page.iter().cloned());
        let Some(last) = page.into_iter().next_back() else { break };
        after = Some(last);
    }
    for (sub, sealed, stored) in &subs {
        assert!(apps.contains(&(*sub, sealed.clone())));
        assert_eq!(codes.iter().filter(|(of, _)| of == sub).count(), 7);
        let resealed = new.seal("totp", b"secret");
        store.reseal_totp(*sub, b"something else", b"nonsense").await.unwrap();
        store.reseal_totp(*sub, sealed, &resealed).await.unwrap();
        assert_eq!(store.totp(*sub).await.unwrap().unwrap().sealed, resealed);
        let next = RecoveryCode::fresh().stored(*sub, &new);
        store.reseal_code(*sub, &stored[1], &next).await.unwrap();
        store.reseal_code(*sub, &stored[0], &next).await.unwrap();
        let macs = store.recovery_codes(*sub).await.unwrap();
        assert!(macs.contains(&next.mac) && !macs.contains(&stored[1].mac) && macs.len() == 7);
    }
}

/// Mails are any mails to the store.
pub async fn a_change_whose_mail_cannot_be_written_leaves_the_factor(
    store: &(impl FactorStore + Accounts + Endings + Outbox + AuditLog),
) {
    let (of, _) = with_app(store).await;
    let (event, mail): (Event, SealedMail) = (events(of, Action::FactorRemove), mail());
    store.enqueue(&mail).await.unwrap();
    // The same mail twice.
    let change = Change { of, event: &event, mails: std::slice::from_ref(&mail) };
    assert!(store.remove_totp(change).await.is_err());
    assert!(store.enrolled(of.sub).await.unwrap().has_second_factor());
    assert_eq!(recorded(store, of.sub, Action::FactorRemove).await, 0);
}
