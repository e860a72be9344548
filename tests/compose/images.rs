//! What is in the images, and which user they run as.

use harness::{Stack, Storage, containers::Shipped};

const IMAGES: [(&str, &str); 2] =
    [("auth-service", "jeton/auth-service"), ("resource-service", "jeton/resource-service")];

#[test]
fn the_services_run_as_a_user_without_rights() {
    let shipped = Shipped::new();
    for (program, image) in IMAGES {
        let run = ["run", "--rm", "--entrypoint", "sh", image, "-c"];
        let says = |script: &str| shipped.docker(&[&run[..], &[script]].concat()).trim().to_owned();
        assert_eq!(says("id -u"), "10001", "{image}");
        let own = says(&format!("test -w /usr/local/bin/{program} && echo writable || echo fixed"));
        assert_eq!(own, "fixed", "{image}: the program cannot be changed by itself");
        assert!(says("ls /etc/ssl/certs/ca-certificates.crt").contains("ca-certificates"), "{image}");
        let sources = says("ls /src 2>/dev/null | wc -l");
        assert_eq!(sources, "0", "{image}: no sources, no compiler");
    }
}

/// Whoever may ask the engine sees the environments of containers and the layers of images.
#[tokio::test]
async fn no_secret_is_in_an_image_or_in_an_environment() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let shipped = Shipped::new();
    let url = stack.postgres_url().expect("it has a PostgreSQL");
    let password = url.split([':', '@']).nth(2).expect("a password").to_owned();
    let redis_url = stack.redis().url();
    let redis_password = redis_url.split([':', '@']).nth(2).expect("a password").to_owned();
    let secrets = [stack.root_secret(), password, redis_password];
    assert!(secrets.iter().all(|secret| secret.len() >= 32), "there is something to look for");
    let mut seen = Vec::new();
    for (_, image) in IMAGES {
        seen.push(shipped.docker(&["image", "inspect", image]));
        seen.push(shipped.docker(&["history", "--no-trunc", image]));
    }
    for service in ["auth-service", "resource-service", "postgres", "redis"] {
        seen.push(shipped.docker(&["container", "inspect", &stack.container(service)]));
    }
    for text in seen {
        assert!(text.len() > 100, "{text}");
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "a secret is shown");
        assert!(!text.contains("AUTH_SECRET="), "a secret by value");
    }
}

#[test]
fn every_container_has_a_limit_of_memory() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    for service in ["auth-service", "resource-service", "postgres", "redis"] {
        let container = shipped.compose(&["ps", "--quiet", service]);
        let limit = shipped.docker(&["container", "inspect", "--format", "{{.HostConfig.Memory}}", container.trim()]);
        let limit: u64 = limit.trim().parse().expect("bytes");
        assert!((1..=512 << 20).contains(&limit), "{service}: {limit}");
    }
}
