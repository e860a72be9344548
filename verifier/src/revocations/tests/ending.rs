//! What ends, and what goes on.

use super::*;
use std::time::Instant;

#[actix_web::test]
async fn a_session_that_ends_is_refused_long_before_the_wait_is_over_with_remembered_tokens_too_and_others_are_not() {
    let issuer = TestIssuer::start();
    // A feed that waits longer than the test: the refusal does not come from the end of the wait.
    let keys = start(config(&issuer, None).fresh_within(LONG), Pace::default()).await;
    is_up_to_date(&keys).await;
    let (ended, other) = (of_session("1"), of_session("2"));
    eventually("it waits", async || issuer.asked().last().is_some_and(|asked| asked.wait == 25)).await;
    assert_eq!((verdict(&keys, &ended).await, verdict(&keys, &other).await), (Ok(()), Ok(())));
    issuer.ends(session("1"));
    let began = Instant::now();
    eventually("it is refused", async || verdict(&keys, &ended).await == ENDED).await;
    // Of the 25 seconds that it would wait. The second that is promised is measured where it is known how late the machine is.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(verdict(&keys, &other).await, Ok(()));
    assert_eq!(verdict(&keys, &token(json!({ "sid": "1", "jti": "another of it" }))).await, ENDED, "never seen before");
    assert_eq!(keys.feed().expect("a feed").entries, 1);
    assert_eq!(keys.feed().expect("a feed").cursor, issuer.last());
}

