//! The pages for people, as a browser gets them. What they do there: `tests/browser`.

use harness::{Answer, Http, Stack, assert_problem, command::Run};
use std::{collections::BTreeSet, fs};

const PAGES: [&str; 8] =
    ["/login", "/register", "/forgot", "/confirm", "/account", "/security", "/console", PLAYGROUND];

/// Served only if it is asked for, on localhost.
const PLAYGROUND: &str = "/playground";

/// The resource-service that it is told of; nothing calls it here.
const RESOURCE: &str = "http://localhost:1";

/// A service with all pages.
async fn with_all_pages() -> Stack {
    Stack::any().auth("AUTH_PLAYGROUND", RESOURCE).start_auth().await
}

/// At most so many bytes for a page with its assets, compressed.
const PAGE_BUDGET: usize = 30 * 1024;

/// At most so many bytes for the client, compressed.
const CLIENT_BUDGET: usize = 3200;

async fn page(auth: &Http, path: &str) -> Answer {
    auth.get(path).header("accept", "text/html").send().await.expect(200)
}

/// The paths of the assets that a page names.
fn assets(page: &Answer) -> BTreeSet<String> {
    let html = page.body.replace("&#x2f;", "/");
    let attributes = ["href=\"", "src=\""].into_iter().flat_map(|name| html.split(name).skip(1));
    let values = attributes.filter_map(|rest| rest.split_once('"')).map(|(value, _)| value);
    let paths = values.filter_map(|value| value.split('#').next()).filter(|value| value.starts_with("/assets/"));
    paths.map(str::to_owned).collect()
}

/// How many bytes are sent to a browser.
async fn sent(auth: &Http, path: &str) -> usize {
    let answer = auth.get(path).header("accept-encoding", "gzip, br").send().await.expect(200);
    assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
    answer.header("content-length").parse().expect("a length")
}

#[tokio::test]
async fn pages_take_nothing_from_elsewhere_and_run_nothing_that_is_written_into_them() {
    let stack = with_all_pages().await;
    for path in PAGES {
        let page = page(&stack.auth, path).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        let policy = page.header("content-security-policy");
        // It calls a resource-service as well, and nothing else.
        let called = format!("connect-src 'self' {RESOURCE};");
        assert_eq!(policy.contains(&called), path == PLAYGROUND, "{path}: {policy}");
        let policy = policy.replace(&called, "connect-src 'self';");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.split(';').any(|found| found.trim() == part), "{path}: {part}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{path}: {policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.header(name), value, "{path}: {name}");
        }
        let scripts: Vec<&str> = page.body.split("<script").skip(1).collect();
        let is_named = |script: &&str| script.starts_with(" type=\"module\" src=\"/assets/");
        let is_data = |script: &&str| script.starts_with(" type=\"application/json\"");
        let is_guard = |script: &&str| script.starts_with(" src=\"/assets/");
        assert!(
            scripts.len() == 3
                && scripts.iter().any(is_guard)
                && scripts.iter().any(is_named)
                && scripts.iter().any(is_data),
            "{path}: {page}"
        );
        for written in ["<style", " style=", " onclick=", "javascript:", "http:", "src=\"//"] {
            let text = page.body.replace("xmlns=\"http:", "").replace(&stack.auth.url(), "").replace(RESOURCE, "");
            assert!(!text.contains(written), "{path} contains {written}");
        }
    }
}

