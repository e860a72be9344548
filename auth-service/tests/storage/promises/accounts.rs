//! What the store of users promises.

use crate::samples::{account, named, now};
use auth_service::domain::{
    Language,
    accounts::{Account, AccountChange, Accounts, Checked, CreateError, Epoch, NewAccount},
    passwords::PasswordHash,
    sessions::{endings::Endings, store::SessionStore},
};
use futures_util::future::{join, join_all};
use serde_json::{Map, Value, json};
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use std::time::Duration;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) async fn created(store: &(impl Accounts + Endings), account: &NewAccount) -> UserId {
    store.create(account).await.unwrap();
    account.id
}

pub(super) async fn somebody(store: &(impl Accounts + Endings)) -> UserId {
    created(store, &account()).await
}

pub(super) async fn read(store: &(impl Accounts + Endings), id: UserId) -> Account {
    store.by_id(id).await.unwrap().expect("the user exists").account
}

pub(super) async fn hash_of(store: &(impl Accounts + Endings), id: UserId) -> PasswordHash {
    store.by_id(id).await.unwrap().expect("the user exists").hash
}

pub(super) async fn has_ended(store: &(impl Accounts + Endings), id: UserId, session: SessionId) -> bool {
    store.status(id, session).await.unwrap().expect("the user exists").ended
}

pub(super) fn hash(text: &str) -> PasswordHash {
    PasswordHash(text.to_owned())
}

fn claims(value: Value) -> Map<String, Value> {
    value.as_object().expect("claims are an object").clone()
}

pub async fn an_account_is_found_by_address_and_by_id(store: &(impl Accounts + Endings)) {
    let new = account();
    assert!(store.by_email(&new.email).await.unwrap().is_none());
    assert!(store.by_id(new.id).await.unwrap().is_none());
    store.create(&new).await.unwrap();
    let found = store.by_email(&new.email).await.unwrap().expect("it was created");
    assert_eq!(found.hash, new.hash);
    assert_eq!(
        found.account,
        Account {
            id: new.id,
            email: new.email,
            name: new.name,
            roles: new.roles,
            custom: Map::new(),
            disabled: false,
            session_epoch: Epoch(new.created_at.millis()),
            kept_session: None,
            created_at: new.created_at,
            email_verified_at: None,
            second_email: None,
            language: Some(Language::Ukrainian),
            external: None,
            revision: 0,
        }
    );
    assert_eq!(read(store, new.id).await, found.account);
}

pub async fn names_and_claims_are_read_back_whatever_they_hold(store: &(impl Accounts + Endings)) {
    let nameless = created(store, &NewAccount { name: None, roles: vec![], ..account() }).await;
    assert_eq!((read(store, nameless).await.name, read(store, nameless).await.roles), (None, vec![]));

    let odd = "O'Neil \"%_\\ 名前 \u{1F980}";
    let id = created(store, &named(odd)).await;
    assert_eq!(read(store, id).await.name.expect("it has a name").as_str(), odd);

    let custom = claims(json!({"premium": true, "nul\u{0}": ["\u{0}", 1.5, null, {"a": i64::MIN}]}));
    let change = AccountChange { custom: Some(custom.clone()), ..Default::default() };
    let changed = store.update(id, &change, &[], now(), &[]).await.unwrap().expect("the user exists");
    assert_eq!(changed.custom, custom);
    assert_eq!(read(store, id).await, changed);
}

pub async fn two_accounts_cannot_have_one_address(store: &(impl Accounts + Endings)) {
    let first = named("First");
    store.create(&first).await.unwrap();
    let second = NewAccount { email: first.email.clone(), ..named("Second") };
    assert!(matches!(store.create(&second).await, Err(CreateError::EmailTaken)));
    assert!(store.by_id(second.id).await.unwrap().is_none());
    assert_eq!(read(store, first.id).await.name, first.name);
}

