//! Recent and strong logins (RFC 9470) at resource-service and behind gateways, to a client that believes nothing but the
//! standard.

use harness::{
    Answer, Challenge, Gateway, Site, Stack, StepUp, assert_problem, eventually,
    forge::{self, Issuer},
    site::Reply,
};
use serde_json::{Value, json};
use std::time::Duration;

const ISSUER: &str = "https://issuer.example";

/// resource-service, and an issuer of whatever tokens a test needs.
async fn resource_service() -> (Stack, Issuer) {
    let issuer = Issuer::new(ISSUER);
    (Stack::resource_alone(&issuer).await, issuer)
}

/// A token of somebody who may do everything, and whose login the claims describe.
fn token(issuer: &Issuer, said: &Value) -> String {
    issuer.with_claims(|claims| {
        for (name, value) in said.as_object().expect("an object") {
            claims[name] = value.clone();
        }
    })
}

async fn verdict(stack: &Stack, query: &str, token: &str) -> Answer {
    stack.resource.get(&format!("/verify{query}")).bearer(token).send().await
}

/// What a strict client is asked for; `None` if it is let in.
#[track_caller]
fn asked(answer: &Answer) -> Option<StepUp> {
    if answer.status == 200 {
        return None;
    }
    assert_problem(answer, 401, "authentication_insufficient");
    assert!(!answer.headers.contains_key("retry-after"), "trying again changes nothing\n{answer}");
    let challenge = Challenge::of(answer).unwrap_or_else(|error| panic!("{error}"));
    let step_up = challenge.step_up().unwrap_or_else(|error| panic!("{error}\n{answer}"));
    Some(step_up.unwrap_or_else(|| panic!("the challenge asks for no login\n{answer}")))
}

fn step_up(acr_values: &[&str], max_age: Option<u64>) -> Option<StepUp> {
    Some(StepUp { acr_values: acr_values.iter().map(|value| (*value).to_owned()).collect(), max_age })
}

