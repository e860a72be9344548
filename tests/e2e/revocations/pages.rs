//! A page, and the questions that get one.

use super::feed::{Page, Reader, question};
use crate::stores;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use harness::{Stack, Storage, assert_problem, forge};
use serde_json::json;
use sqlx::Connection as _;
use std::time::{Duration, Instant};
use tokio::time::sleep;

on_every_storage! {
    a_page_says_nobodys_name,
    pages_of_many_endings_follow_each_other,
}

async fn a_page_says_nobodys_name(storage: Storage) {
    let stack = Stack::on(storage).unlimited().start_auth().await;
    let (admin, ada, bob) = (stack.admin().await, stack.ada().await, stack.bob().await);
    let phone = ada.another_device().await;
    stack.auth.logout(&phone).await.expect(204);
    stack.auth.logout_all(&ada.tokens).await.expect(204);
    stack.auth.change_user(&admin.tokens, &bob.id, &json!({ "custom": { "plan": "free" } })).await.expect(200);
    stack.auth.delete_user(&admin.tokens, &bob.id).await.expect(204);
    let page = Reader::of(&stack).page(&stack.auth, 0, 0).await;
    assert!(page.ended.len() >= 4, "{:?}", page.ended);
    let payload = page.answer.body.split('.').nth(1).expect("a payload");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let payload = String::from_utf8(payload).expect("JSON is UTF-8").to_lowercase();
    for person in [&admin, &ada, &bob] {
        let claims = person.tokens.claims();
        let claimed = ["sub", "sid", "jti"].map(|claim| claims[claim].as_str().expect("a text").to_owned());
        for name in claimed.iter().chain([&person.id, &person.email, &phone.session_id]) {
            assert!(!payload.contains(&*name.to_lowercase()), "{name} in {payload}");
            assert!(!payload.contains(&*name.replace('-', "")), "{name} in {payload}");
        }
    }
    for entry in &page.ended {
        let members = entry.as_object().expect("an object").keys();
        assert!(members.clone().all(|name| ["h", "u", "epoch", "but", "rev"].contains(&&**name)), "{entry}");
        for hash in [&entry["h"], &entry["but"]].into_iter().filter_map(|hash| hash.as_str()) {
            assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(hash).map(|bytes| bytes.len()), Ok(16), "{entry}");
        }
    }
}

/// What a statement by hand ends is in the feed too, so that there are soon many.
async fn pages_of_many_endings_follow_each_other(storage: Storage) {
    const MANY: usize = 10_300;
    let stack = Stack::on(storage).start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    let mut database = stores::open(&stores::database(&stack).1).await;
    let mut together = database.begin().await.expect("a transaction");
    for _ in 0..MANY {
        let raised = sqlx::query("UPDATE users SET session_epoch = session_epoch + 1 WHERE id = $1").bind(&ada.id);
        raised.execute(&mut *together).await.expect("the database obeys");
    }
    together.commit().await.expect("it is committed");
    let reader = &mut Reader::of(&stack);
    reader.within_a_second(&stack.auth, "a statement by hand", |held| held.refuses(&ada.tokens.access)).await;
    let last = reader.cursor;

    *reader = Reader::of(&stack);
    let (mut sizes, mut lengths) = (vec![], vec![]);
    loop {
        let page = reader.page(&stack.auth, reader.cursor, 15).await;
        assert!(page.after == reader.cursor && page.to > page.after, "{} to {}", page.after, page.to);
        sizes.push(page.answer.body.len());
        lengths.push((page.ended.len(), page.more));
        if !reader.take(&page) {
            break;
        }
    }
    assert_eq!(lengths, [(5000, true), (5000, true), (300, false)], "pages of {sizes:?} bytes");
    assert!(
        reader.cursor == last && reader.held.refuses(&ada.tokens.access) && !reader.held.refuses(&bob.tokens.access)
    );
}

