//! What the store of proofs promises.

use super::accounts::{HOUR, hash, hash_of, read, somebody};
use crate::samples::{account, now};
use auth_service::domain::{
    Language,
    accounts::{AccountChange, Accounts, EmailAddress, Epoch, NewAccount},
    audit::{Action, AuditLog, AuditQuery, Event},
    mail::{Mail, MailKind, Outbox, SealedMail},
    proofs::{MAX_TRIES, Proof, ProofStore, Purpose, Spending, Try},
    secrets::{KeyRing, RootSecret},
    sessions::endings::Endings,
};
use futures_util::future::join_all;
use shared::{
    clock::Timestamp,
    ids::{ProofId, UserId},
};
use std::time::Duration;

fn mail_to(address: &EmailAddress) -> SealedMail {
    let secrets =
        KeyRing::new(&RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap(), None);
    let mail = Mail {
        kind: MailKind::PasswordReset,
        to: address.clone(),
        language: Language::English,
        expires_at: now().plus(HOUR),
        params: MailKind::PasswordReset.sample(),
    };
    SealedMail::of(mail, &secrets, now())
}

fn proof_of(purpose: Purpose, sub: Option<UserId>, address: EmailAddress, epoch: Epoch) -> Proof {
    let expires_at = Timestamp::from_millis(now().plus(HOUR).millis());
    Proof { id: ProofId::fresh(), purpose, sub, address, epoch, payload: Some(b"sealed".to_vec()), expires_at }
}

async fn asked(store: &impl ProofStore, proof: Proof) -> Proof {
    store.ask(&proof, &mail_to(&proof.address), true, now()).await.unwrap();
    proof
}

/// A reset of a user's password that was asked for.
async fn reset_of(store: &(impl ProofStore + Accounts + Endings), sub: UserId) -> Proof {
    let user = read(store, sub).await;
    asked(store, proof_of(Purpose::Reset, Some(sub), user.email, user.session_epoch)).await
}

fn event(action: Action, sub: UserId) -> Event {
    Event::new(action, now()).to(sub)
}

fn spending<'a>(proof: &'a Proof, event: &'a Event) -> Spending<'a> {
    Spending { proof, attempt: ProofId::fresh(), now: now(), event, mails: &[] }
}

async fn events_of(store: &impl AuditLog, sub: UserId) -> usize {
    store.events(&AuditQuery { sub: Some(sub), limit: 100, ..AuditQuery::default() }).await.unwrap().len()
}

pub async fn a_proof_is_read_back_until_it_expires(store: &(impl ProofStore + Accounts + Endings)) {
    let proof = reset_of(store, somebody(store).await).await;
    assert_eq!(store.unspent(proof.id, now()).await.unwrap(), Some(proof.clone()));
    assert_eq!(store.unspent(ProofId::fresh(), now()).await.unwrap(), None);
    let sub = proof.sub.unwrap();
    assert_eq!(store.unspent_of(sub, Purpose::Reset, now()).await.unwrap(), Some(proof.clone()));
    assert_eq!(store.unspent_of(sub, Purpose::Verify, now()).await.unwrap(), None);
    assert_eq!(store.unspent_of(UserId::fresh(), Purpose::Reset, now()).await.unwrap(), None);
    let later = now().plus(2 * HOUR);
    assert_eq!(store.unspent(proof.id, later).await.unwrap(), None);
    assert_eq!(store.unspent_of(sub, Purpose::Reset, later).await.unwrap(), None);
    assert_eq!(store.count_try(proof.id, later).await.unwrap(), Try::Expired);
    assert_eq!(store.count_try(ProofId::fresh(), now()).await.unwrap(), Try::Expired);
}

pub async fn a_mail_is_added_with_its_proof_only_if_it_is_to_be_sent(
    store: &(impl ProofStore + Accounts + Endings + Outbox),
) {
    let proof = proof_of(Purpose::Reset, None, account().email, Epoch::FIRST);
    for (is_sent, mails) in [(false, 0), (true, 1)] {
        store.ask(&proof, &mail_to(&proof.address), is_sent, now()).await.unwrap();
        let listed = store.listed(1000).await.unwrap();
        assert_eq!(listed.iter().filter(|mail| mail.to == proof.address).count(), mails);
        assert_eq!(store.unspent(proof.id, now()).await.unwrap(), Some(proof.clone()));
    }
}