#[test]
fn the_client_of_these_tests_is_strict() {
    let good =
        r#"Bearer realm="a, b=\"c\"", error="insufficient_user_authentication", acr_values="2 phr",  max_age=300"#;
    let challenge = Challenge::parse(good).expect("it follows the grammar");
    assert_eq!(challenge.get("realm"), Some(r#"a, b="c""#));
    assert_eq!(challenge.step_up(), Ok(step_up(&["2", "phr"], Some(300))));
    for bad in [
        "",
        r#"error="x""#,
        r#"Bearer, error="x""#,
        r#"Bearer error="x" max_age="1""#,
        r#"Bearer error="x",, max_age="1""#,
        r#"Bearer error="x","#,
        r#"Bearer error = "x""#,
        r#"Bearer error="x"#,
        r#"Bearer error="x\""#,
        r#"Bearer acr_values=2 phr"#,
        r#"Bearer max_age="1", max_age="2""#,
        r#"Bearer max_age="1", Max_Age="2""#,
        r#"Bearer error="x", Bearer max_age="2""#,
        "Bearer error=\"x\u{e4}\"",
        "Bearer error=\"x\r\ny\"",
    ] {
        assert!(Challenge::parse(bad).is_err(), "{bad}");
    }
    for bad in [r#"acr_values="2  phr""#, r#"acr_values="""#, r#"max_age="300s""#, r#"max_age="-1""#, r#"max_age="""#] {
        let challenge = format!(r#"Bearer error="insufficient_user_authentication", {bad}"#);
        let challenge = Challenge::parse(&challenge).expect("it follows the grammar");
        assert!(challenge.step_up().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_strict_client_learns_from_the_challenge_what_the_user_has_to_do_and_is_then_let_in() {
    let (stack, issuer) = resource_service().await;
    let query = "?scope=books:write&acr=2&max_age=300";
    let before = token(&issuer, &json!({ "auth_time": forge::now() - 3600, "acr": "1", "amr": ["pwd"] }));
    let answer = verdict(&stack, query, &before).await;
    assert!(answer.body.contains("do not refresh"), "{answer}");
    let asked_for = asked(&answer);
    assert_eq!(asked_for, step_up(&["2", "phr"], Some(300)));
    for acr in asked_for.expect("it was").acr_values {
        let after = token(&issuer, &json!({ "auth_time": forge::now(), "acr": acr }));
        assert_eq!(asked(&verdict(&stack, query, &after).await), None, "{acr}");
    }
}

#[tokio::test]
async fn the_age_of_a_login_is_counted_by_the_clock_of_the_service() {
    let (stack, issuer) = resource_service().await;
    for (ago, is_recent) in [(-90, false), (-30, true), (0, true), (240, true), (301, false), (3600, false)] {
        let token = token(&issuer, &json!({ "auth_time": forge::now() - ago, "acr": "phr" }));
        let expected = if is_recent { None } else { step_up(&[], Some(300)) };
        assert_eq!(asked(&verdict(&stack, "?max_age=300", &token).await), expected, "{ago} seconds ago");
    }
    let token = token(&issuer, &json!({ "acr": "phr" }));
    assert_eq!(asked(&verdict(&stack, "?max_age=300", &token).await), step_up(&[], Some(300)), "no auth_time");
    assert_eq!(asked(&verdict(&stack, "", &token).await), None, "nothing is asked of the login");
}

#[tokio::test]
async fn a_level_that_is_missing_odd_or_lower_is_not_enough() {
    let (stack, issuer) = resource_service().await;
    for weak in
        [json!({}), json!({ "acr": "1" }), json!({ "acr": "0" }), json!({ "acr": " 2" }), json!({ "acr": "mfa" })]
    {
        let answer = verdict(&stack, "?acr=2", &token(&issuer, &weak)).await;
        assert_eq!(asked(&answer), step_up(&["2", "phr"], None), "{weak}");
    }
    for malformed in [json!({ "acr": 2 }), json!({ "acr": ["2"] }), json!({ "acr": "" })] {
        assert_problem(&verdict(&stack, "?acr=2", &token(&issuer, &malformed)).await, 401, "token_invalid");
    }
}

#[tokio::test]
async fn whatever_a_gateway_asks_the_answer_is_200_401_or_403() {
    let (stack, issuer) = resource_service().await;
    let strong = token(&issuer, &json!({ "auth_time": forge::now(), "acr": "phr" }));
    for query in
        ["?acr=", "?acr=2%20phr", "?acr=%22", "?max_age=", "?max_age=0", "?max_age=-1", "?max_age=9999999999", "?acr"]
    {
        assert_problem(&verdict(&stack, query, &strong).await, 403, "invalid_query");
        assert_eq!(stack.resource.get(&format!("/verify{query}")).send().await.status, 401, "{query}");
    }
}

#[tokio::test]
async fn a_login_at_auth_service_is_recent_and_a_refresh_does_not_make_it_more_so() {
    let stack = Stack::any().start().await;
    let mut ada = stack.ada().await;
    let metadata = stack.auth.get("/.well-known/oauth-authorization-server").send().await.expect(200);
    assert_eq!(metadata["acr_values_supported"], json!(["1", "2", "phr"]), "{metadata}");
    assert_eq!(asked(&verdict(&stack, "?acr=1&max_age=300", &ada.tokens.access).await), None);
    assert_eq!(asked(&verdict(&stack, "?acr=2", &ada.tokens.access).await), step_up(&["2", "phr"], None));
    let login = ada.tokens.claims()["auth_time"].clone();
    assert!(login.as_i64().is_some_and(|login| (forge::now() - 300..=forge::now()).contains(&login)), "{login}");
    let later = async || (login.as_i64() < Some(forge::now())).then_some(());
    eventually("a second has passed", Duration::from_secs(10), later).await;
    ada.refresh().await;
    assert!(ada.tokens.claims()["iat"].as_i64() > login.as_i64());
    assert_eq!(ada.tokens.claims()["auth_time"], login);
}

/// Both samples, asked to guard changes of books by a recent login with two factors.
async fn the_challenge_passes_through(gateway: Gateway) {
    let (stack, issuer) = resource_service().await;
    let application = Site::start(|_| Reply { status: 200, content_type: "text/plain", body: "served".to_owned() });
    let asking = ("books:write", "books:write&acr=2&max_age=300");
    let gateway = gateway.start_changed(&application, &stack.resource, asking);
    let weak = token(&issuer, &json!({ "auth_time": forge::now() - 3600 }));
    let answer = gateway.post("/books").bearer(&weak).send().await;
    assert_eq!(answer.status, 401, "{answer}");
    let challenge = Challenge::of(&answer).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(challenge.step_up(), Ok(step_up(&["2", "phr"], Some(300))), "{answer}");
    assert_eq!(application.received(), [], "the request reached the application");
    assert_eq!(gateway.get("/books").bearer(&weak).send().await.body, "served", "reading asks for no login");
    let strong = token(&issuer, &json!({ "auth_time": forge::now(), "acr": "2" }));
    assert_eq!(gateway.post("/books").bearer(&strong).send().await.body, "served");
}

#[tokio::test]
async fn nginx_passes_the_challenge_on() {
    the_challenge_passes_through(Gateway::Nginx).await;
}

#[tokio::test]
async fn caddy_passes_the_challenge_on() {
    the_challenge_passes_through(Gateway::Caddy).await;
}