pub async fn one_of_many_concurrent_registrations_of_an_address_succeeds(store: &(impl Accounts + Endings)) {
    let email = account().email;
    let rivals: Vec<_> = (0..20).map(|_| NewAccount { email: email.clone(), ..account() }).collect();
    let outcomes = join_all(rivals.iter().map(|rival| store.create(rival))).await;
    let created: Vec<_> = rivals.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
    assert_eq!(created.len(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(CreateError::EmailTaken))));
    assert_eq!(store.by_email(&email).await.unwrap().expect("one is there").account.id, created[0].0.id);
}

pub async fn a_password_is_changed_only_from_the_one_that_was_read(store: &(impl Accounts + Endings)) {
    let (id, kept) = (somebody(store).await, SessionId::fresh());
    let before = read(store, id).await;
    let old = hash_of(store, id).await;
    let seen = Checked { hash: &old, epoch: before.session_epoch, session: kept };
    let wrong = hash("wrong");
    assert!(!store.change_password(id, &Checked { hash: &wrong, ..seen }, &hash("new"), now(), &[]).await.unwrap());
    assert!(!store.change_password(UserId::fresh(), &seen, &hash("new"), now(), &[]).await.unwrap());
    assert_eq!((read(store, id).await, hash_of(store, id).await), (before.clone(), old.clone()));

    let now = now();
    assert!(store.change_password(id, &checked(store, id, &old, kept).await, &hash("new"), now, &[]).await.unwrap());
    let after = read(store, id).await;
    assert!(after.session_epoch > before.session_epoch && after.session_epoch.0 >= now.millis());
    assert_eq!(after.kept_session, Some(kept));
    assert_eq!(hash_of(store, id).await, hash("new"));
    let standing = store.status(id, kept).await.unwrap().expect("the user exists");
    assert!(standing.is_alive(kept, before.session_epoch), "the session that changed the password goes on");
    assert!(!standing.is_alive(SessionId::fresh(), before.session_epoch));
}

pub(super) async fn checked<'a>(
    store: &(impl Accounts + Endings),
    id: UserId,
    hash: &'a PasswordHash,
    session: SessionId,
) -> Checked<'a> {
    Checked { hash, epoch: read(store, id).await.session_epoch, session }
}

/// Each in a way that ends what was checked: the epoch is raised, the user is disabled, the session is ended by name.
async fn ends(store: &(impl Accounts + Endings), id: UserId, session: SessionId, way: usize) {
    match way {
        0 => drop(store.raise_epoch(id, None, now()).await.unwrap()),
        1 => {
            let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
            store.update(id, &change, &[], now(), &[]).await.unwrap();
        }
        _ => store.end_session(id, session, now().plus(HOUR)).await.unwrap(),
    }
}

pub async fn a_change_that_a_check_allowed_is_not_written_after_the_session_has_ended(
    store: &(impl Accounts + Endings),
) {
    for way in 0..3 {
        let (id, session) = (somebody(store).await, SessionId::fresh());
        let old = hash_of(store, id).await;
        let seen = checked(store, id, &old, session).await;
        ends(store, id, session, way).await;
        let before = read(store, id).await;
        assert!(!store.change_password(id, &seen, &hash("new"), now(), &[]).await.unwrap(), "way {way}");
        assert!(!store.delete(id, &[], Some(&seen), &[]).await.unwrap(), "way {way}");
        assert_eq!((read(store, id).await, hash_of(store, id).await), (before, old.clone()), "way {way}");
    }
}

/// Whichever comes first, a session that was ended does not go on because it changed the password.
pub async fn a_password_change_spares_no_session_that_ends_at_the_same_time(store: &(impl Accounts + Endings)) {
    for way in [0, 1, 2].repeat(10) {
        let (id, session) = (somebody(store).await, SessionId::fresh());
        let old = hash_of(store, id).await;
        let seen = checked(store, id, &old, session).await;
        let new = hash("new");
        let (changed, ()) =
            join(store.change_password(id, &seen, &new, now(), &[]), ends(store, id, session, way)).await;
        let standing = store.status(id, session).await.unwrap().expect("the user exists");
        assert!(!standing.is_alive(session, seen.epoch), "way {way}");
        assert_eq!(hash_of(store, id).await == new, changed.unwrap());
    }
}