pub async fn asking_again_replaces_the_payload_and_keeps_the_count_of_tries(store: &impl ProofStore) {
    let proof = asked(store, proof_of(Purpose::Register, None, account().email, Epoch::FIRST)).await;
    store.count_try(proof.id, now()).await.unwrap();
    let again = asked(store, Proof { payload: Some(b"another".to_vec()), ..proof }).await;
    let Try::Counted { proof, left } = store.count_try(again.id, now()).await.unwrap() else { panic!("it waits") };
    assert_eq!((proof.payload.as_deref(), left), (Some(&b"another"[..]), MAX_TRIES - 2));
}

pub async fn no_number_of_parallel_tries_exceeds_the_limit(store: &(impl ProofStore + Accounts + Endings)) {
    let proof = reset_of(store, somebody(store).await).await;
    let tries = join_all((0..20).map(|_| store.count_try(proof.id, now()))).await;
    let counted = tries.iter().filter(|tried| matches!(tried, Ok(Try::Counted { .. }))).count();
    assert_eq!(counted, MAX_TRIES as usize);
    assert!(tries.iter().all(|tried| matches!(tried, Ok(Try::Counted { .. } | Try::Spent))));
    assert_eq!(store.unspent(proof.id, now()).await.unwrap(), None);
    store.take_back_try(proof.id).await.unwrap();
    assert!(matches!(store.count_try(proof.id, now()).await.unwrap(), Try::Counted { left: 0, .. }));
}

pub async fn of_many_changes_by_one_proof_exactly_one_is_made(
    store: &(impl ProofStore + Accounts + Endings + AuditLog),
) {
    let sub = somebody(store).await;
    let proof = reset_of(store, sub).await;
    let hashes: Vec<_> = (0..20).map(|index| hash(&format!("$argon2id${index}"))).collect();
    let event = event(Action::PasswordReset, sub);
    let made = join_all(hashes.iter().map(|hash| {
        let event = Event { id: shared::ids::EventId::fresh(), ..event.clone() };
        let proof = &proof;
        async move { store.reset_password(&spending(proof, &event), hash).await.unwrap() }
    }))
    .await;
    let winners: Vec<_> = hashes.iter().zip(&made).filter(|(_, made)| **made).map(|(hash, _)| hash).collect();
    assert_eq!(winners, [&hash_of(store, sub).await]);
    assert_eq!(events_of(store, sub).await, 1);
    assert_eq!(store.count_try(proof.id, now()).await.unwrap(), Try::Spent);
}

pub async fn a_reset_raises_the_epoch_verifies_the_address_and_makes_other_proofs_worthless(
    store: &(impl ProofStore + Accounts + Endings + AuditLog + Outbox),
) {
    let sub = somebody(store).await;
    let before = read(store, sub).await;
    assert_eq!(before.email_verified_at, None);
    let (first, second) = (reset_of(store, sub).await, reset_of(store, sub).await);
    let (event, notice) = (event(Action::PasswordReset, sub), mail_to(&before.email));
    let reset = Spending { mails: std::slice::from_ref(&notice), ..spending(&first, &event) };
    assert!(store.reset_password(&reset, &hash("$argon2id$new")).await.unwrap());
    let after = read(store, sub).await;
    assert!(after.session_epoch > before.session_epoch && after.email_verified_at.is_some(), "{after:?}");
    assert!(store.listed(1000).await.unwrap().iter().any(|mail| mail.id == notice.id));
    let late = self::event(Action::PasswordReset, sub);
    assert!(!store.reset_password(&spending(&second, &late), &hash("$argon2id$late")).await.unwrap());
    assert_eq!(hash_of(store, sub).await, hash("$argon2id$new"));
    assert_eq!(events_of(store, sub).await, 1);
}

