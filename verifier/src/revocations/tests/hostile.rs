//! Pages that are not what they should be: nothing that they say counts, and nothing that is held is lost.

use super::*;
use crate::{Flaw, Observer, revocations::FeedError};
use std::sync::Mutex;

/// The last reason why a page was not used.
#[derive(Default)]
struct Reasons(Mutex<Option<String>>);

impl Observer for Reasons {
    fn feed_read(&self, outcome: Result<(), &FeedError>) {
        *self.0.lock().unwrap() = outcome.err().map(ToString::to_string);
    }
}

/// A page with one more ending, signed by this issuer.
fn forged(signer: &Issuer, change: impl FnOnce(&mut Value, &mut Value)) -> Manner {
    let mut header = issuer::header(signer);
    let mut page = json!({
        "iss": ISSUER, "iat": NOW + 1000, "after": 0, "to": 1_900_000_000_000_u64, "more": false, "jwks": "\"first\"",
        "ended": [{ "h": name("sid", "victim"), "u": NOW + 1900 }],
    });
    change(&mut header, &mut page);
    Manner::Says(signer.sign(&header, &page).into_bytes())
}

/// The same without its last character.
fn cut(manner: Manner) -> Manner {
    let Manner::Says(mut body) = manner else { panic!("a forged page") };
    body.truncate(body.len() - 1);
    Manner::Says(body)
}

/// The same with the claims of another page that was signed.
fn patched(manner: Manner, with: Manner) -> Manner {
    let (Manner::Says(one), Manner::Says(other)) = (manner, with) else { panic!("forged pages") };
    let [one, other] = [one, other].map(|body| String::from_utf8(body).expect("ASCII"));
    let (one, other) = (one.split('.').collect::<Vec<_>>(), other.split('.').collect::<Vec<_>>());
    Manner::Says([one[0], other[1], one[2]].join(".").into_bytes())
}

/// The same with its text changed before it is signed.
fn rewritten(change: impl FnOnce(String) -> String) -> Manner {
    let Manner::Says(body) = forged(Issuer::usual(), |_, _| {}) else { panic!("a forged page") };
    let claims = testkit::claims_of(&String::from_utf8(body).expect("ASCII"));
    let text = change(claims.to_string());
    Manner::Says(Issuer::usual().sign_text(&issuer::header(Issuer::usual()), &text).into_bytes())
}

fn with(member: &'static str, value: Value) -> Manner {
    forged(Issuer::usual(), |_, page| page[member] = value)
}

fn with_entry(change: impl FnOnce(&mut Value)) -> Manner {
    forged(Issuer::usual(), |_, page| change(&mut page["ended"][0]))
}

fn with_header(member: &'static str, value: Value) -> Manner {
    forged(Issuer::usual(), |header, _| header[member] = value)
}

fn without(member: &'static str) -> Manner {
    forged(Issuer::usual(), |_, page| drop(page.as_object_mut().expect("an object").remove(member)))
}

