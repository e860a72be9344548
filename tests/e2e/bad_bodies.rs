//! Bodies of every wrong kind, on every call that takes one: a 4xx problem document, without what was sent.

use harness::{Answer, Person, Request, Stack, answer::assert_is_problem, assert_problem, person::fresh_email};
use serde_json::{Value, json};

/// Stands where a secret would stand; no answer may repeat it.
const SECRET: &str = "s3cret-that-was-sent-along";

/// A call that takes a JSON body, and a body that fits.
struct Call {
    method: &'static str,
    path: String,
    token: Option<String>,
    of_auth_service: bool,
    fits: Value,
    limit: usize,
}

impl Call {
    fn request(&self, stack: &Stack) -> Request {
        let service = if self.of_auth_service { &stack.auth } else { &stack.resource };
        let request = service.request(self.method, &self.path);
        self.token.iter().fold(request, |request, token| request.bearer(token))
    }
}

async fn calls(stack: &Stack) -> Vec<Call> {
    let (ada, admin) = (stack.ada().await, stack.admin().await);
    let book = stack.resource.add_book(&admin.tokens, "x").await.expect(201).id();
    let call = |method, path: &str, person: Option<&Person>, of_auth_service, fits| Call {
        method,
        path: path.to_owned(),
        token: person.map(|person| person.tokens.access.clone()),
        of_auth_service,
        fits,
        limit: if of_auth_service { 16 * 1024 } else { 1024 * 1024 },
    };
    let user = format!("/admin/users/{}", ada.id);
    let chapters = format!("/books/{book}/chapters");
    vec![
        call("POST", "/auth/register", None, true, json!({ "email": fresh_email("x"), "password": SECRET })),
        call("POST", "/auth/login", None, true, json!({ "email": ada.email, "password": SECRET })),
        call("POST", "/auth/refresh", None, true, json!({ "refresh_token": SECRET })),
        call("POST", "/auth/logout", None, true, json!({ "refresh_token": SECRET })),
        call("POST", "/auth/password", Some(&ada), true, json!({ "current": SECRET, "new": SECRET })),
        call("DELETE", "/auth/me", Some(&ada), true, json!({ "password": SECRET })),
        call("PATCH", &user, Some(&admin), true, json!({ "roles": ["reader"] })),
        call("POST", "/books", Some(&admin), false, json!({ "title": SECRET })),
        call("POST", &chapters, Some(&admin), false, json!({ "title": SECRET, "text": SECRET })),
    ]
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let stack = Stack::any().start().await;
    for call in calls(&stack).await {
        let fits = call.fits.to_string();
        let mut invalid_utf8 = fits.clone().into_bytes();
        invalid_utf8[3] = 0xff;
        let mut marked = vec![0xef, 0xbb, 0xbf];
        marked.extend_from_slice(fits.as_bytes());
        let bodies: [(&str, Vec<u8>); 11] = [
            ("cut off", fits[..fits.len() - 1].into()),
            ("followed by more", format!("{fits}{fits}").into()),
            ("a form", format!("password={SECRET}").into()),
            ("single quotes", fits.replace('"', "'").into()),
            ("a comma too many", fits.replace('}', ",}").into()),
            ("a line break in a text", fits.replace("s3cret", "s3\ncret").replace("reader", "rea\nder").into()),
            ("half a surrogate", fits.replace("s3cret", r"s3\ud800cret").replace("reader", r"rea\ud800der").into()),
            ("invalid UTF-8", invalid_utf8),
            ("a byte order mark", marked),
            ("deep", format!("{}1{}", "[".repeat(5000), "]".repeat(5000)).into()),
            ("spaces", b"   ".into()),
        ];
        for (what, body) in bodies {
            let answer = call.request(&stack).body("application/json", body).send().await;
            assert_refused(&call, what, &answer, &[400, 422]);
        }
    }
}

