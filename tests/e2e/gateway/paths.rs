//! Paths that some application reads differently from the gateway.

use super::*;

/// Spellings of `..` and `/` that some application understands.
const UP: [&str; 17] = [
    "..",
    "%2e%2e",
    ".%2E",
    "%2e.",
    "..;",
    "..;x=1",
    "..%3b",
    "..%3Bx",
    "%252e%252e",
    "..%00",
    "..%20",
    "%c0%ae%c0%ae",
    "%e0%80%ae.",
    "%u002e%u002e",
    "%ef%bc%8e.",
    "..:x",
    "\u{FF0E}.",
];
const SLASHES: [&str; 13] =
    ["/", "//", "/./", "%2f", "%2F", "\\", "%5c", "%5C", "%252f", "%255c", "%c0%af", "%u002f", "%e2%88%95"];

/// Ways to write `/books`.
const BOOKS: [&str; 46] = [
    "/BOOKS",
    "/Books",
    "/bookS/1",
    "//books",
    "/./books",
    "/x/../books",
    "/x/..;/books",
    "/;/books",
    "/books;",
    "/books;x=1",
    "/books;x/1",
    "/books%3bx",
    "/books%3B/1",
    "/%62ooks",
    "/b%6Foks",
    "/%2562ooks",
    "/books.",
    "/books./1",
    "/books..",
    "/books%20",
    "/books%20/1",
    "/books.%20",
    "/books::$DATA",
    "/books:x",
    "/books%00",
    "/books%00.html",
    "/books\\1",
    "\\books",
    "/books%5c1",
    "/\u{FF42}ooks",
    "/%ef%bd%82ooks",
    "/books.json",
    "/BOOKS.XML",
    "/books.json/",
    "/books/1.json",
    "/books%2ejson",
    "/books!delete",
    "/books,x",
    "/(S(a))/books",
    "/(A(x)S(y))/books",
    "/b/(S(a))ooks",
    "/%28S(a)%29/books",
    "/index.php/books",
    "/public/index.php/books",
    "/App.PHP/books",
    "/cgi/app.fcgi/books",
];

fn anonymous(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes()
}

fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) async fn no_anonymous_request_reaches_what_any_application_takes_for_protected(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let detours = UP.iter().flat_map(|up| SLASHES.iter().map(move |slash| format!("/public/{up}{slash}books")));
    let mut misread = 0;
    for path in detours.chain(["/PUBLIC/page", "/Public/../books"].map(str::to_owned)) {
        let answer = guarded.gateway.raw(&anonymous(&path)).await;
        assert!([400, 401].contains(&answer.status), "{path}\n{answer}");
        assert_eq!(guarded.application.received(), [], "{path}: the request reached the application");
        misread += usize::from(Reading::ALL.iter().any(|reading| is_within(&reading.of(&path), "/books")));
    }
    assert!(misread > UP.len() * SLASHES.len() / 2, "some application misreads only {misread} of the paths");
}

pub(super) async fn no_spelling_of_a_path_gets_around_its_scope(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let nothing = guarded.issuer.with_claims(|claims| claims["scope"] = json!("other"));
    for path in BOOKS {
        assert!(
            Reading::ALL.iter().any(|reading| is_within(&reading.of(path), "/books")),
            "{path} is not a spelling of it"
        );
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {nothing}\r\nConnection: close\r\n\r\n"
        );
        let answer = guarded.gateway.raw(request.as_bytes()).await;
        assert!([400, 403].contains(&answer.status), "{path}\n{answer}");
        assert_eq!(guarded.application.received(), [], "{path}: the request reached the application");
    }
}

pub(super) async fn paths_that_only_begin_like_a_guarded_one_need_no_scope(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let nothing = guarded.issuer.with_claims(|claims| claims["scope"] = json!("other"));
    for path in ["/booksellers", "/books-of-the-day", "/books_2", "/books2/1", "/x/books"] {
        let received = guarded.arrived(&guarded.gateway.get(path).bearer(&nothing).send().await);
        assert_eq!(received.target, path, "{received}");
    }
}

pub(super) async fn ordinary_paths_arrive_as_they_were_sent(gateway: Gateway) {
    let guarded = Guarded::by(gateway).await;
    let token = guarded.issuer.token();
    for path in
        ["/public/", "/public/a-b_c.d/E%20f.min.js", "/public/.x/..y/@z", "/public/p?x=;%2e%2e/\\%00(S(a))/index.php/x"]
    {
        let received = guarded.arrived(&guarded.gateway.raw(&anonymous(path)).await);
        assert_eq!(received.target, path, "{received}");
        assert!(Reading::ALL.iter().all(|reading| is_within(&reading.of(path), "/public")), "{path}");
    }
    for path in
        ["/", "/books", "/books/", "/books.json", "/books/1/chapters?x=1;2", "/Other/Page.html", "/page.php", "/v1.0/x"]
    {
        let received = guarded.arrived(&guarded.gateway.get(path).bearer(&token).send().await);
        assert_eq!(received.target, path, "{received}");
    }
}