pub async fn a_proof_of_a_user_who_was_disabled_or_deleted_changes_nothing(
    store: &(impl ProofStore + Accounts + Endings),
) {
    let disabled = somebody(store).await;
    let proof = reset_of(store, disabled).await;
    let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
    store.update(disabled, &change, &[], now(), &[]).await.unwrap().unwrap();
    let deleted = somebody(store).await;
    let gone = reset_of(store, deleted).await;
    assert!(store.delete(deleted, &[], None, &[]).await.unwrap());
    for (sub, proof) in [(disabled, &proof), (deleted, &gone)] {
        let event = event(Action::PasswordReset, sub);
        assert!(!store.reset_password(&spending(proof, &event), &hash("$argon2id$new")).await.unwrap());
        assert!(!store.verify_address(&spending(proof, &event)).await.unwrap());
    }
}

pub async fn a_registration_creates_a_verified_account_once_and_only_if_the_address_is_free(
    store: &(impl ProofStore + Accounts + Endings + AuditLog),
) {
    let new = NewAccount { email_verified_at: Some(now()), ..account() };
    let (first, second) = (
        asked(store, proof_of(Purpose::Register, None, new.email.clone(), Epoch::FIRST)).await,
        asked(store, proof_of(Purpose::Register, None, new.email.clone(), Epoch::FIRST)).await,
    );
    let event = event(Action::Register, new.id);
    assert!(store.register(&spending(&first, &event), &new).await.unwrap());
    assert_eq!(read(store, new.id).await.email_verified_at, new.email_verified_at);
    assert_eq!(events_of(store, new.id).await, 1);
    for proof in [&first, &second] {
        let other = NewAccount { id: UserId::fresh(), ..new.clone() };
        let event = self::event(Action::Register, other.id);
        assert!(!store.register(&spending(proof, &event), &other).await.unwrap());
        assert!(store.by_id(other.id).await.unwrap().is_none());
        assert_eq!(events_of(store, other.id).await, 0);
    }
}