#[tokio::test]
async fn json_of_another_shape_is_refused() {
    let stack = Stack::any().start().await;
    for call in calls(&stack).await {
        let members = call.fits.as_object().expect("an object");
        let name = format!("{} {}", call.method, call.path);
        // Where the password may be left out, `null` is the same: refused in another way.
        let may_be_null =
            |member: &str| ["PATCH", "DELETE"].contains(&call.method) || ["refresh_token", "current"].contains(&member);
        let mut bodies: Vec<(String, String)> =
            [json!(null), json!(true), json!(1), json!("text"), json!([]), json!([{}])]
                .into_iter()
                .map(|body| (body.to_string(), body.to_string()))
                .collect();
        // An empty change is valid, and a missing token or password is refused in another way.
        if !["PATCH /", "DELETE /", "POST /auth/refresh", "POST /auth/logout"].iter().any(|call| name.starts_with(call))
        {
            bodies.push(("nothing in it".to_owned(), "{}".to_owned()));
        }
        let mut more = call.fits.clone();
        more["admin"] = json!(true);
        bodies.push(("an unknown member".to_owned(), more.to_string()));
        for (member, value) in members {
            for wrong in [json!(null), json!(7), json!(false), json!({ "x": SECRET }), json!([[SECRET]]), json!(1e300)]
            {
                if wrong.is_null() && may_be_null(member) {
                    continue;
                }
                let mut changed = call.fits.clone();
                changed[member] = wrong;
                bodies.push((format!("a wrong {member}"), changed.to_string()));
            }
            let repeated = call.fits.to_string().replacen('{', &format!("{{\"{member}\":{value},"), 1);
            bodies.push((format!("{member} twice"), repeated));
        }
        for (what, body) in bodies {
            let answer = call.request(&stack).body("application/json", body).send().await;
            assert_refused(&call, &what, &answer, &[400, 422]);
        }
    }
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let stack = Stack::any().start().await;
    for call in calls(&stack).await {
        let kinds = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/jsonx",
            "text/json",
            "*/*",
            "",
            "application/json-patch+json",
        ];
        for kind in kinds {
            let answer = call.request(&stack).body(kind, call.fits.to_string()).send().await;
            assert_refused(&call, kind, &answer, &[415]);
        }
    }
}

#[tokio::test]
async fn the_content_type_may_have_parameters() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let body = json!({ "email": ada.email, "password": ada.password }).to_string();
    for kind in ["application/json; charset=utf-8", "Application/JSON"] {
        stack.auth.post("/auth/login").body(kind, body.clone()).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let stack = Stack::any().start().await;
    for call in calls(&stack).await {
        let padded = format!("{}{}", " ".repeat(call.limit), call.fits);
        let answer = call.request(&stack).body("application/json", padded.clone()).send().await;
        assert_refused(&call, "announced", &answer, &[413]);
        let chunked = in_chunks(&call, &padded);
        let service = if call.of_auth_service { &stack.auth } else { &stack.resource };
        assert_refused(&call, "in chunks", &service.raw(chunked.as_bytes()).await, &[413]);
    }
}

#[tokio::test]
async fn compressed_bodies_are_refused() {
    let stack = Stack::any().start().await;
    for call in calls(&stack).await {
        for packing in ["gzip", "deflate", "br", "zstd"] {
            let request = call.request(&stack).header("content-encoding", packing);
            let answer = request.body("application/json", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0]).send().await;
            assert_refused(&call, packing, &answer, &[400, 415]);
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_refused_where_one_is_needed() {
    let stack = Stack::any().start().await;
    for call in calls(&stack).await {
        let answer = call.request(&stack).body("application/json", "").send().await;
        if call.path == "/auth/logout" {
            assert!(answer.status < 500, "{answer}");
        } else if call.path == "/auth/refresh" {
            assert_refused(&call, "no credentials at all", &answer, &[400, 401]);
        } else {
            assert_problem(&answer, 400, "invalid_json");
        }
    }
}

#[track_caller]
fn assert_refused(call: &Call, what: &str, answer: &Answer, statuses: &[u16]) {
    let named = format!("{} {}: {what}\n{answer}", call.method, call.path);
    assert!(statuses.contains(&answer.status), "{named}");
    assert!(!answer.body.contains("s3") && !answer.body.contains("that-was-sent"), "a secret is repeated: {named}");
    eprintln!("{} {}: {what}", call.method, call.path);
    assert_is_problem(answer);
    let code = match answer.status {
        413 => "body_too_large",
        415 => "unsupported_media_type",
        422 => "invalid_body",
        _ => return,
    };
    assert_eq!(answer["code"], code, "{named}");
}

fn in_chunks(call: &Call, body: &str) -> String {
    let bearer = call.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let (method, path) = (call.method, &call.path);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: application/json\r\n{bearer}\r\n"
    );
    format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}
