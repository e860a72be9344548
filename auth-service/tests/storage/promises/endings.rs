//! What the store of endings promises.

use super::accounts::{HOUR, checked, has_ended, hash, hash_of, read, somebody};
use crate::samples::{LATER, event, now};
use auth_service::domain::{
    accounts::{Accounts, Epoch},
    audit::{Action, AuditLog, AuditQuery},
    sessions::endings::{Endings, Theft},
};
use futures_util::future::join_all;
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};

pub async fn raised_epochs_rise_strictly_whatever_the_clock_says(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let now = now();
    assert!(store.raise_epoch(id, None, now).await.unwrap());
    assert_eq!(read(store, id).await.session_epoch, Epoch(now.millis()));
    for clock in [now, Timestamp::from_secs(0), now] {
        let before = read(store, id).await.session_epoch;
        assert!(store.raise_epoch(id, None, clock).await.unwrap());
        assert_eq!(read(store, id).await.session_epoch, Epoch(before.0 + 1));
    }
    assert!(!store.raise_epoch(UserId::fresh(), None, now).await.unwrap());
}

pub async fn one_of_many_concurrent_raises_of_the_same_epoch_succeeds(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let first = read(store, id).await.session_epoch;
    let outcomes = join_all((0..20).map(|_| store.raise_epoch(id, Some(first), now()))).await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 1);
    let seen = read(store, id).await.session_epoch;
    assert!(!store.raise_epoch(id, Some(first), now()).await.unwrap());
    assert_eq!(read(store, id).await.session_epoch, seen);
}

pub async fn raising_the_epoch_spares_no_session(store: &(impl Accounts + Endings)) {
    let (id, kept) = (somebody(store).await, SessionId::fresh());
    let old = hash_of(store, id).await;
    assert!(store.change_password(id, &checked(store, id, &old, kept).await, &hash("new"), now(), &[]).await.unwrap());
    assert_eq!(read(store, id).await.kept_session, Some(kept));
    assert!(store.raise_epoch(id, None, now()).await.unwrap());
    assert_eq!(read(store, id).await.kept_session, None);
}

pub async fn raising_all_epochs_reaches_every_user(store: &(impl Accounts + Endings)) {
    let (one, other) = (somebody(store).await, somebody(store).await);
    let old = hash_of(store, one).await;
    assert!(
        store
            .change_password(one, &checked(store, one, &old, SessionId::fresh()).await, &hash("new"), now(), &[])
            .await
            .unwrap()
    );
    let (before, of_other) = (read(store, one).await.session_epoch, read(store, other).await.session_epoch);
    assert_eq!(store.raise_all_epochs(Timestamp::from_secs(1)).await.unwrap(), 2);
    let raised = read(store, one).await;
    assert_eq!((raised.session_epoch, raised.kept_session), (Epoch(before.0 + 1), None));
    assert_eq!(read(store, other).await.session_epoch, Epoch(of_other.0 + 1));
    let at = now().plus(HOUR);
    assert_eq!(store.raise_all_epochs(at).await.unwrap(), 2);
    assert_eq!(read(store, other).await.session_epoch, Epoch(at.millis()));
}

pub async fn ending_a_session_by_its_id_ends_no_other(store: &(impl Accounts + Endings)) {
    let (id, ended, other) = (somebody(store).await, SessionId::fresh(), SessionId::fresh());
    assert!(!has_ended(store, id, ended).await);
    store.end_session(id, ended, now().plus(HOUR)).await.unwrap();
    store.end_session(id, ended, now().plus(HOUR)).await.unwrap();
    assert!(has_ended(store, id, ended).await);
    assert!(!has_ended(store, id, other).await);
    assert!(!has_ended(store, somebody(store).await, ended).await);

    let many: Vec<SessionId> = (0..250).map(|_| SessionId::fresh()).chain([ended]).collect();
    assert_eq!(store.ended_among(id, &many).await.unwrap(), [ended]);
    assert_eq!(store.ended_among(id, &[other]).await.unwrap(), []);
    assert_eq!(store.ended_among(id, &[]).await.unwrap(), []);

    let unknown = UserId::fresh();
    store.end_session(unknown, ended, now().plus(HOUR)).await.unwrap();
    assert!(store.status(unknown, ended).await.unwrap().is_none());
}

pub async fn a_theft_and_its_audit_event_are_written_together(store: &(impl Accounts + Endings + AuditLog)) {
    let (one, other) = (somebody(store).await, somebody(store).await);
    for sub in [one, other] {
        let sid = SessionId::fresh();
        let before = read(store, sub).await.session_epoch;
        let event = event(Action::RefreshReuse).to(sub).about(sid);
        let ends_user = sub == one;
        let theft = Theft { sub, sid, until: LATER, epoch: ends_user.then_some(before), event: &event, mails: &[] };
        store.end_stolen(&theft).await.unwrap();
        assert!(has_ended(store, sub, sid).await);
        assert_eq!(read(store, sub).await.session_epoch > before, ends_user);
        let query = AuditQuery { sub: Some(sub), limit: 10, ..AuditQuery::default() };
        assert_eq!(store.events(&query).await.unwrap(), [event]);
    }
}

pub async fn a_theft_that_cannot_be_recorded_ends_nothing(store: &(impl Accounts + Endings + AuditLog)) {
    let (sub, sid) = (somebody(store).await, SessionId::fresh());
    let before = read(store, sub).await.session_epoch;
    let event = event(Action::RefreshReuse).to(sub).about(sid);
    // The row is there already, so it cannot be written.
    store.append(&event).await.unwrap();
    let theft = Theft { sub, sid, until: LATER, epoch: Some(before), event: &event, mails: &[] };
    assert!(store.end_stolen(&theft).await.is_err());
    assert!(!has_ended(store, sub, sid).await);
    assert_eq!(read(store, sub).await.session_epoch, before);
}

pub async fn an_ending_is_remembered_until_the_latest_moment_given(store: &(impl Accounts + Endings)) {
    let (id, session) = (somebody(store).await, SessionId::fresh());
    let (early, late) = (Timestamp::from_secs(100), Timestamp::from_secs(200));
    for until in [early, late, early] {
        store.end_session(id, session, until).await.unwrap();
    }
    assert_eq!(store.forget_ended(late, 10).await.unwrap(), 0);
    assert!(has_ended(store, id, session).await);
    assert_eq!(store.forget_ended(late.plus(HOUR), 10).await.unwrap(), 1);
    assert!(!has_ended(store, id, session).await);
}

pub async fn ended_sessions_are_forgotten_in_bounded_batches(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let lasting = SessionId::fresh();
    store.end_session(id, lasting, now().plus(HOUR)).await.unwrap();
    let over: Vec<SessionId> = (0..5).map(|_| SessionId::fresh()).collect();
    for sid in &over {
        store.end_session(id, *sid, Timestamp::from_secs(1)).await.unwrap();
    }
    for expected in [2, 2, 1, 0] {
        assert_eq!(store.forget_ended(now(), 2).await.unwrap(), expected);
    }
    assert_eq!(store.ended_among(id, &[over, vec![lasting]].concat()).await.unwrap(), [lasting]);
}
