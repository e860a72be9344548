//! What the outbox promises.

use super::accounts::{HOUR, checked, hash, hash_of, read, somebody};
use crate::samples::{LATER, event, mail, now};
use auth_service::domain::{
    accounts::{AccountChange, Accounts},
    audit::{Action, AuditLog},
    mail::{Leased, Outbox, Outcome, SealedMail},
    sessions::endings::{Endings, Theft},
};
use futures_util::future::join_all;
use shared::ids::{MailId, SessionId, UserId};
use std::{collections::BTreeSet, slice::from_ref, time::Duration};

async fn written(store: &impl Outbox, number: usize) -> Vec<SealedMail> {
    let mails: Vec<SealedMail> = (0..number).map(|_| mail()).collect();
    for mail in &mails {
        store.enqueue(mail).await.unwrap();
    }
    mails
}

async fn leased(store: &impl Outbox, lease: Duration) -> Vec<Leased> {
    store.lease(100, lease).await.unwrap()
}

async fn waiting(store: &impl Outbox) -> u64 {
    store.waiting().await.unwrap().mails
}

fn ids(leased: &[Leased]) -> Vec<MailId> {
    leased.iter().map(|leased| leased.mail.id).collect()
}

pub async fn a_mail_is_leased_unchanged_and_by_one_at_a_time(store: &impl Outbox) {
    let mails = written(store, 3).await;
    let first = leased(store, HOUR).await;
    assert_eq!(first.iter().map(|leased| leased.mail.clone()).collect::<Vec<_>>(), mails);
    assert!(first.iter().all(|leased| leased.attempts == 1));
    assert!(leased(store, HOUR).await.is_empty());
    assert_eq!(waiting(store).await, 3, "leased ones wait too");
}

pub async fn concurrent_leases_share_no_mail_and_leave_none(store: &impl Outbox) {
    written(store, 60).await;
    let leases = join_all((0..12).map(|_| store.lease(10, HOUR))).await;
    let mut all: Vec<MailId> = leases.into_iter().flat_map(|leased| ids(&leased.unwrap())).collect();
    while let rest = store.lease(10, HOUR).await.unwrap()
        && !rest.is_empty()
    {
        all.extend(ids(&rest));
    }
    assert_eq!((all.len(), all.into_iter().collect::<BTreeSet<_>>().len()), (60, 60));
}

pub async fn a_mail_whose_lease_has_ended_is_leased_again(store: &impl Outbox) {
    written(store, 1).await;
    for attempts in 1..=3 {
        let leased = leased(store, Duration::ZERO).await;
        assert_eq!(leased.iter().map(|leased| leased.attempts).collect::<Vec<_>>(), [attempts]);
    }
}

pub async fn new_mails_come_before_those_that_were_put_off(store: &impl Outbox) {
    let old = written(store, 2).await;
    for leased in leased(store, HOUR).await {
        store.put_off(&leased, Duration::ZERO, Some("451 later")).await.unwrap();
    }
    let new = written(store, 1).await;
    assert_eq!(ids(&store.lease(1, HOUR).await.unwrap()), [new[0].id]);
    assert_eq!(ids(&leased(store, HOUR).await), [old[0].id, old[1].id]);
}

pub async fn a_delivered_mail_is_gone(store: &impl Outbox) {
    let mails = written(store, 2).await;
    leased(store, Duration::ZERO).await;
    store.delivered(mails[0].id).await.unwrap();
    store.delivered(mails[0].id).await.unwrap();
    assert_eq!(ids(&leased(store, HOUR).await), [mails[1].id]);
    assert_eq!(waiting(store).await, 1);
}

pub async fn a_mail_that_is_put_off_is_due_later_and_says_why(store: &impl Outbox) {
    written(store, 1).await;
    let first = leased(store, HOUR).await;
    store.put_off(&first[0], HOUR, Some("451 later")).await.unwrap();
    assert!(leased(store, HOUR).await.is_empty());
    assert_eq!(store.listed(10).await.unwrap()[0].last_error.as_deref(), Some("451 later"));
    store.put_off(&first[0], Duration::ZERO, Some("451 later")).await.unwrap();
    assert_eq!(leased(store, HOUR).await[0].attempts, 2);
}

pub async fn whoever_has_lost_a_lease_changes_nothing(store: &impl Outbox) {
    written(store, 1).await;
    let lost = leased(store, Duration::ZERO).await.remove(0);
    let held = leased(store, HOUR).await.remove(0);
    store.put_off(&lost, Duration::ZERO, Some("late")).await.unwrap();
    store.settle(&lost, Outcome::Refused, Some("late")).await.unwrap();
    assert!(leased(store, HOUR).await.is_empty(), "the lease goes on");
    assert_eq!((waiting(store).await, store.listed(10).await.unwrap()[0].last_error.clone()), (1, None));
    store.settle(&held, Outcome::Refused, Some("550 unknown")).await.unwrap();
    assert_eq!(waiting(store).await, 0);
}