pub async fn one_of_many_concurrent_confirmed_registrations_of_an_address_succeeds(
    store: &(impl ProofStore + Accounts + Endings),
) {
    let email = account().email;
    let made = join_all((0..10).map(|_| async {
        let proof = asked(store, proof_of(Purpose::Register, None, email.clone(), Epoch::FIRST)).await;
        let new = NewAccount { email: email.clone(), ..account() };
        let event = event(Action::Register, new.id);
        store.register(&spending(&proof, &event), &new).await.unwrap()
    }))
    .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

pub async fn verifying_an_address_changes_nothing_else(store: &(impl ProofStore + Accounts + Endings)) {
    let sub = somebody(store).await;
    let before = read(store, sub).await;
    let proof = asked(store, proof_of(Purpose::Verify, Some(sub), before.email.clone(), before.session_epoch)).await;
    let event = event(Action::EmailVerify, sub);
    assert!(store.verify_address(&spending(&proof, &event)).await.unwrap());
    let after = read(store, sub).await;
    assert!(after.email_verified_at.is_some());
    assert_eq!(auth_service::domain::accounts::Account { email_verified_at: None, ..after }, before);
}

pub async fn expired_proofs_are_forgotten_in_batches(store: &impl ProofStore) {
    let old = Timestamp::from_secs(1000);
    for _ in 0..3 {
        let proof = proof_of(Purpose::Register, None, account().email, Epoch::FIRST);
        asked(store, Proof { expires_at: old, ..proof }).await;
    }
    let waiting = asked(store, proof_of(Purpose::Register, None, account().email, Epoch::FIRST)).await;
    let before = old.plus(Duration::from_secs(1));
    assert_eq!(store.forget_proofs(old, 10).await.unwrap(), 0);
    assert_eq!(store.forget_proofs(before, 2).await.unwrap(), 2);
    assert_eq!(store.forget_proofs(before, 10).await.unwrap(), 1);
    assert_eq!(store.unspent(waiting.id, now()).await.unwrap(), Some(waiting));
}

/// A proof about a new address of a user.
async fn asked_of(store: &(impl ProofStore + Accounts + Endings), sub: UserId, purpose: Purpose) -> Proof {
    let epoch = read(store, sub).await.session_epoch;
    asked(store, proof_of(purpose, Some(sub), account().email, epoch)).await
}

pub async fn a_change_of_address_keeps_the_way_back_and_spends_other_changes(
    store: &(impl ProofStore + Accounts + Endings + AuditLog + Outbox),
) {
    let sub = somebody(store).await;
    let before = read(store, sub).await;
    let (first, second) =
        (asked_of(store, sub, Purpose::ChangeEmail).await, asked_of(store, sub, Purpose::ChangeEmail).await);
    let undo = proof_of(Purpose::UndoEmail, Some(sub), before.email.clone(), before.session_epoch);
    let (event, notice) = (event(Action::EmailChange, sub), mail_to(&before.email));
    let change = Spending { mails: std::slice::from_ref(&notice), ..spending(&first, &event) };
    assert!(store.change_address(&change, &before, &undo).await.unwrap());
    let after = read(store, sub).await;
    assert_eq!((&after.email, after.session_epoch), (&first.address, before.session_epoch));
    assert!(after.email_verified_at.is_some() && store.by_email(&before.email).await.unwrap().is_none());
    assert!(store.listed(1000).await.unwrap().iter().any(|mail| mail.id == notice.id));
    assert_eq!(store.unspent(undo.id, now()).await.unwrap(), Some(undo.clone()));
    let late = proof_of(Purpose::UndoEmail, Some(sub), after.email.clone(), after.session_epoch);
    assert!(!store.change_address(&spending(&second, &event), &after, &late).await.unwrap());
    assert_eq!(store.unspent(late.id, now()).await.unwrap(), None);
    assert_eq!(events_of(store, sub).await, 1);
}

pub async fn an_address_is_not_changed_on_outdated_grounds(store: &(impl ProofStore + Accounts + Endings + AuditLog)) {
    let changes: [AccountChange; 2] =
        [AccountChange { disabled: Some(true), ..AccountChange::default() }, AccountChange::default()];
    for change in changes {
        let sub = somebody(store).await;
        let proof = asked_of(store, sub, Purpose::ChangeEmail).await;
        let before = read(store, sub).await;
        if change.disabled.is_some() {
            store.update(sub, &change, &[], now(), &[]).await.unwrap().unwrap();
        } else {
            // Another user has taken the address meanwhile.
            store.create(&NewAccount { email: proof.address.clone(), ..account() }).await.unwrap();
        }
        let undo = proof_of(Purpose::UndoEmail, Some(sub), before.email.clone(), before.session_epoch);
        let event = event(Action::EmailChange, sub);
        assert!(!store.change_address(&spending(&proof, &event), &before, &undo).await.unwrap());
        assert_eq!(read(store, sub).await.email, before.email);
        assert_eq!(store.unspent(undo.id, now()).await.unwrap(), None);
    }
}

pub async fn an_address_is_given_back_whatever_was_changed_since(
    store: &(impl ProofStore + Accounts + Endings + AuditLog),
) {
    let sub = somebody(store).await;
    let before = read(store, sub).await;
    let undo = asked(store, proof_of(Purpose::UndoEmail, Some(sub), before.email.clone(), before.session_epoch)).await;
    let change = asked_of(store, sub, Purpose::ChangeEmail).await;
    let other = proof_of(Purpose::UndoEmail, Some(sub), account().email, before.session_epoch);
    assert!(store.change_address(&spending(&change, &event(Action::EmailChange, sub)), &before, &other).await.unwrap());
    store.set_password(sub, &hash("$argon2id$intruder"), now(), &[]).await.unwrap();
    let second = asked_of(store, sub, Purpose::SecondEmail).await;
    assert!(store.set_second_address(&spending(&second, &event(Action::SecondEmailChange, sub))).await.unwrap());
    let taken_over = read(store, sub).await;
    assert_eq!(taken_over.second_email.as_ref(), Some(&second.address));

    assert!(store.restore_address(&spending(&undo, &event(Action::EmailRestore, sub)), &taken_over).await.unwrap());
    let after = read(store, sub).await;
    assert_eq!((&after.email, &after.second_email), (&before.email, &None));
    assert!(after.session_epoch > taken_over.session_epoch);
    assert!(hash_of(store, sub).await.is_none(), "nobody knows the password");
    assert_eq!(store.unspent(other.id, now()).await.unwrap(), None, "the way back of the intruder is closed");
    assert!(!store.restore_address(&spending(&undo, &event(Action::EmailRestore, sub)), &after).await.unwrap());
}

/// Of several mailboxes, the one that the account had first decides, though all changes have the same time.
pub async fn of_several_ways_back_a_later_one_does_not_close_an_earlier_one(
    store: &(impl ProofStore + Accounts + Endings + AuditLog),
) {
    let sub = somebody(store).await;
    let first = read(store, sub).await;
    let at = now();
    let mut ways_back = Vec::new();
    for _ in 0..3 {
        let before = read(store, sub).await;
        let proof = asked_of(store, sub, Purpose::ChangeEmail).await;
        let undo = proof_of(Purpose::UndoEmail, Some(sub), before.email.clone(), before.session_epoch);
        let event = event(Action::EmailChange, sub);
        let change = Spending { now: at, ..spending(&proof, &event) };
        assert!(store.change_address(&change, &before, &undo).await.unwrap());
        ways_back.push(undo);
    }
    for (used, left) in [(1, [true, false, false]), (0, [false, false, false])] {
        let user = read(store, sub).await;
        let restored = event(Action::EmailRestore, sub);
        assert!(store.restore_address(&spending(&ways_back[used], &restored), &user).await.unwrap());
        for (way_back, is_left) in ways_back.iter().zip(left) {
            assert_eq!(store.unspent(way_back.id, now()).await.unwrap().is_some(), is_left, "{used}");
        }
    }
    assert_eq!(read(store, sub).await.email, first.email);
}

pub async fn an_address_that_may_be_given_back_is_nobody_elses(
    store: &(impl ProofStore + Accounts + Endings + AuditLog),
) {
    let (sub, other) = (somebody(store).await, somebody(store).await);
    let before = read(store, sub).await;
    let proof = asked_of(store, sub, Purpose::ChangeEmail).await;
    let undo = proof_of(Purpose::UndoEmail, Some(sub), before.email.clone(), before.session_epoch);
    let changed = event(Action::EmailChange, sub);
    assert!(store.change_address(&spending(&proof, &changed), &before, &undo).await.unwrap());
    assert!(store.is_taken(&before.email).await.unwrap());
    assert!(store.create(&NewAccount { email: before.email.clone(), ..account() }).await.is_err());
    let wish = Proof { address: before.email.clone(), ..asked_of(store, other, Purpose::ChangeEmail).await };
    let wish = asked(store, Proof { id: ProofId::fresh(), ..wish }).await;
    let user = read(store, other).await;
    let undo_of_other = proof_of(Purpose::UndoEmail, Some(other), user.email.clone(), user.session_epoch);
    let stolen = event(Action::EmailChange, other);
    assert!(!store.change_address(&spending(&wish, &stolen), &user, &undo_of_other).await.unwrap());
    // Its user may have it back by a change, too.
    let user = read(store, sub).await;
    let back = Proof { sub: Some(sub), id: ProofId::fresh(), epoch: user.session_epoch, ..wish };
    let back = asked(store, back).await;
    let undo = proof_of(Purpose::UndoEmail, Some(sub), user.email.clone(), user.session_epoch);
    let back_again = event(Action::EmailChange, sub);
    assert!(store.change_address(&spending(&back, &back_again), &user, &undo).await.unwrap());
}

pub async fn a_login_by_code_removes_the_password_of_an_address_that_was_never_verified(
    store: &(impl ProofStore + Accounts + Endings),
) {
    let sub = somebody(store).await;
    let login = async || {
        let user = read(store, sub).await;
        let proof = asked(store, proof_of(Purpose::Login, Some(sub), user.email, user.session_epoch)).await;
        assert!(store.log_in(&spending(&proof, &event(Action::EmailVerify, sub))).await.unwrap());
        read(store, sub).await
    };
    let before = read(store, sub).await;
    let first = login().await;
    assert!(first.session_epoch > before.session_epoch && first.email_verified_at.is_some(), "{first:?}");
    assert!(hash_of(store, sub).await.is_none());
    store.set_password(sub, &hash("$argon2id$own"), now(), &[]).await.unwrap();
    let epoch = read(store, sub).await.session_epoch;
    assert_eq!((login().await.session_epoch, hash_of(store, sub).await), (epoch, hash("$argon2id$own")));
}

pub async fn an_address_that_somebody_else_has_by_now_is_not_given_back(
    store: &(impl ProofStore + Accounts + Endings),
) {
    let sub = somebody(store).await;
    let user = read(store, sub).await;
    let taken = account();
    store.create(&taken).await.unwrap();
    let undo = asked(store, proof_of(Purpose::UndoEmail, Some(sub), taken.email, user.session_epoch)).await;
    assert!(!store.restore_address(&spending(&undo, &event(Action::EmailRestore, sub)), &user).await.unwrap());
    assert_eq!(read(store, sub).await, user);
}

pub async fn a_second_address_is_set_in_the_epoch_in_which_it_was_asked_for(
    store: &(impl ProofStore + Accounts + Endings),
) {
    let sub = somebody(store).await;
    let proof = asked_of(store, sub, Purpose::SecondEmail).await;
    store.set_password(sub, &hash("$argon2id$new"), now(), &[]).await.unwrap();
    assert!(!store.set_second_address(&spending(&proof, &event(Action::SecondEmailChange, sub))).await.unwrap());
    assert_eq!(read(store, sub).await.second_email, None);
}

pub async fn an_invitation_replaces_the_one_before_and_is_listed_until_it_is_revoked(
    store: &(impl ProofStore + AuditLog + Outbox),
) {
    let address = account().email;
    let invited = |address: &EmailAddress| proof_of(Purpose::Invite, None, address.clone(), Epoch::FIRST);
    let (first, second, other) = (invited(&address), invited(&address), invited(&account().email));
    for proof in [&first, &second, &other] {
        let event = Event::new(Action::UserInvite, now());
        store.invite(proof, &mail_to(&proof.address), &event).await.unwrap();
    }
    assert_eq!(store.unspent(first.id, now()).await.unwrap(), None);
    let mails = store.listed(1000).await.unwrap();
    assert_eq!(mails.iter().filter(|mail| mail.to == address).count(), 2);
    let all = store.invitations(None, 1000, now()).await.unwrap();
    for (proof, is_listed) in [(&first, false), (&second, true), (&other, true)] {
        assert_eq!(all.contains(proof), is_listed);
    }
    let after = all.iter().position(|found| *found == second).unwrap();
    let rest = store.invitations(Some(second.id), 1000, now()).await.unwrap();
    assert_eq!(rest, all[after + 1..]);
    assert_eq!(store.invitations(None, 1, now()).await.unwrap(), all[..1]);
    assert!(store.invitations(None, 1000, now().plus(2 * HOUR)).await.unwrap().is_empty());
    let revoked = Event::new(Action::InvitationRevoke, now());
    assert!(store.revoke_invitation(second.id, &revoked).await.unwrap());
    assert!(!store.revoke_invitation(second.id, &Event::new(Action::InvitationRevoke, now())).await.unwrap());
    assert!(!store.invitations(None, 1000, now()).await.unwrap().contains(&second));
    let registration = asked(store, proof_of(Purpose::Register, None, account().email, Epoch::FIRST)).await;
    assert!(!store.revoke_invitation(registration.id, &Event::new(Action::InvitationRevoke, now())).await.unwrap());
}

pub async fn a_user_is_created_by_an_invitation_only_while_the_admin_is_as_seen(
    store: &(impl ProofStore + Accounts + Endings + AuditLog),
) {
    let admin = somebody(store).await;
    let seen = read(store, admin).await.seen();
    let proof = asked(store, proof_of(Purpose::Invite, None, account().email, Epoch::FIRST)).await;
    let new = NewAccount { email: proof.address.clone(), by: Some(seen), ..account() };
    let demoted = AccountChange { roles: Some(vec!["reader".to_owned()]), ..AccountChange::default() };
    store.update(admin, &demoted, &[], now(), &[]).await.unwrap().unwrap();
    assert!(!store.register(&spending(&proof, &event(Action::Register, new.id)), &new).await.unwrap());
    assert!(store.by_email(&proof.address).await.unwrap().is_none());
    let again = NewAccount { by: Some(read(store, admin).await.seen()), ..new };
    assert!(store.register(&spending(&proof, &event(Action::Register, again.id)), &again).await.unwrap());
}