pub async fn an_account_is_deleted_only_if_it_is_as_it_was_checked(store: &(impl Accounts + Endings)) {
    let (id, session) = (somebody(store).await, SessionId::fresh());
    let old = hash_of(store, id).await;
    let seen = checked(store, id, &old, session).await;
    let wrong = hash("wrong");
    assert!(!store.delete(id, &[], Some(&Checked { hash: &wrong, ..seen }), &[]).await.unwrap());
    assert!(store.delete(id, &[], Some(&seen), &[]).await.unwrap());
    assert!(!store.delete(id, &[], Some(&seen), &[]).await.unwrap());
}

pub async fn one_of_many_concurrent_changes_of_a_password_succeeds(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let old = hash_of(store, id).await;
    let new: Vec<_> = (0..20).map(|number| hash(&format!("new {number}"))).collect();
    let seen = checked(store, id, &old, SessionId::fresh()).await;
    let outcomes = join_all(new.iter().map(async |new| store.change_password(id, &seen, new, now(), &[]).await)).await;
    let winners: Vec<_> = new.iter().zip(outcomes).filter(|(_, outcome)| *outcome.as_ref().unwrap()).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(&hash_of(store, id).await, winners[0].0);
}

pub async fn another_hash_of_the_same_password_ends_nothing(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let (before, old) = (read(store, id).await, hash_of(store, id).await);
    store.rehash(id, &old, &hash("stronger")).await.unwrap();
    assert_eq!(hash_of(store, id).await, hash("stronger"));
    store.rehash(id, &old, &hash("too late")).await.unwrap();
    assert_eq!((read(store, id).await, hash_of(store, id).await), (before, hash("stronger")));
}

pub async fn setting_a_password_ends_all_sessions_whatever_it_was_before(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let (first, second) = (PasswordHash("$argon2id$first".to_owned()), PasswordHash("$argon2id$second".to_owned()));
    let known = store.by_id(id).await.unwrap().unwrap();
    let checked = Checked { hash: &known.hash, epoch: known.account.session_epoch, session: SessionId::fresh() };
    assert!(store.change_password(id, &checked, &second, now(), &[]).await.unwrap());
    let before = read(store, id).await.session_epoch;
    assert!(store.set_password(id, &first, now(), &[]).await.unwrap());
    let after = store.by_id(id).await.unwrap().unwrap();
    assert_eq!(after.hash.0, first.0);
    assert!(after.account.session_epoch > before && after.account.kept_session.is_none());
    assert!(!store.set_password(UserId::fresh(), &first, now(), &[]).await.unwrap(), "nobody");
}

pub async fn probing_the_store_leaves_nothing_behind(store: &(impl Accounts + Endings + SessionStore)) {
    for _ in 0..3 {
        Accounts::probe(store).await.unwrap();
        SessionStore::probe(store).await.unwrap();
    }
    assert_eq!(store.forget_ended(now().plus(HOUR), 100).await.unwrap(), 0);
}

pub async fn an_update_changes_what_is_given_and_nothing_else(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let before = read(store, id).await;
    let change = async |change: AccountChange| {
        store.update(id, &change, &[], now(), &[]).await.unwrap().expect("the user exists")
    };
    assert_eq!(change(AccountChange::default()).await, Account { revision: 1, ..before.clone() });

    let roles = vec!["admin".to_owned(), "author".to_owned()];
    let with_roles = change(AccountChange { roles: Some(roles.clone()), ..Default::default() }).await;
    assert_eq!(with_roles, Account { roles, revision: 2, ..before.clone() });

    let custom = claims(json!({"premium": 1}));
    let with_claims = change(AccountChange { custom: Some(custom.clone()), ..Default::default() }).await;
    assert_eq!(with_claims, Account { custom, revision: 3, ..with_roles });
    assert_eq!(read(store, id).await, with_claims);

    let nobody = store.update(UserId::fresh(), &AccountChange::default(), &[], now(), &[]).await.unwrap();
    assert_eq!(nobody, None);
}

