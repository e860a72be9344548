//! What a store of sessions promises.

use crate::samples::{LATER, Session, change, now, number, rotated, session, session_for};
use auth_service::domain::sessions::store::{Commit, Sealed, SessionStore};
use futures_util::future::join_all;
use harness::eventually;
use shared::ids::{SessionId, UserId};
use std::time::Duration;
use tokio::time::timeout;

/// Long enough to be seen, short enough to wait for.
const SHORT: Duration = Duration::from_millis(150);
const TIMEOUT: Duration = Duration::from_secs(3);

async fn begin(store: &impl SessionStore, record: &Session) {
    assert_eq!(store.commit(&change(None, record, LATER)).await.unwrap(), Commit::Done);
}

async fn stored(store: &impl SessionStore, session: &Session) -> Option<Sealed> {
    store.read(session.sub, session.sid).await.unwrap().sealed
}

async fn names(store: &impl SessionStore, sub: UserId) -> Vec<SessionId> {
    let mut names: Vec<_> = store.of_user(sub).await.unwrap().iter().map(|(sid, _)| *sid).collect();
    names.sort();
    names
}

fn sorted(mut names: Vec<SessionId>) -> Vec<SessionId> {
    names.sort();
    names
}

pub async fn a_committed_record_is_read_back_byte_for_byte(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    begin(store, &first).await;
    assert_eq!(stored(store, &first).await.as_ref(), Some(&first.sealed));

    let all_bytes = Session { sealed: Sealed((0..=255).collect()), ..first.clone() };
    assert_eq!(store.commit(&change(Some(&first), &all_bytes, LATER)).await.unwrap(), Commit::Done);
    assert_eq!(stored(store, &first).await, Some(all_bytes.sealed));
}

pub async fn an_unknown_session_reads_as_none_with_the_time(store: &impl SessionStore) {
    let before = now();
    let snapshot = store.read(UserId::fresh(), SessionId::fresh()).await.unwrap();
    assert_eq!(snapshot.sealed, None);
    // Both clocks are this machine's; they count in milliseconds and may be read at the ends of one.
    assert!(snapshot.now.plus(Duration::from_millis(2)) >= before, "{:?} is before {before:?}", snapshot.now);
    assert!(snapshot.now <= now().plus(Duration::from_millis(2)), "{:?} is in the future", snapshot.now);
}

pub async fn a_decision_that_is_too_old_changes_nothing(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    let too_late = now().minus(Duration::from_millis(10));
    assert_eq!(store.commit(&change(None, &first, too_late)).await.unwrap(), Commit::Conflict);
    assert_eq!(stored(store, &first).await, None);
    begin(store, &first).await;
    let next = rotated(&first);
    assert_eq!(store.commit(&change(Some(&first), &next, too_late)).await.unwrap(), Commit::Conflict);
    assert_eq!(stored(store, &first).await, Some(first.sealed));
}

pub async fn a_first_commit_does_not_overwrite(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    begin(store, &first).await;
    assert_eq!(store.commit(&change(None, &rotated(&first), LATER)).await.unwrap(), Commit::Conflict);
    assert_eq!(stored(store, &first).await, Some(first.sealed));
}

pub async fn a_commit_that_expects_a_record_does_not_begin_a_session(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    assert_eq!(store.commit(&change(Some(&first), &rotated(&first), LATER)).await.unwrap(), Commit::Conflict);
    assert_eq!(stored(store, &first).await, None);
}

pub async fn a_commit_that_expects_another_record_changes_nothing(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    begin(store, &first).await;
    let begins_alike = Session { sealed: Sealed(first.sealed.0[..20].to_vec()), ..first.clone() };
    for expected in [rotated(&first), begins_alike] {
        let outcome = store.commit(&change(Some(&expected), &rotated(&first), LATER)).await.unwrap();
        assert_eq!(outcome, Commit::Conflict, "{expected:?}");
    }
    assert_eq!(stored(store, &first).await, Some(first.sealed));
}

pub async fn one_of_many_concurrent_first_commits_succeeds(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    let rivals: Vec<_> = (0..50).map(|_| rotated(&first)).collect();
    one_is_done(store, None, &rivals).await;
}

pub async fn one_of_many_concurrent_commits_that_expect_the_same_record_succeeds(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    begin(store, &first).await;
    let rivals: Vec<_> = (0..50).map(|_| rotated(&first)).collect();
    one_is_done(store, Some(&first), &rivals).await;
}

async fn one_is_done(store: &impl SessionStore, expected: Option<&Session>, rivals: &[Session]) {
    let outcomes = join_all(rivals.iter().map(async |rival| store.commit(&change(expected, rival, LATER)).await)).await;
    let done: Vec<_> =
        rivals.iter().zip(outcomes).filter(|(_, outcome)| outcome.as_ref().unwrap() == &Commit::Done).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(stored(store, done[0].0).await.as_ref(), Some(&done[0].0.sealed));
}

pub async fn no_update_is_lost_among_writers_that_retry(store: &impl SessionStore) {
    let first = session(UserId::fresh());
    begin(store, &first).await;
    let writer = async || {
        let mut done = 0;
        while done < 10 {
            let sealed = stored(store, &first).await.expect("nobody removes it");
            let found = Session { sealed, ..first.clone() };
            if store.commit(&change(Some(&found), &rotated(&found), LATER)).await.unwrap() == Commit::Done {
                done += 1;
            }
        }
    };
    join_all((0..5).map(|_| writer())).await;
    let last = stored(store, &first).await.expect("nobody removes it");
    assert_eq!(number(&last), number(&first.sealed) + 50);
}