#[tokio::test]
async fn every_asset_of_a_page_is_kept_for_ever_under_the_name_of_its_content() {
    let stack = with_all_pages().await;
    let mut found = BTreeSet::new();
    for path in PAGES {
        found.extend(assets(&page(&stack.auth, path).await));
    }
    assert!(found.len() > PAGES.len(), "{found:?}");
    for path in &found {
        let asset = stack.auth.get(path).send().await.expect(200);
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        let kind = asset.header("content-type");
        let ending = path.rsplit('.').next();
        let expected = match ending {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(kind, expected, "{path}");
    }
    // A replica with other files, during an upgrade: its page still works, and nothing wrong is kept.
    let name = found.iter().next().and_then(|path| path.rsplit('/').next()).expect("an asset");
    let other = stack.auth.get(&format!("/assets/0123456789abcdef/{name}")).send().await.expect(200);
    assert_eq!(other.header("cache-control"), "no-store");
    for nothing in ["/assets/0123456789abcdef/none.js", "/assets/x/..%2fclient.js", "/assets/login.html", "/assets"] {
        assert_problem(&stack.auth.get(nothing).send().await, 404, "not_found");
    }
}

#[tokio::test]
async fn a_page_with_all_that_it_needs_is_small() {
    let stack = with_all_pages().await;
    for path in PAGES {
        for language in ["en", "uk", "ru"] {
            let path = format!("{path}?lang={language}");
            let mut bytes = sent(&stack.auth, &path).await;
            for asset in assets(&page(&stack.auth, &path).await) {
                bytes += sent(&stack.auth, &asset).await;
            }
            assert!(bytes <= PAGE_BUDGET, "{path}: {bytes} bytes");
        }
    }
    let client = sent(&stack.auth, "/client.js").await;
    assert!(client <= CLIENT_BUDGET, "{client} bytes");
}

#[tokio::test]
async fn a_page_is_in_the_language_that_is_chosen_remembered_or_preferred() {
    let stack = Stack::any().start_auth().await;
    let asked = |query: &str, cookie: &str, preferred: &str| {
        let request = stack.auth.get(&format!("/login{query}"));
        request.header("cookie", cookie).header("accept-language", preferred).send()
    };
    for (query, cookie, preferred, language) in [
        ("", "", "", "en"),
        ("", "", "uk-UA,uk;q=0.9,en;q=0.8", "uk"),
        ("", "", "de, fr;q=0.5", "en"),
        ("", "a=b; jeton-language=ru", "uk", "ru"),
        ("", "jeton-language=klingon", "uk", "uk"),
        ("?lang=en", "jeton-language=ru", "uk", "en"),
        ("?lang=xx", "", "ru", "ru"),
    ] {
        let page = asked(query, cookie, preferred).await.expect(200);
        let place = format!("{query:?} {cookie:?} {preferred:?}");
        assert_eq!(page.header("content-language"), language, "{place}");
        assert!(page.body.contains(&format!("<html lang=\"{language}\">")), "{place}");
        let remembered = page.header("set-cookie");
        if query == "?lang=en" {
            assert!(
                remembered.starts_with("jeton-language=en; ") && remembered.contains("SameSite=Lax"),
                "{remembered}"
            );
        } else {
            assert_eq!(remembered, "", "{place}");
        }
    }
}

#[tokio::test]
async fn the_playground_is_for_development_only() {
    for (settings, is_there) in [
        (vec![("AUTH_PLAYGROUND", RESOURCE)], true),
        // As if it was not set; docker-compose.yml sets it.
        (vec![("AUTH_PLAYGROUND", "")], false),
        (vec![("AUTH_PLAYGROUND", RESOURCE), ("AUTH_PUBLIC_URL", "https://auth.example.com")], false),
        (vec![("AUTH_PLAYGROUND", RESOURCE), ("AUTH_PAGES", "off")], false),
    ] {
        let stack = settings.iter().fold(Stack::any(), |stack, (name, value)| stack.auth(name, value));
        let answer = stack.start_auth().await.auth.get(PLAYGROUND).send().await;
        assert_eq!(answer.status, if is_there { 200 } else { 404 }, "{settings:?}");
    }
}

#[tokio::test]
async fn a_folder_makes_the_pages_an_installations_own() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("texts")).expect("our own folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("our own folder");
    write(
        "brand.toml",
        "name = \"Example & Sons\"\nprivacy = \"https://example.com/p\"\n[accent]\nlight = \"#1A4FA3\"\ndark = \"#9CC2FF\"\n",
    );
    write("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>");
    write("texts/en.json", "{\"login\": {\"title\": \"Welcome\"}}");
    let stack = Stack::any().auth("AUTH_BRAND_DIR", &folder.path().display().to_string()).start_auth().await;
    let page = page(&stack.auth, "/login").await;
    assert!(page.body.contains("<title>Welcome · Example &amp; Sons</title>"), "{page}");
    assert!(page.body.contains("https:&#x2f;&#x2f;example.com&#x2f;p"), "{page}");
    let assets = assets(&page);
    let asset = async |name: &str| {
        let path = assets.iter().find(|path| path.ends_with(name)).expect("the page names it");
        stack.auth.get(path).send().await.expect(200)
    };
    assert!(asset("/brand.css").await.body.contains("--accent: light-dark(#1A4FA3, #9CC2FF);"));
    let logo = asset("/logo.svg").await;
    assert_eq!(logo.header("content-type"), "image/svg+xml");
    assert!(logo.header("content-security-policy").contains("sandbox"), "opened by itself, it runs no script: {logo}");
}