fn rows() -> Vec<(&'static str, Manner)> {
    let (members, order) = ("its members are not as they should be", "it does not follow");
    let many = |count: usize| vec![json!({ "h": name("sid", "victim"), "u": NOW + 1900 }); count];
    let token = Issuer::usual().token_of(&claims(NOW)).into_bytes();
    let page = || forged(Issuer::usual(), |_, _| {});
    vec![
        ("its typ is not", Manner::Says(token)),
        ("its typ is not", with_header("typ", json!("at+jwt"))),
        ("its typ is not", with_header("typ", json!("JWT"))),
        ("its typ is not", with_header("typ", json!("application/application/revocations+jwt"))),
        ("alg is not RS256", with_header("alg", json!("none"))),
        ("alg is not RS256", with_header("alg", json!("HS256"))),
        ("the header asks for", with_header("crit", json!(["x"]))),
        ("kid is missing", with_header("kid", json!(""))),
        ("unknown key", forged(Issuer::other(), |_, _| {})),
        ("its signature is wrong", forged(Issuer::other(), |header, _| header["kid"] = json!("first"))),
        ("its signature is wrong", cut(page())),
        ("its signature is wrong", patched(page(), with("to", json!(1_900_000_000_001_u64)))),
        ("not three parts", Manner::Says(b"<html>back soon</html>".to_vec())),
        ("not three parts", Manner::Says(Vec::new())),
        ("not three parts", Manner::Says(vec![0xFF; 100])),
        ("another issuer", with("iss", json!("https://evil.test"))),
        (members, with("iss", json!(7))),
        (members, with("iat", json!("now"))),
        (members, with("iat", json!(1.5))),
        (members, with("to", json!(-1))),
        (members, with("to", json!(1_u64 << 53))),
        (members, with("more", json!(0))),
        (members, with("jwks", json!(null))),
        (members, with("ended", json!({}))),
        (members, with("ended", json!([7]))),
        (members, with("ended", many(5001).into())),
        (members, with_entry(|entry| entry["h"] = json!("short"))),
        (members, with_entry(|entry| entry["h"] = json!(null))),
        (members, with_entry(|entry| entry["u"] = json!("late"))),
        (members, with_entry(|entry| entry["epoch"] = json!(null))),
        (members, with_entry(|entry| entry["epoch"] = json!("7"))),
        (members, with_entry(|entry| entry["but"] = json!(7))),
        (members, with_entry(|entry| entry["rev"] = json!(true))),
        (members, with_entry(|entry| drop(entry.as_object_mut().expect("an object").remove("u")))),
        (members, without("iat")),
        (members, without("after")),
        (members, without("to")),
        (members, without("more")),
        (members, without("jwks")),
        (members, without("ended")),
        (members, rewritten(|text| text.replacen('{', r#"{"\u0069ss":"x","#, 1))),
        (members, rewritten(|text| text.replacen("\"u\"", r#""u":1,"u""#, 1))),
        (members, rewritten(|text| format!("{text}{text}"))),
        (order, with("after", json!(1_850_000_000_000_u64))),
        (order, forged(Issuer::usual(), |_, page| (page["after"], page["to"]) = (json!(100), json!(99)))),
        ("goes no further", forged(Issuer::usual(), |_, page| (page["to"], page["more"]) = (json!(0), json!(true)))),
        ("larger than 8 MiB", Manner::Says(vec![b'A'; 10 * 1024 * 1024])),
        ("the answer is 503", Manner::Fails(503)),
        ("the answer is 404", Manner::Fails(404)),
    ]
}

#[actix_web::test]
async fn nothing_that_a_forged_page_says_counts_and_nothing_is_lost() {
    let issuer = TestIssuer::start();
    issuer.ends(session("ended"));
    issuer.never_waits();
    let reasons = Arc::new(Reasons::default());
    let keys = start(config(&issuer, None).observer(Arc::clone(&reasons) as _), hurry()).await;
    is_up_to_date(&keys).await;
    let (victim, ended) = (of_session("victim"), of_session("ended"));
    for (number, (reason, manner)) in rows().into_iter().enumerate() {
        let cursor = keys.feed().expect("a feed").cursor;
        issuer.behaves(manner);
        let why = || reasons.0.lock().unwrap().clone().unwrap_or_default();
        eventually(&format!("row {number}: {reason}"), async || why().contains(reason)).await;
        assert_eq!(verdict(&keys, &victim).await, Ok(()), "row {number}: {reason}");
        assert_eq!(verdict(&keys, &ended).await, ENDED, "row {number}: {reason}");
        assert_eq!(keys.feed().expect("a feed").cursor, cursor, "row {number}: {reason}");
        issuer.behaves(Manner::Sound);
        eventually("it works again", async || reasons.0.lock().unwrap().is_none()).await;
    }
    // Without the mistakes, the same page counts: it is they that were refused.
    issuer.behaves(forged(Issuer::usual(), |_, page| page["ended"] = vec![page["ended"][0].clone(); 5000].into()));
    eventually("the page counts", async || verdict(&keys, &victim).await == ENDED).await;
}

#[actix_web::test]
async fn a_page_is_never_an_access_token() {
    let issuer = TestIssuer::start();
    let keys = follow(&issuer).await;
    let page = String::from_utf8(issuer.page(0)).expect("ASCII");
    assert_eq!(verdict(&keys, &page).await, Err(Rejection::Refused(Flaw::Type.into())));
    // Not even one with all the claims of a token.
    let both = Issuer::usual().sign(&issuer::header(Issuer::usual()), &claims(NOW));
    assert_eq!(verdict(&keys, &both).await, Err(Rejection::Refused(Flaw::Type.into())));
}

#[actix_web::test]
async fn each_reason_is_a_warning_once_and_an_issuer_without_a_feed_has_its_own() {
    let log = Logged::begin();
    let issuer = TestIssuer::start();
    let keys = follow(&issuer).await;
    let asked = async || {
        let asked = issuer.asked().len();
        eventually("four more questions", async || issuer.asked().len() >= asked + 4).await;
    };
    issuer.behaves(Manner::Fails(503));
    asked().await;
    issuer.behaves(Manner::Fails(404));
    asked().await;
    assert_eq!(log.times("cannot read the revocation feed: keeping"), 1);
    assert_eq!(log.times("the issuer has no revocation feed"), 1);
    issuer.behaves(Manner::Sound);
    eventually("it is said", async || log.times("reading the revocation feed works again") == 1).await;
    is_up_to_date(&keys).await;
}