pub async fn an_expired_session_reads_as_none_and_its_place_is_free(store: &impl SessionStore) {
    let mut life = SHORT;
    let short = loop {
        let short = session_for(UserId::fresh(), life);
        begin(store, &short).await;
        let seen = stored(store, &short).await;
        if seen.is_some() {
            break short;
        }
        assert!(now() >= short.expires_at, "it was forgotten too early");
        life *= 2;
    };
    eventually("it expires", TIMEOUT, || async { stored(store, &short).await.is_none().then_some(()) }).await;
    assert!(now() >= short.expires_at, "it was forgotten too early");

    assert_eq!(store.commit(&change(Some(&short), &rotated(&short), LATER)).await.unwrap(), Commit::Conflict);
    let again = Session { expires_at: now().plus(TIMEOUT * 10), ..rotated(&short) };
    begin(store, &again).await;
    assert_eq!(stored(store, &short).await, Some(again.sealed));
}

pub async fn a_session_that_is_written_after_its_expiry_reads_as_none(store: &impl SessionStore) {
    let over = Session { expires_at: now().minus(SHORT), ..session(UserId::fresh()) };
    begin(store, &over).await;
    assert_eq!(stored(store, &over).await, None);
    assert_eq!(names(store, over.sub).await, []);
}

pub async fn a_removed_session_is_gone_and_its_place_free(store: &impl SessionStore) {
    let sub = UserId::fresh();
    let (gone, stays) = (session(sub), session(sub));
    begin(store, &gone).await;
    begin(store, &stays).await;
    store.remove(sub, gone.sid).await.unwrap();
    store.remove(sub, gone.sid).await.unwrap();
    assert_eq!(stored(store, &gone).await, None);
    assert_eq!(names(store, sub).await, [stays.sid]);
    begin(store, &rotated(&gone)).await;
}

pub async fn all_sessions_of_a_user_but_one_are_removed_and_those_of_others_stay(store: &impl SessionStore) {
    let (sub, other) = (UserId::fresh(), UserId::fresh());
    let records = [session(sub), session(sub), session(sub)];
    let strangers = session(other);
    for record in records.iter().chain([&strangers]) {
        begin(store, record).await;
    }
    store.remove_all(sub, Some(records[1].sid)).await.unwrap();
    assert_eq!(names(store, sub).await, [records[1].sid]);
    assert_eq!(stored(store, &records[0]).await, None);

    store.remove_all(sub, Some(SessionId::fresh())).await.unwrap();
    assert_eq!(names(store, sub).await, []);
    begin(store, &records[0]).await;
    store.remove_all(sub, None).await.unwrap();
    store.remove_all(sub, None).await.unwrap();
    assert_eq!(names(store, sub).await, []);
    assert_eq!(names(store, other).await, [strangers.sid]);
}

pub async fn the_sessions_of_a_user_are_listed_without_expired_ones(store: &impl SessionStore) {
    let sub = UserId::fresh();
    let (long, other, short) = (session(sub), session(sub), session_for(sub, SHORT));
    for record in [&long, &other, &short] {
        begin(store, record).await;
    }
    for _ in 0..3 {
        let found = Session { sealed: stored(store, &long).await.expect("it has an hour"), ..long.clone() };
        assert_eq!(store.commit(&change(Some(&found), &rotated(&found), LATER)).await.unwrap(), Commit::Done);
    }
    let lasting = sorted(vec![long.sid, other.sid]);
    eventually("the short one expires", TIMEOUT, || async { (names(store, sub).await == lasting).then_some(()) }).await;
    let listed = store.of_user(sub).await.unwrap();
    let (_, rotated) = listed.iter().find(|(sid, _)| *sid == long.sid).expect("it is listed");
    assert_eq!(Some(rotated), stored(store, &long).await.as_ref());
}

pub async fn forgetting_expired_sessions_forgets_nothing_else(store: &impl SessionStore) {
    let sub = UserId::fresh();
    let (long, short, shorter) = (session(sub), session_for(sub, SHORT), session_for(sub, SHORT));
    for record in [&long, &short, &shorter] {
        begin(store, record).await;
    }
    let later = now().plus(SHORT * 2);
    let batches = [
        store.forget_expired(later, 1).await.unwrap(),
        store.forget_expired(later, 9).await.unwrap(),
        store.forget_expired(later, 9).await.unwrap(),
    ];
    // Stores that forget by themselves answer zero.
    assert!(batches == [1, 1, 0] || batches == [0, 0, 0], "{batches:?}");
    eventually("the short ones go", TIMEOUT, || async { (names(store, sub).await == [long.sid]).then_some(()) }).await;
}

pub async fn a_cancelled_call_harms_no_other(store: &impl SessionStore) {
    let records = [session(UserId::fresh()), session(UserId::fresh())];
    for record in &records {
        begin(store, record).await;
    }
    for patience in (0..100).map(|number| Duration::from_micros(20 * number)) {
        drop(timeout(patience, store.read(records[0].sub, records[0].sid)).await);
        assert_eq!(stored(store, &records[1]).await.as_ref(), Some(&records[1].sealed));
    }
}

pub async fn a_store_that_is_not_nearly_full_has_room(store: &impl SessionStore) {
    for _ in 0..10 {
        assert!(store.has_room(UserId::fresh()).await.unwrap());
    }
}

pub async fn the_store_can_be_reached(store: &impl SessionStore) {
    store.probe().await.unwrap();
}