pub async fn disabling_a_user_raises_the_epoch(store: &(impl Accounts + Endings)) {
    let id = somebody(store).await;
    let old = hash_of(store, id).await;
    assert!(
        store
            .change_password(id, &checked(store, id, &old, SessionId::fresh()).await, &hash("new"), now(), &[])
            .await
            .unwrap()
    );
    let before = read(store, id).await;
    let disable = |disabled| AccountChange { disabled: Some(disabled), ..Default::default() };
    let disabled =
        store.update(id, &disable(true), &[], Timestamp::from_secs(1), &[]).await.unwrap().expect("the user exists");
    let raised = Epoch(before.session_epoch.0 + 1);
    assert_eq!(disabled, Account { disabled: true, session_epoch: raised, kept_session: None, revision: 1, ..before });
    let enabled = store.update(id, &disable(false), &[], now(), &[]).await.unwrap().expect("the user exists");
    assert_eq!(enabled, Account { disabled: false, revision: 2, ..disabled });
}

pub async fn every_unlock_is_counted_and_changes_nothing_else(store: &(impl Accounts + Endings)) {
    let (id, other) = (somebody(store).await, somebody(store).await);
    let before = store.by_id(id).await.unwrap().expect("the user exists");
    assert_eq!(before.unlocks, 0);
    let unlocked = join_all((0..5).map(|_| store.unlock(id))).await;
    assert!(unlocked.into_iter().all(Result::unwrap));
    let after = store.by_email(&before.account.email).await.unwrap().expect("the user exists");
    assert_eq!((after.unlocks, &after.account, &after.hash), (5, &before.account, &before.hash));
    assert_eq!(store.by_id(other).await.unwrap().expect("the user exists").unlocks, 0);
    assert!(!store.unlock(UserId::fresh()).await.unwrap());
}

pub async fn a_deleted_user_is_gone_and_the_address_free(store: &(impl Accounts + Endings)) {
    let new = account();
    let session = SessionId::fresh();
    store.create(&new).await.unwrap();
    assert!(store.delete(new.id, &[], None, &[]).await.unwrap());
    assert!(!store.delete(new.id, &[], None, &[]).await.unwrap());
    assert!(store.by_email(&new.email).await.unwrap().is_none());
    assert!(store.status(new.id, session).await.unwrap().is_none());
    store.create(&NewAccount { id: UserId::fresh(), ..new }).await.unwrap();
}

pub async fn roles_are_matched_by_their_whole_names(store: &(impl Accounts + Endings)) {
    assert!(!store.has_any_with_role("admin").await.unwrap());
    let roles = ["administrator", "an\",\"admin", "Admin"].map(str::to_owned).to_vec();
    let id = created(store, &NewAccount { roles, ..account() }).await;
    assert!(!store.has_any_with_role("admin").await.unwrap());
    let change = AccountChange { roles: Some(vec!["reader".to_owned(), "admin".to_owned()]), ..Default::default() };
    store.update(id, &change, &[], now(), &[]).await.unwrap().expect("the user exists");
    assert!(store.has_any_with_role("admin").await.unwrap());
}

/// Somebody with these roles.
async fn holder(store: &(impl Accounts + Endings), roles: &[&str]) -> Account {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let id = created(store, &NewAccount { roles, ..account() }).await;
    read(store, id).await
}

fn to_readers() -> AccountChange {
    AccountChange { roles: Some(vec!["reader".to_owned()]), ..Default::default() }
}

pub async fn a_decision_on_an_outdated_state_changes_nothing(store: &(impl Accounts + Endings)) {
    let (user, other) = (holder(store, &["admin"]).await, holder(store, &["admin"]).await);
    let both = [user.seen(), other.seen()];
    let demoted = store.update(other.id, &to_readers(), &both, now(), &[]).await.unwrap().expect("both are as seen");
    assert_eq!(demoted.revision, other.revision + 1);
    for stale in [&both[..], &[other.seen()], &[user.seen(), other.seen()]] {
        assert_eq!(store.update(user.id, &to_readers(), stale, now(), &[]).await.unwrap(), None);
        assert!(!store.delete(user.id, stale, None, &[]).await.unwrap());
        let by = stale.last().copied();
        let refused = store.create(&NewAccount { by, ..account() }).await;
        assert!(matches!(refused, Err(CreateError::Outdated)), "{refused:?}");
    }
    assert_eq!(read(store, user.id).await, user);
    let current = [user.seen(), demoted.seen()];
    store.create(&NewAccount { by: Some(user.seen()), ..account() }).await.unwrap();
    assert!(store.delete(user.id, &current, None, &[]).await.unwrap());
}