#[tokio::test]
async fn a_folder_with_mistakes_stops_the_start_and_names_each() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("brand.toml"), "help = \"javascript:alert(1)\"\nradius = 99\n")
        .expect("our own folder");
    let run = Run::new("auth-service", folder.path(), &[]).env("AUTH_LISTEN", "127.0.0.1:0");
    let ended = run.env("AUTH_BRAND_DIR", &folder.path().display().to_string()).ended().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in ["AUTH_BRAND_DIR: brand.toml: help: write a URL", "AUTH_BRAND_DIR: brand.toml: radius: 0 to 24"] {
        assert!(ended.errors.contains(words), "{words:?} is missing: {}", ended.errors);
    }
}

#[tokio::test]
async fn the_client_is_for_pages_of_every_origin_and_is_sent_only_when_it_has_changed() {
    let stack = Stack::any().start_auth().await;
    let elsewhere = ("origin", "https://app.example.net");
    let client = stack.auth.get("/client.js").header(elsewhere.0, elsewhere.1).send().await.expect(200);
    assert_eq!(client.header("access-control-allow-origin"), "*");
    assert_eq!(client.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(client.header("cache-control"), "no-cache");
    assert!(client.body.contains("createSession"));
    let known = stack.auth.get("/client.js").header("if-none-match", client.header("etag"));
    let known = known.header(elsewhere.0, elsewhere.1).send().await.expect(304);
    assert_eq!((known.body.as_str(), known.header("access-control-allow-origin")), ("", "*"));
    stack.auth.get("/client.js").header("if-none-match", "\"other\"").send().await.expect(200);
}

#[tokio::test]
async fn without_pages_there_is_only_the_client() {
    let stack = Stack::any().auth("AUTH_PAGES", "off").start_auth().await;
    for path in PAGES.into_iter().chain(["/"]) {
        let answer = stack.auth.get(path).header("accept", "text/html").send().await;
        assert_problem(&answer, 404, "not_found");
    }
    stack.auth.get("/client.js").send().await.expect(200);
}

#[tokio::test]
async fn a_path_without_anything_is_a_page_for_people_and_a_problem_for_programs() {
    let stack = Stack::any().start_auth().await;
    let people = stack.auth.get("/nothing").header("accept", "text/html,application/xhtml+xml;q=0.9").send().await;
    assert_eq!((people.status, people.header("content-type")), (404, "text/html; charset=utf-8"), "{people}");
    for accept in ["*/*", "application/json", ""] {
        assert_problem(&stack.auth.get("/nothing").header("accept", accept).send().await, 404, "not_found");
    }
    let post = stack.auth.post("/nothing").header("accept", "text/html").send().await;
    assert_problem(&post, 404, "not_found");
    let front = stack.auth.get("/").send().await.expect(307);
    assert_eq!(front.header("location"), "/account");
}

#[tokio::test]
async fn what_ends_a_session_makes_its_browser_forget_the_pages_that_it_keeps() {
    let stack = Stack::any().start_auth().await;
    let forgets = |answer: &Answer| answer.header("clear-site-data") == "\"cache\"";
    let ada = stack.ada_in_a_browser().await;
    assert!(forgets(&stack.auth.logout(&ada.tokens).await.expect(204)));
    let ada = stack.ada_in_a_browser().await;
    let cookie = format!("jeton-refresh={}", ada.tokens.refresh);
    let everywhere = stack.auth.post("/auth/logout-all").header("cookie", &cookie).bearer(&ada.tokens.access);
    assert!(forgets(&everywhere.send().await.expect(204)));
    let ada = stack.ada_in_a_browser().await;
    let cookie = format!("jeton-refresh={}", ada.tokens.refresh);
    let deletion = stack.auth.request("DELETE", "/auth/me").header("cookie", &cookie).bearer(&ada.tokens.access);
    let password = serde_json::json!({ "password": ada.password });
    assert!(forgets(&deletion.json(&password).send().await.expect(204)));
    // Clients without a browser, and those whose session goes on, have nothing to forget.
    let bob = stack.bob().await;
    let device = bob.another_device().await;
    let sid =
        stack.auth.sessions(&device).await.expect(200)["sessions"][0]["id"].as_str().unwrap_or_default().to_owned();
    assert!(!forgets(&stack.auth.end_session(&bob.tokens, &sid).await.expect(204)));
    assert!(!forgets(&stack.auth.logout(&bob.tokens).await.expect(204)));
}
