//! A cache in front of the feed.

use super::feed::{Reader, question};
use crate::metrics::counted;
use futures_util::future::join_all;
use harness::{Gateway, Stack, eventually, lateness::Lateness};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const VERIFIERS: usize = 60;

/// nginx looks every half a second whether the answer that others wait for is there.
const BEHIND_NGINX: Duration = Duration::from_secs(2);

const REQUESTS: &str = r#"http_request_seconds_count{method="GET",route="/revocations",status="200"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_verifiers_behind_nginx_one_waits_at_auth_service() {
    let stack = Stack::any().unlimited().start_auth().await;
    let (ada, cache) = (stack.ada().await, TempDir::new().expect("a temporary directory"));
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proxies/revocations.conf");
    let sample = fs::read_to_string(sample).expect("the sample");
    let front = Gateway::Nginx.start_with(|port| {
        let sample = sample.replace(":8000", &format!(":{port}")).replace(":8080", &format!(":{}", stack.auth.port()));
        sample.replace("/var/cache/nginx/revocations", &cache.path().join("cache").to_string_lossy())
    });
    let mut reader = Reader::caught_up(&stack).await;
    let before = counted(&stack.auth, REQUESTS).await;
    let waiting: Vec<_> = (0..VERIFIERS)
        .map(|_| {
            let request = front.get(&question(reader.cursor, 15));
            tokio::spawn(async move { (request.try_send().await.expect("an answer"), Instant::now()) })
        })
        .collect();
    eventually("one of them waits", Duration::from_secs(10), async || {
        (counted(&stack.auth, "feed_waiting").await > 0.0).then_some(())
    })
    .await;
    let (ended, lateness) = (Instant::now(), Lateness::from_now());
    stack.auth.logout(&ada.tokens).await.expect(204);
    for answered in join_all(waiting).await {
        let (answer, at) = answered.expect("no panic");
        let page = reader.judge(&stack.auth, answer, reader.cursor).await;
        assert_eq!(page.ended.len(), 1, "{:?}", page.ended);
        let took = at.saturating_duration_since(ended);
        assert!(took < BEHIND_NGINX + lateness.so_far(), "it took {took:?}");
        reader.held.take(&page.ended[0]);
    }
    assert!(reader.held.refuses(&ada.tokens.access));
    let asked = counted(&stack.auth, REQUESTS).await - before;
    assert!((1.0..=5.0).contains(&asked), "auth-service was asked {asked} times by {VERIFIERS} verifiers");
}