#[actix_web::test]
async fn each_kind_of_ending_refuses_what_it_names_and_nothing_else() {
    let issuer = TestIssuer::start();
    let keys = follow(&issuer).await;
    let of = |sub: &str, sid: &str, more: Value| {
        let mut changes = json!({ "sub": sub, "sid": sid, "jti": format!("{sub} {sid} {more}") });
        changes.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        token(changes)
    };
    let spared = name("sid", "spared");
    issuer.ends(json!({ "h": name("jti", "one token"), "u": 900 }));
    issuer.ends(json!({ "h": name("sub", "ada"), "u": 900, "epoch": 8 }));
    issuer.ends(json!({ "h": name("sub", "bob"), "u": 900, "epoch": 8, "but": spared }));
    issuer.ends(json!({ "h": name("sub", "cleo"), "u": 900, "rev": 3 }));
    issuer.ends(json!({ "h": name("sub", "dan"), "u": 900, "epoch": 8, "but": spared, "rev": 3, "later": [1] }));
    issuer.ends(json!({ "u": 900, "later": "ignored" }));
    issuer.ends(json!({ "u": 900, "epoch": 2 }));
    // An earlier one takes nothing back, and its exception does not come with the higher epoch.
    issuer.ends(json!({ "h": name("sub", "ada"), "u": 900, "epoch": 5, "but": spared }));
    issuer.ends(session("the last"));
    eventually("all are read", async || verdict(&keys, &of_session("the last")).await == ENDED).await;
    for (is_ended, sub, sid, more) in [
        (true, "zoe", "1", json!({ "jti": "one token" })),
        (false, "zoe", "1", json!({})),
        (true, "ada", "1", json!({ "epoch": 7 })),
        (true, "ada", "spared", json!({ "epoch": 7 })),
        (false, "ada", "1", json!({ "epoch": 8 })),
        (true, "ada", "1", json!({ "epoch": null })),
        (true, "bob", "1", json!({ "epoch": 7 })),
        (false, "bob", "spared", json!({ "epoch": 7 })),
        (false, "bob", "1", json!({ "epoch": 8 })),
        (true, "cleo", "1", json!({})),
        (true, "cleo", "1", json!({ "rev": 2 })),
        (false, "cleo", "1", json!({ "rev": 3 })),
        (true, "dan", "spared", json!({ "epoch": 9, "rev": 2 })),
        (false, "dan", "spared", json!({ "epoch": 7, "rev": 3 })),
        (true, "dan", "1", json!({ "epoch": 7, "rev": 3 })),
        (true, "zoe", "1", json!({ "epoch": 1 })),
        (false, "zoe", "1", json!({ "epoch": 2 })),
    ] {
        let mut claims = claims(NOW);
        let changes = json!({ "sub": sub, "sid": sid, "jti": format!("{sub} {sid} {more}") });
        for (name, value) in changes.as_object().expect("an object").iter().chain(more.as_object().expect("an object"))
        {
            match value {
                Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        let verdict = verdict(&keys, &Issuer::usual().token_of(&claims)).await;
        assert_eq!(verdict, if is_ended { ENDED } else { Ok(()) }, "{sub} {sid} {more}");
    }
    assert_eq!(verdict(&keys, &of("zoe", "2", json!({}))).await, Ok(()));
}

#[actix_web::test]
async fn a_long_feed_is_read_to_its_end_page_by_page() {
    let issuer = TestIssuer::start();
    issuer.has_pages_of(7);
    (0..100).for_each(|number| issuer.ends(session(&number.to_string())));
    let keys = follow(&issuer).await;
    for number in 0..100 {
        assert_eq!(verdict(&keys, &of_session(&number.to_string())).await, ENDED, "{number}");
    }
    assert_eq!(keys.feed().expect("a feed").entries, 100);
}

#[actix_web::test]
async fn what_was_read_counts_although_the_feed_breaks_off_in_the_middle() {
    let issuer = TestIssuer::start();
    issuer.has_pages_of(1);
    (0..10).for_each(|number| issuer.ends(session(&number.to_string())));
    issuer.breaks_off_after(5);
    let keys = start(config(&issuer, None), hurry()).await;
    eventually("half of it counts", async || keys.feed().is_some_and(|feed| feed.entries == 5)).await;
    assert!(keys.feed().expect("a feed").is_behind);
    assert_eq!(verdict(&keys, &of_session("0")).await, ENDED);
}

#[actix_web::test]
async fn what_was_missed_is_found_when_everything_is_read_again() {
    let issuer = TestIssuer::start();
    issuer.has_pages_of(3);
    (0..10).for_each(|number| issuer.ends(session(&format!("earlier {number}"))));
    let keys = start(config(&issuer, None), Pace { full: Duration::from_millis(100), ..hurry() }).await;
    is_up_to_date(&keys).await;
    issuer.ends_unnoticed(session("1"));
    eventually("it is found", async || verdict(&keys, &of_session("1")).await == ENDED).await;
    assert!(issuer.asked().iter().filter(|asked| asked.after == 0).count() > 1);
    let is_up_to_date = issuer.asked().iter().any(|asked| asked.after > issuer.last() - 3 && asked.wait == 0);
    assert!(is_up_to_date, "news are asked for in between: {:?}", issuer.asked());
}

#[actix_web::test]
async fn after_a_restore_nothing_is_forgotten_and_what_is_new_is_read() {
    let log = Logged::begin();
    let issuer = TestIssuer::start();
    issuer.ends(session("before"));
    let keys = follow(&issuer).await;
    issuer.is_restored();
    eventually("it is noticed", async || keys.feed().is_some_and(|feed| feed.cursor == issuer.last())).await;
    issuer.ends(session("after"));
    eventually("news arrive", async || verdict(&keys, &of_session("after")).await == ENDED).await;
    assert_eq!(verdict(&keys, &of_session("before")).await, ENDED);
    assert_eq!(log.times("as after a restore"), 1);
    is_up_to_date(&keys).await;
}

#[actix_web::test]
async fn an_entry_is_gone_once_every_token_that_it_names_has_expired() {
    let issuer = TestIssuer::start();
    let keys = follow(&issuer).await;
    issuer.ends(json!({ "h": name("sid", "1"), "u": 1 }));
    issuer.ends(session("2"));
    eventually("it is refused", async || verdict(&keys, &of_session("1")).await == ENDED).await;
    eventually("it is gone", async || verdict(&keys, &of_session("1")).await == Ok(())).await;
    eventually("it takes no room", async || keys.feed().is_some_and(|feed| feed.entries == 1)).await;
    assert_eq!(verdict(&keys, &of_session("2")).await, ENDED);
}

#[actix_web::test]
async fn a_key_that_is_withdrawn_is_gone_long_before_the_wait_is_over() {
    let issuer = TestIssuer::start();
    issuer.publishes(&[Issuer::usual(), Issuer::other()]);
    // A feed that waits longer than the test.
    let keys = start(config(&issuer, None).fresh_within(LONG), Pace::default()).await;
    is_up_to_date(&keys).await;
    let stolen = Issuer::other().token_of(&claims(NOW));
    eventually("both keys are held", async || verdict(&keys, &stolen).await == Ok(())).await;
    eventually("it waits", async || issuer.asked().last().is_some_and(|asked| asked.wait == 25)).await;
    // The issuer ends what the stolen key has signed when it withdraws the key.
    issuer.publishes(&[Issuer::usual()]);
    issuer.ends(session("1"));
    let began = Instant::now();
    eventually("it is gone", async || verdict(&keys, &stolen).await.is_err()).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(verdict(&keys, &of_session("2")).await, Ok(()));
}

#[actix_web::test]
async fn a_page_that_is_signed_with_a_new_key_waits_for_the_key() {
    let issuer = TestIssuer::start();
    let keys = follow(&issuer).await;
    let asked = issuer.keys_asked();
    issuer.publishes(&[Issuer::other(), Issuer::usual()]);
    issuer.ends(session("1"));
    eventually("it is refused", async || verdict(&keys, &of_session("1")).await == ENDED).await;
    assert_eq!(issuer.keys_asked(), asked + 1);
}

#[actix_web::test]
async fn keys_that_never_become_what_the_feed_calls_them_are_not_fetched_all_the_time() {
    let issuer = TestIssuer::start();
    let keys = follow(&issuer).await;
    let asked = issuer.keys_asked();
    issuer.behaves(Manner::Changed(|_, page| page["jwks"] = "\"another\"".into()));
    let questions = issuer.asked().len();
    eventually("ten pages", async || issuer.asked().len() > questions + 10).await;
    assert!((asked + 1..=asked + 2).contains(&issuer.keys_asked()), "{asked} {}", issuer.keys_asked());
    assert_eq!(verdict(&keys, &of_session("1")).await, Ok(()));
}

#[actix_web::test]
async fn clocks_that_are_an_hour_off_neither_revive_what_has_ended_nor_make_the_feed_old() {
    let hour = 60 * 60;
    for of_database in [NOW - hour, NOW + hour] {
        let issuer = TestIssuer::start();
        issuer.sets_its_clock(of_database);
        issuer.ends(session("1"));
        let clock: ManualClock = clock();
        let keys = start(config(&issuer, None).clock(Arc::new(clock.clone())), hurry()).await;
        is_up_to_date(&keys).await;
        assert_eq!(verdict(&keys, &of_session("1")).await, ENDED);
        // The machine's clock jumps: a token of that moment is good, and its session has ended all the same.
        clock.advance(Duration::from_secs(60 * 60));
        let mut later = claims(NOW + hour);
        later["sid"] = "1".into();
        assert_eq!(verdict(&keys, &Issuer::usual().token_of(&later)).await, ENDED);
        assert!(!keys.feed().expect("a feed").is_behind);
    }
}

#[actix_web::test]
async fn pinned_keys_follow_a_feed_if_one_is_named() {
    let issuer = TestIssuer::start();
    issuer.ends(session("1"));
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), Issuer::usual().key_set().to_string()).expect("a written file");
    let feed = crate::keys::Address::from(issuer.keys_url()).of_feed(ISSUER).expect("a URL");
    let pinned = || Config::new(ISSUER, AUDIENCE, KeySource::Pinned(file.path().into())).clock(Arc::new(clock()));
    let keys = start(pinned().revocations_at(feed), hurry()).await;
    is_up_to_date(&keys).await;
    assert_eq!(verdict(&keys, &of_session("1")).await, ENDED);
    assert!(start(pinned(), hurry()).await.feed().is_none());
}