pub async fn one_of_many_concurrent_changes_of_a_user_as_seen_succeeds(store: &(impl Accounts + Endings)) {
    let user = holder(store, &["reader"]).await;
    let seen = [user.seen()];
    let change = to_readers();
    let outcomes = join_all((0..20).map(|_| store.update(user.id, &change, &seen, now(), &[]))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.as_ref().unwrap().is_some()).count(), 1);
}

pub async fn of_two_users_that_rely_on_each_other_only_one_can_go(store: &(impl Accounts + Endings)) {
    for _ in 0..10 {
        let (one, other) = (holder(store, &["admin"]).await, holder(store, &["admin"]).await);
        let seen = [one.seen(), other.seen()];
        let change = to_readers();
        let (first, second) = tokio::join!(
            store.update(one.id, &change, &seen, now(), &[]),
            store.update(other.id, &change, &seen, now(), &[])
        );
        assert!(first.unwrap().is_some() != second.unwrap().is_some(), "either, and not both");
        let (one, other) = (holder(store, &["admin"]).await, holder(store, &["admin"]).await);
        let seen = [one.seen(), other.seen()];
        let (first, second) =
            tokio::join!(store.delete(one.id, &seen, None, &[]), store.delete(other.id, &seen, None, &[]));
        assert!(first.unwrap() != second.unwrap(), "either, and not both");
    }
}

pub async fn another_enabled_user_with_certain_roles_is_found(store: &(impl Accounts + Endings)) {
    let is_admin = |roles: &[String]| roles.iter().any(|role| role == "admin");
    let reader = holder(store, &["reader"]).await;
    let admin = holder(store, &["reader", "admin"]).await;
    assert_eq!(store.another_enabled(admin.id, &is_admin).await.unwrap(), None);
    assert_eq!(store.another_enabled(reader.id, &is_admin).await.unwrap(), Some(admin.clone()));
    let disable = AccountChange { disabled: Some(true), ..Default::default() };
    store.update(admin.id, &disable, &[], now(), &[]).await.unwrap().expect("the user exists");
    assert_eq!(store.another_enabled(reader.id, &is_admin).await.unwrap(), None);
}

pub async fn hashes_unlike_new_ones_are_found(store: &(impl Accounts + Endings)) {
    let new = hash("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$AAECAwQFBgcICQoLDA0ODw");
    created(store, &NewAccount { hash: new, ..account() }).await;
    assert_eq!(store.odd_hashes(9).await.unwrap(), []);
    let odd = ["$argon2id$v=19$m=19456,t=2,p=2$x", "", "$2b$12$x"].map(hash);
    for hash in &odd {
        created(store, &NewAccount { hash: hash.clone(), ..account() }).await;
    }
    let mut found = store.odd_hashes(9).await.unwrap();
    found.sort_by_key(|hash| odd.iter().position(|other| other == hash));
    assert_eq!(found, odd);
    assert_eq!(store.odd_hashes(2).await.unwrap().len(), 2);
}

pub async fn holders_of_roles_are_counted(store: &(impl Accounts + Endings)) {
    for roles in [&["reader"][..], &["admin", "reader"], &["reader"]] {
        holder(store, roles).await;
    }
    let mut holders = store.holders().await.unwrap();
    holders.sort();
    let list = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>();
    assert_eq!(holders, [(list(&["admin", "reader"]), 1), (list(&["reader"]), 2)]);
}

pub async fn the_database_tells_the_time(store: &(impl Accounts + Endings)) {
    let before = now();
    let read = store.clock().await.unwrap();
    let millisecond = Duration::from_millis(2);
    assert!(read.plus(millisecond) >= before && read <= now().plus(millisecond), "{read:?}");
}