pub async fn of_settled_mails_only_those_in_the_mailbox_keep_their_content(store: &impl Outbox) {
    let mails = written(store, 2).await;
    let both = leased(store, Duration::ZERO).await;
    store.settle(&both[0], Outcome::Kept, None).await.unwrap();
    store.settle(&both[1], Outcome::Refused, Some("550 unknown")).await.unwrap();
    assert!(leased(store, HOUR).await.is_empty());
    assert_eq!(store.mailbox(10).await.unwrap(), [mails[0].clone()]);
    assert_eq!(store.in_mailbox(mails[0].id).await.unwrap(), Some(mails[0].clone()));
    assert_eq!(store.in_mailbox(mails[1].id).await.unwrap(), None);
    let listed = store.listed(10).await.unwrap();
    let outcomes: Vec<_> = listed.iter().map(|mail| (mail.outcome, mail.last_error.as_deref())).collect();
    assert_eq!(outcomes, [(Some(Outcome::Refused), Some("550 unknown")), (Some(Outcome::Kept), None)]);
}

pub async fn settled_mails_are_forgotten_and_the_mailbox_keeps_the_newest(store: &impl Outbox) {
    let mails = written(store, 6).await;
    for leased in store.lease(5, HOUR).await.unwrap() {
        store.settle(&leased, Outcome::Kept, None).await.unwrap();
    }
    let before = now().minus(HOUR);
    assert_eq!(store.forget_settled(before, 5, 10).await.unwrap(), 0);
    assert_eq!(store.forget_settled(before, 2, 2).await.unwrap(), 2, "in batches");
    assert_eq!(store.forget_settled(before, 2, 2).await.unwrap(), 1);
    let kept: Vec<MailId> = store.mailbox(10).await.unwrap().iter().map(|mail| mail.id).collect();
    assert_eq!(kept, [mails[4].id, mails[3].id]);
    assert_eq!(store.forget_settled(now().plus(HOUR), 2, 10).await.unwrap(), 2);
    assert_eq!(waiting(store).await, 1, "what waits is not forgotten");
}

/// Makes a change with a mail; returns whether anything was changed.
async fn change(store: &(impl Accounts + Endings), id: UserId, way: usize, mail: &SealedMail) -> bool {
    let old = hash_of(store, id).await;
    let seen = checked(store, id, &old, SessionId::fresh()).await;
    let disable = AccountChange { disabled: Some(true), ..AccountChange::default() };
    match way {
        0 => store.change_password(id, &seen, &hash("new"), now(), from_ref(mail)).await.unwrap(),
        1 => store.set_password(id, &hash("new"), now(), from_ref(mail)).await.unwrap(),
        2 => store.update(id, &disable, &[], now(), from_ref(mail)).await.unwrap().is_some(),
        _ => store.delete(id, &[], None, from_ref(mail)).await.unwrap(),
    }
}

pub async fn a_mail_is_written_with_its_change_and_never_without(store: &(impl Accounts + Endings + Outbox)) {
    for way in 0..4 {
        let id = somebody(store).await;
        let stale = AccountChange { disabled: Some(false), ..AccountChange::default() };
        let outdated = [read(store, id).await.seen()];
        store.update(id, &stale, &[], now(), &[]).await.unwrap().expect("the user exists");
        assert!(store.update(id, &stale, &outdated, now(), &[mail()]).await.unwrap().is_none());
        assert!(!store.delete(id, &outdated, None, &[mail()]).await.unwrap());
        assert!(!store.set_password(UserId::fresh(), &hash("new"), now(), &[mail()]).await.unwrap());
        assert_eq!(waiting(store).await, 0, "nothing was changed");
        let about = mail();
        assert!(change(store, id, way, &about).await, "way {way}");
        let leased = leased(store, HOUR).await;
        assert_eq!(ids(&leased), [about.id], "way {way}");
        store.delivered(about.id).await.unwrap();
    }
}

pub async fn a_theft_and_its_mail_are_written_together(store: &(impl Accounts + Endings + AuditLog + Outbox)) {
    let (sub, sid, about, event) = (somebody(store).await, SessionId::fresh(), mail(), event(Action::RefreshReuse));
    let theft = Theft { sub, sid, until: LATER, epoch: None, event: &event, mails: from_ref(&about) };
    store.end_stolen(&theft).await.unwrap();
    assert_eq!(ids(&leased(store, HOUR).await), [about.id]);
    // The event's row is there already, so nothing is written.
    let again = mail();
    assert!(store.end_stolen(&Theft { mails: from_ref(&again), ..theft }).await.is_err());
    assert_eq!(waiting(store).await, 1);
}

pub async fn a_change_whose_mail_cannot_be_written_is_not_made(store: &(impl Accounts + Endings + Outbox)) {
    let (id, taken) = (somebody(store).await, mail());
    store.enqueue(&taken).await.unwrap();
    let before = (read(store, id).await, hash_of(store, id).await);
    assert!(store.set_password(id, &hash("new"), now(), from_ref(&taken)).await.is_err());
    assert!(store.delete(id, &[], None, from_ref(&taken)).await.is_err());
    assert_eq!((read(store, id).await, hash_of(store, id).await), before);
}
