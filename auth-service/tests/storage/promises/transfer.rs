//! What the store of users promises to imports and exports.

use super::accounts::{created, hash, read};
use crate::samples::{account, now, unique};
use auth_service::domain::{
    accounts::{
        Accounts, EmailAddress, Epoch, ExternalId, PersonName,
        transfer::{Arrival, Transfer},
    },
    passwords::PasswordHash,
    sessions::endings::Endings,
};
use serde_json::{Map, json};
use shared::{clock::Timestamp, ids::UserId};
use std::collections::HashSet;

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_123);

fn arrival() -> Arrival {
    Arrival {
        id: UserId::fresh(),
        external: None,
        email: address(&unique("ada")),
        is_verified: false,
        second_email: None,
        language: None,
        name: Some(PersonName::parse("Ada Lovelace").unwrap()),
        hash: hash("$2b$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"),
        roles: vec!["reader".to_owned()],
        custom: Map::new(),
        disabled: false,
        created_at: AT,
    }
}

fn address(name: &str) -> EmailAddress {
    EmailAddress::parse(&format!("{name}@example.com")).unwrap()
}

fn external(id: &str) -> Option<ExternalId> {
    Some(ExternalId { source: "auth0".to_owned(), id: id.to_owned() })
}

async fn added(store: &impl Transfer, users: &[Arrival]) -> HashSet<UserId> {
    store.add_all(users, now()).await.unwrap()
}

pub async fn users_are_added_with_all_that_is_known_of_them(store: &(impl Accounts + Transfer + Endings)) {
    let id = unique("auth0|ü'\"");
    let mut custom = Map::new();
    custom.insert("plan".to_owned(), json!({ "a": [1, "\u{0}", "ß"] }));
    let user = Arrival { external: external(&id), disabled: true, custom, ..arrival() };
    let before = now();
    assert_eq!(added(store, std::slice::from_ref(&user)).await, HashSet::from([user.id]));
    let found = store.by_email(&user.email).await.unwrap().expect("a user");
    assert_eq!(found.hash, user.hash);
    let found = found.account;
    assert_eq!((found.id, &found.name, &found.roles), (user.id, &user.name, &user.roles));
    assert_eq!((&found.custom, found.disabled, found.created_at), (&user.custom, true, AT));
    assert_eq!(found.external, external(&id));
    assert!(found.session_epoch >= Epoch(before.millis()), "tokens of a deleted user with this id are worthless");
    assert_eq!(added(store, &[]).await, HashSet::new());
}

pub async fn whoever_collides_with_a_user_is_not_added_and_changes_nothing(
    store: &(impl Accounts + Transfer + Endings),
) {
    let old = created(store, &account()).await;
    let old = read(store, old).await;
    let known = Arrival { external: external(&unique("id")), ..arrival() };
    added(store, std::slice::from_ref(&known)).await;
    let (fresh, twice) = (arrival(), address(&unique("twice")));
    let batch = [
        Arrival { id: old.id, ..arrival() },
        Arrival { email: old.email.clone(), ..arrival() },
        Arrival { external: known.external.clone(), ..arrival() },
        fresh.clone(),
        Arrival {
            external: Some(ExternalId { source: "another".to_owned(), ..known.external.clone().unwrap() }),
            ..arrival()
        },
        Arrival { email: twice.clone(), ..arrival() },
        Arrival { email: twice, ..arrival() },
    ];
    let expected = [&batch[3], &batch[4], &batch[5]].map(|user| user.id);
    assert_eq!(added(store, &batch).await, HashSet::from(expected));
    assert_eq!(read(store, old.id).await, old);
    let mut holders = store.holders_of(&batch[..3]).await.unwrap();
    holders.sort_by_key(|holder| holder.id != old.id);
    assert_eq!(holders.iter().map(|holder| holder.id).collect::<Vec<_>>(), [old.id, known.id]);
    assert_eq!((holders[0].email.as_str(), &holders[0].roles), (old.email.as_str(), &old.roles));
    assert_eq!((&holders[1].external, added(store, &batch).await), (&known.external, HashSet::new()));
}

