//! The forms of a Redis URL.

use auth_service::storage::redis::RedisStores;

#[tokio::test]
async fn all_ways_to_run_redis_have_a_url() {
    for url in [
        "redis://localhost",
        "redis://user:p%40ss@localhost:6380/3",
        "rediss://:secret@redis.example.com",
        "redis+cluster://a:7000,b:7001,c",
        "redis+cluster://user:secret@a,b,c",
        "rediss+cluster://:secret@a,b",
        "redis+sentinel://a,b:26380,[::1]:26379,[::1]/main",
        "redis+sentinel://:secret@a/main/2",
        "rediss+sentinel://a/main",
    ] {
        assert_eq!(RedisStores::connect(url).map(drop), Ok(()), "{url}");
    }
}

#[tokio::test]
async fn malformed_urls_are_refused_without_repeating_them() {
    for url in [
        "",
        "localhost:6379",
        "http://:hunter2@localhost",
        "redis://:hunter2@localhost:port",
        "redis://:hunter2@localhost/nan",
        "redis+cluster://:hunter2@a,,b",
        "redis+cluster://:hunter2@a,b/1",
        "redis+cluster://",
        "redis+sentinel://:hunter2@a,b",
        "redis+sentinel://:hunter2@a,b/main/nan",
    ] {
        let error = RedisStores::connect(url).map(drop).unwrap_err();
        assert!(!error.contains("hunter2"), "{url}: {error}");
    }
}