#[tokio::test]
async fn a_page_names_the_key_set_of_now_and_may_be_cached_for_a_second() {
    let stack = Stack::any().unlimited().auth("AUTH_PUBLIC_URL", "https://auth.example").start_auth().await;
    let ada = stack.ada().await;
    let reader = &mut Reader::of(&stack);
    let asked = forge::now();
    let empty = reader.page(&stack.auth, 0, 0).await;
    assert_eq!((empty.ended.len(), empty.more), (0, false));
    stack.auth.logout(&ada.tokens).await.expect(204);
    let full = reader.page(&stack.auth, empty.to, 15).await;
    assert_eq!((full.ended.len(), full.after, full.more), (1, empty.to, false), "{:?}", full.ended);
    assert!(full.to > empty.to);

    let etag = stack.auth.key_set().await.expect(200).header("etag").to_owned();
    for page in [&empty, &full] {
        assert_eq!(page.jwks, etag);
        let off = i64::try_from(page.iat).expect("a time") - asked;
        assert!((-2..60).contains(&off), "the database's clock is ours, and not {off} s off");
    }
    for page in [&empty, &full] {
        assert_eq!(page.answer.header("cache-control"), "public, max-age=1");
    }
}

#[tokio::test]
async fn a_new_key_set_is_named_at_once_and_signs_later() {
    let stack = Stack::any().unlimited().auth("AUTH_JWKS_MAX_AGE", "1s").auth("AUTH_KEY_LEAD", "2s").start_auth().await;
    let reader = &mut Reader::of(&stack);
    let first = reader.page(&stack.auth, 0, 0).await;
    let signer = |page: &Page| forge::header_of(&page.answer.body)["kid"].as_str().expect("a key").to_owned();
    let revoked = stack.auth.command(&["keys", "revoke", &signer(&first)]).ended().await;
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    let cursor = first.to;
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = stack.auth.get(&question(cursor, 0)).send().await.expect(200);
        let etag = stack.auth.key_set().await.expect(200).header("etag").to_owned();
        let page = reader.judge(&stack.auth, answer, cursor).await;
        if signer(&page) != signer(&first) && page.jwks == etag && etag != first.jwks {
            break;
        }
        assert!(Instant::now() < until, "{page:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_metadata_say_where_the_feed_is() {
    let stack = Stack::any().auth("AUTH_PUBLIC_URL", "https://auth.example").start_auth().await;
    let metadata = stack.auth.get("/.well-known/oauth-authorization-server").send().await.expect(200);
    assert_eq!(metadata["revocations_uri"], "https://auth.example/revocations", "{metadata}");
}

#[tokio::test]
async fn a_question_that_means_nothing_is_refused() {
    let stack = Stack::any().start_auth().await;
    for wrong in [
        "after=-1",
        "after=now",
        "after=",
        "after=1.0",
        "after=0x10",
        "after=9007199254740992",
        "after=99999999999999999999999999",
        "wait=31",
        "wait=-1",
        "wait=long",
        "wait=0.5",
        "wait=99999999999999999999999999",
        "after=1&after=1",
        "wait=1&wait=1",
        "after=1&before=2",
        "x",
        "AFTER=1",
    ] {
        assert_problem(&stack.auth.get(&format!("/revocations?{wrong}")).send().await, 400, "invalid_query");
    }
    for right in ["", "?", "?after=0", "?wait=0", "?wait=0&after=9007199254740991", "?after=1&wait=0"] {
        let answer = stack.auth.get(&format!("/revocations{right}")).send().await;
        assert_eq!(answer.status, 200, "{right}: {answer}");
    }
}

#[tokio::test]
async fn the_feed_is_only_read_and_needs_no_credentials() {
    let stack = Stack::any().start_auth().await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let refused = stack.auth.request(method, "/revocations").send().await;
        assert_problem(&refused, 405, "method_not_allowed");
        assert!(refused.header("allow").contains("GET"), "{refused}");
    }
    let head = stack.auth.request("HEAD", &question(0, 0)).send().await;
    assert_eq!((head.status, head.body.as_str()), (200, ""), "{head}");
    let answer = stack.auth.get(&question(0, 0)).bearer("nonsense").send().await.expect(200);
    for header in ["content-type", "cache-control", "content-length"] {
        assert!(!head.header(header).is_empty(), "{header} is missing\n{head}");
    }
    assert_eq!((head.header("content-type"), answer.header("set-cookie")), (answer.header("content-type"), ""));
    let cursor = Reader::caught_up(&stack).await.cursor;
    let waiting = stack.auth.request("HEAD", &question(cursor, 1)).send().await;
    assert_eq!((waiting.status, waiting.body.as_str()), (200, ""), "{waiting}");
}
