//! What the store of users promises to those who list and search them.

use super::accounts::{created, somebody};
use crate::samples::{account, named, unique};
use auth_service::domain::{
    accounts::{AccountChange, AccountQuery, Accounts, NewAccount},
    sessions::endings::Endings,
};
use shared::{clock::Timestamp, ids::UserId};
use std::collections::BTreeSet;

async fn page(
    store: &(impl Accounts + Endings),
    search: Option<&str>,
    after: Option<UserId>,
    limit: u32,
) -> Vec<UserId> {
    let query = AccountQuery { search: search.map(str::to_owned), after, limit, ..AccountQuery::default() };
    store.page(&query).await.unwrap().iter().map(|account| account.id).collect()
}

pub async fn pages_follow_one_another_in_the_order_of_ids(store: &(impl Accounts + Endings)) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(somebody(store).await);
    }
    ids.sort();
    assert_eq!(page(store, None, None, 3).await, ids[..3]);
    assert_eq!(page(store, None, Some(ids[2]), 3).await, ids[3..]);
    assert_eq!(page(store, None, Some(ids[4]), 3).await, []);
    assert_eq!(page(store, Some(""), None, 9).await, ids);
    assert_eq!(page(store, Some("LOVELACE"), Some(ids[0]), 2).await, ids[1..3]);
}

pub async fn the_search_is_literal_and_ignores_case(store: &(impl Accounts + Endings)) {
    let ada = created(store, &named("Ада Лавлейс")).await;
    let percent = created(store, &named("100% Grüße_\\")).await;
    let found = async |text: &str| page(store, Some(text), None, 9).await;
    assert_eq!(found("лАВЛ").await, [ada]);
    for text in ["0%", "_\\", "\\", "gRÜ", "100% grü"] {
        assert_eq!(found(text).await, [percent], "{text:?}");
    }
    assert_eq!(found("%%").await, []);
    assert_eq!(found("1_0").await, []);
    assert_eq!(found("\0").await, []);
    assert_eq!(found(&"a".repeat(60_000)).await, []);
    let address = account();
    let by_address = created(store, &address).await;
    assert_eq!(found(&address.email.as_str().to_uppercase()).await, [by_address]);
}

/// One or two characters are looked for in another way than three.
pub async fn a_search_text_of_any_length_can_be_paged_through(store: &(impl Accounts + Endings)) {
    let name = unique("Жё");
    let (mut made, mut others) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..4 {
        made.insert(created(store, &named(&name)).await);
        others.insert(somebody(store).await);
    }
    for text in ["Ж", "жё", "ЖЁ-", &name, &name.to_uppercase()] {
        let (mut found, mut after) = (Vec::new(), None);
        while let [.., last] = page(store, Some(text), after, 3).await[..] {
            found.extend(page(store, Some(text), after, 3).await);
            after = Some(last);
        }
        assert!(found.is_sorted(), "{text}: {found:?}");
        assert!(made.iter().all(|id| found.contains(id)), "{text}: {found:?}");
        assert!(!others.iter().any(|id| found.contains(id)), "{text}: {found:?}");
    }
}

/// Whatever is looked for, and however: with three letters or more, with fewer, and with none.
pub async fn other_conditions_hold_beside_any_search_text(store: &(impl Accounts + Endings)) {
    let name = unique("Söka");
    let with = |roles: &[&str], millis| NewAccount {
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        created_at: Timestamp::from_millis(millis),
        ..named(&name)
    };
    let early = created(store, &with(&["reader"], 1_000)).await;
    let late = created(store, &with(&["reader", "read"], 2_000)).await;
    let disabled = created(store, &with(&["author"], 3_000)).await;
    let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
    store.update(disabled, &change, &[], Timestamp::from_millis(4_000), &[]).await.unwrap();
    for text in [None, Some("ö"), Some(&*name)] {
        let found = async |asked: AccountQuery| -> BTreeSet<UserId> {
            let asked = AccountQuery { search: text.map(str::to_owned), limit: 10_000, ..asked };
            let ids: BTreeSet<_> = store.page(&asked).await.unwrap().iter().map(|account| account.id).collect();
            ids.intersection(&BTreeSet::from([early, late, disabled])).copied().collect()
        };
        let role = |role: &str| AccountQuery { role: Some(role.to_owned()), ..AccountQuery::default() };
        assert_eq!(found(role("reader")).await, BTreeSet::from([early, late]), "{text:?}");
        assert_eq!(found(role("read")).await, BTreeSet::from([late]), "{text:?}");
        for nobodys in ["rea", "Reader", "\"", "reader\",\"read", "%", "\0"] {
            assert_eq!(found(role(nobodys)).await, BTreeSet::new(), "{text:?} {nobodys:?}");
        }
        let state = |disabled| AccountQuery { disabled: Some(disabled), ..AccountQuery::default() };
        assert_eq!(found(state(true)).await, BTreeSet::from([disabled]), "{text:?}");
        assert_eq!(found(state(false)).await, BTreeSet::from([early, late]), "{text:?}");
        let made = |from: i64, until: i64| AccountQuery {
            created_from: Some(Timestamp::from_millis(from)),
            created_until: Some(Timestamp::from_millis(until)),
            ..AccountQuery::default()
        };
        assert_eq!(found(made(1_000, 3_000)).await, BTreeSet::from([early, late]), "{text:?}");
        assert_eq!(found(made(1_001, 2_000)).await, BTreeSet::new(), "{text:?}");
        assert_eq!(
            found(AccountQuery { role: Some("reader".to_owned()), ..made(2_000, 9_000) }).await,
            BTreeSet::from([late])
        );
    }
}