pub async fn an_overwritten_user_keeps_the_password_and_the_time_of_registration(
    store: &(impl Accounts + Transfer + Endings),
) {
    let (old, without) = (arrival(), Arrival { hash: PasswordHash::none(), ..arrival() });
    added(store, &[old.clone(), without.clone()]).await;
    let before = read(store, old.id).await;
    let new = Arrival {
        external: external(&unique("id")),
        name: None,
        roles: vec!["author".to_owned()],
        disabled: true,
        created_at: now(),
        hash: hash("$2b$05$another"),
        ..arrival()
    };
    let other = Arrival { email: new.email.clone(), ..arrival() };
    store.overwrite_all(&[(old.id, new.clone()), (without.id, other.clone())], AT).await.unwrap();
    let found = store.by_id(old.id).await.unwrap().expect("a user");
    assert_eq!(found.hash, old.hash);
    let found = found.account;
    assert_eq!((&found.email, &found.name, &found.roles), (&new.email, &None, &new.roles));
    assert_eq!((found.created_at, found.external), (AT, new.external));
    assert!(found.disabled && found.session_epoch > before.session_epoch && found.revision > before.revision);
    assert_eq!(read(store, without.id).await.email, without.email, "another user has the address");
    let given = Arrival { email: without.email.clone(), ..other };
    store.overwrite_all(&[(without.id, given.clone())], AT).await.unwrap();
    assert_eq!(store.by_id(without.id).await.unwrap().expect("a user").hash, given.hash, "there was no password");
}

pub async fn a_verified_address_is_so_since_the_import_and_another_one_only_if_the_arrival_says_so(
    store: &(impl Accounts + Transfer + Endings),
) {
    const LATER: Timestamp = Timestamp::from_millis(AT.millis() + 1);
    let (verified, unverified) = (Arrival { is_verified: true, ..arrival() }, arrival());
    store.add_all(&[verified.clone(), unverified.clone()], AT).await.unwrap();
    let is_since = async |user: &Arrival| read(store, user.id).await.email_verified_at;
    assert_eq!((is_since(&verified).await, is_since(&unverified).await), (Some(AT), None));
    let overwritten = async |user: &Arrival, email: &EmailAddress, is_verified| {
        let new = Arrival { email: email.clone(), is_verified, ..arrival() };
        store.overwrite_all(&[(user.id, new)], LATER).await.unwrap();
        is_since(user).await
    };
    assert_eq!(overwritten(&verified, &verified.email, false).await, Some(AT), "the file does not know of it");
    assert_eq!(overwritten(&verified, &verified.email, true).await, Some(AT));
    assert_eq!(overwritten(&unverified, &unverified.email, false).await, None);
    assert_eq!(overwritten(&unverified, &unverified.email, true).await, Some(LATER));
    let (other, third) = (address(&unique("other")), address(&unique("third")));
    assert_eq!(overwritten(&verified, &other, false).await, None, "it was another address that was verified");
    assert_eq!(overwritten(&verified, &third, true).await, Some(LATER));
    let refused = Arrival { email: unverified.email.clone(), ..arrival() };
    store.overwrite_all(&[(verified.id, refused)], LATER).await.unwrap();
    assert_eq!(is_since(&verified).await, Some(LATER), "another user has the address: nothing changes");
}

pub async fn everybody_is_read_in_stretches(store: &(impl Accounts + Transfer + Endings)) {
    let users: Vec<Arrival> = (0..5).map(|_| arrival()).collect();
    added(store, &users).await;
    assert_eq!(store.count().await.unwrap(), 5);
    let (mut after, mut read) = (Some(String::new()), Vec::new());
    while let Some(begin) = after {
        let stretch = store.stretch(&begin, 2).await.unwrap();
        assert!(stretch.users.len() <= 2);
        read.extend(stretch.users.into_iter().map(Result::unwrap));
        after = stretch.next;
    }
    let mut expected: Vec<_> = users.iter().map(|user| (user.id, user.hash.clone())).collect();
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(read.into_iter().map(|(user, hash)| (user.id, hash)).collect::<Vec<_>>(), expected);
}
