//! A clean checkout starts without a setting, and shows no more than it must.

use ::redis::{Client, cmd};
use harness::{Stack, Storage, Transport, containers::Shipped};

#[test]
fn nothing_but_the_two_services_is_published_and_only_on_this_machine() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    let label = format!("label=com.docker.compose.project={}", shipped.name());
    let format = r#"{{.Label "com.docker.compose.service"}} {{.Ports}}"#;
    let listed = shipped.docker(&["ps", "--filter", &label, "--format", format]);
    let mut published: Vec<&str> = listed.lines().filter(|line| line.contains("->")).collect();
    published.sort_unstable();
    let (auth, resource) = (shipped.auth.port(), shipped.resource.port());
    let expected = [
        format!("auth-service 127.0.0.1:{auth}->{auth}/tcp"),
        format!("resource-service 127.0.0.1:{resource}->{resource}/tcp"),
    ];
    // The image names a port as well, which is not published.
    let is_only = |line: &str, expected: &str| line.split(", ").filter(|port| port.contains("->")).eq([expected]);
    assert_eq!(published.len(), expected.len(), "{listed}");
    for (line, expected) in published.iter().zip(&expected) {
        let ports = line.split_once(' ').map_or("", |(_, ports)| ports);
        let (_, wanted) = expected.split_once(' ').expect("a service and its port");
        assert!(is_only(ports, wanted), "{line} instead of {expected}");
    }
    assert_eq!(listed.lines().count(), 4, "the container that makes the secrets has ended\n{listed}");
}

#[tokio::test]
async fn the_doctor_finds_nothing_wrong() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ended = stack.auth.command(&["doctor"]).ended().await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.output, ended.errors);
    for words in ["answers as itself", "noeviction", "the clock of PostgreSQL agrees", "the clock of Redis agrees"] {
        assert!(ended.output.contains(words), "{words:?} is missing\n{}", ended.output);
    }
}

#[tokio::test]
async fn both_services_write_their_logs_as_json() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ada = stack.ada().await;
    stack.auth.login(&ada.email, &ada.password, Transport::Body).await.expect(200);
    for log in [stack.auth.log(), stack.resource.log()] {
        assert!(log.lines().count() > 0, "something is logged");
        for line in log.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line.is_object()), "{line}");
        }
    }
}

/// As a Prometheus beside them would.
#[test]
fn metrics_are_read_by_neighbours_in_the_network() {
    let shipped = Shipped::new();
    shipped.compose(&["up", "--detach", "--no-build"]);
    shipped.wait_until_healthy("auth-service");
    shipped.wait_until_healthy("resource-service");
    for (neighbour, address) in [("resource-service", "auth-service/9080"), ("auth-service", "resource-service/9081")] {
        let ask = format!("exec 3<>/dev/tcp/{address}; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3");
        let answer = shipped.compose(&["exec", "-T", neighbour, "bash", "-c", &ask]);
        assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{address}\n{answer}");
        assert!(answer.contains("\njeton_"), "{address}\n{answer}");
    }
}

/// An attacker in resource-service must not reach the stores that auth-service relies on.
#[tokio::test]
async fn only_auth_service_reaches_the_stores_and_redis_asks_for_a_password() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    for (neighbour, reaches) in [("auth-service", true), ("resource-service", false)] {
        for store in ["redis/6379", "postgres/5432"] {
            let connect = format!("exec 3<>/dev/tcp/{store}");
            let is_reached = stack.does_in(neighbour, &["bash", "-c", &connect]);
            assert_eq!(is_reached, reaches, "{neighbour} to {store}");
        }
    }
    let with_password = stack.redis().url();
    let (_, host) = with_password.split_once('@').expect("a password");
    let ask = |url: &str| Client::open(url).and_then(|client| cmd("PING").exec(&mut client.get_connection()?));
    assert!(ask(&with_password).is_ok());
    let refused = ask(&format!("redis://{host}")).expect_err("without the password");
    assert!(refused.to_string().contains("NOAUTH") || refused.to_string().contains("uthentication"), "{refused}");
}
