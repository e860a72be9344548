//! Clients that send much and read nothing, or send slowly, or are many: each costs little, and others are served meanwhile.

use crate::metrics::counted;
use harness::{Stack, eventually, service::Service};
use std::{
    fs,
    future::ready,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// How many clients attack at once, and what they may cost together: as much as the containers have beyond what the services need.
const ATTACKERS: usize = 200;
const PER_ATTACKER: u64 = 256 * 1024;

/// What an attacker may send before it is answered: 128 KiB.
const SENT: usize = 128 * 1024;

/// The attacks, and what each attacker sends first.
fn attacks() -> [(&'static str, Vec<u8>); 7] {
    let repeated = |request: &str| request.as_bytes().repeat(SENT / request.len());
    let headers: String = (0..60).map(|number| format!("x-{number}: {}\r\n", "y".repeat(1500))).collect();
    let chunked = "POST /books HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    [
        ("documents", repeated("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n")),
        ("lines that end in a line feed", repeated("GET /docs HTTP/1.1\nhost: x\n\n")),
        ("expectations", repeated("GET /docs HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\r\n")),
        ("upgrades", repeated("GET /docs HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")),
        ("a head without an end", format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}").into_bytes()),
        ("chunks of one byte", [chunked.as_bytes(), &b"1\r\nx\r\n".repeat(SENT / 6)].concat()),
        ("chunk extensions", [chunked.as_bytes(), b"1;", &b"x".repeat(SENT)].concat()),
    ]
}

#[tokio::test]
async fn clients_that_send_and_do_not_read_cost_little_and_others_are_served() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    for service in [&stack.auth, &stack.resource] {
        let before = resident(service);
        let mut most = before;
        for (attack, sent) in attacks() {
            let mut attackers = Attackers::begin(service.port(), &sent);
            for _ in 0..3 {
                attackers.go_on(&sent);
                service.get("/openapi.json").send().await.expect(200);
                service.admin_address().get("/health/ready").send().await.expect(200);
                most = most.max(resident(service));
            }
            eprintln!("{attack}: {most} bytes, {before} before");
            assert!(most - before < ATTACKERS as u64 * PER_ATTACKER, "{attack}: {before} bytes became {most}");
        }
    }
    stack.auth.me(&ada.tokens).await.expect(200);
    stack.resource.whoami(&ada.tokens).await.expect(200);
}

/// Chapters are the largest bodies that there are: 1 MiB.
#[tokio::test]
async fn large_bodies_sent_or_received_slowly_share_bounded_memory() {
    const CONTAINER: u64 = 128 * 1024 * 1024;
    let stack = Stack::any().start().await;
    let admin = stack.admin().await;
    let book = stack.resource.add_book(&admin.tokens, "Large").await.expect(201).id();
    stack.resource.append(&admin.tokens, &book, "One", &"x".repeat(900 * 1024)).await.expect(201);
    let head = |method: &str, path: &str, more: &str| {
        let bearer = &admin.tokens.access;
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n{more}\r\n").into_bytes()
    };
    let get = head("GET", &format!("/books/{book}"), "");
    let announced = "content-type: application/json\r\ncontent-length: 1000000\r\n";
    let post = [head("POST", &format!("/books/{book}/chapters"), announced), vec![b' '; 999_999]].concat();
    for sent in [get, post] {
        let mut attackers = Attackers::begin(stack.resource.port(), &sent);
        for _ in 0..5 {
            attackers.go_on(&sent);
            stack.resource.whoami(&admin.tokens).await.expect(200);
            stack.resource.books(&admin.tokens).await.expect(200);
            let resident = resident(&stack.resource);
            assert!(resident < CONTAINER, "{resident} bytes");
        }
        let large = stack.resource.once().book(&admin.tokens, &book).await;
        assert!([200, 503].contains(&large.status), "{large}");
        drop(attackers);
        eventually("there is room again", TIMEOUT, async || {
            let large = stack.resource.once().book(&admin.tokens, &book).await;
            (large.status == 200).then_some(())
        })
        .await;
    }
}

/// Clients that send as much as is taken, and read nothing.
struct Attackers(Vec<(TcpStream, usize)>);

impl Attackers {
    fn begin(port: u16, sent: &[u8]) -> Self {
        let connect = |_| {
            let client = connect(port);
            client.set_nonblocking(true).expect("our own socket");
            (client, 0)
        };
        let mut attackers = Self((0..ATTACKERS).map(connect).collect());
        attackers.go_on(sent);
        attackers
    }

    fn go_on(&mut self, sent: &[u8]) {
        for (client, so_far) in &mut self.0 {
            // A client whose connection was closed is done.
            while let Ok(more @ 1..) = client.write(&sent[*so_far..]) {
                *so_far += more;
            }
        }
    }
}

#[tokio::test]
async fn an_unfinished_head_times_out_on_a_new_and_on_a_kept_connection() {
    let stack = Stack::any().start().await;
    for service in [&stack.auth, &stack.resource] {
        let ended = r#"connections_ended_total{reason="slow_head"}"#;
        let before = counted(service, ended).await;
        let mut kept = connect(service.port());
        kept.write_all(b"GET /docs/style.css HTTP/1.1\r\nhost: x\r\n\r\n").expect("it is taken");
        kept.read_exact(&mut [0; 64]).expect("an answer");
        let mut clients = [kept, connect(service.port())];
        for client in &mut clients {
            client.write_all(b"GET /docs/style.css HTTP/1.1\r\nho").expect("it is taken");
        }
        for client in &mut clients {
            client.read_to_end(&mut Vec::new()).expect("closed in an orderly way");
        }
        assert!(counted(service, ended).await > before, "{ended}");
    }
}

/// The answer comes at once, and the rest of the request is not waited for as long as a body would be.
#[tokio::test]
async fn an_unread_body_holds_its_connection_no_longer_than_a_head() {
    let stack = Stack::any().start().await;
    let chunked = "transfer-encoding: chunked";
    let requests = [
        (stack.auth.port(), "GET /docs", chunked),
        (stack.auth.port(), "GET /docs", "content-length: 9"),
        (stack.auth.admin_address().port(), "GET /health/live", chunked),
        (stack.resource.port(), "POST /books", chunked),
        (stack.resource.port(), "POST /books", "content-length: 9000000"),
    ];
    let begun = Instant::now();
    let mut clients = requests.map(|(port, line, header)| {
        let mut client = connect(port);
        client.write_all(format!("{line} HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n").as_bytes()).expect("it is taken");
        client
    });
    for (client, request) in clients.iter_mut().zip(&requests) {
        let mut answer = String::new();
        // Data that was sent and not read makes the system reset the connection.
        drop(client.read_to_string(&mut answer));
        assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 401"), "{request:?}: {answer}");
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn how_long_a_client_may_take_is_a_setting() {
    let mut stack = Stack::any();
    for limit in ["HEAD_TIMEOUT", "BODY_TIMEOUT", "WRITE_TIMEOUT"] {
        stack = stack.auth(&format!("AUTH_{limit}"), "1s").resource(&format!("RESOURCE_{limit}"), "1s");
    }
    let stack = stack.start().await;
    let begun = Instant::now();
    let mut head = connect(stack.resource.port());
    head.write_all(b"GET /docs HTTP/1.1\r\nho").expect("it is taken");
    head.read_to_end(&mut Vec::new()).expect("closed in an orderly way");
    let mut body = connect(stack.auth.port());
    let request =
        b"POST /auth/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    body.write_all(request).expect("it is taken");
    let mut status = [0; 12];
    body.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 408");
    // By default, they take 5 s and 30 s.
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn beyond_the_limit_connections_are_closed_and_health_is_answered() {
    let limits = ("AUTH_MAX_CONNECTIONS", "RESOURCE_MAX_CONNECTIONS");
    let stack = Stack::any().auth(limits.0, "20").resource(limits.1, "20");
    let of_address = |service: &str| format!("{service}_MAX_CONNECTIONS_PER_ADDRESS");
    let stack = stack.auth(&of_address("AUTH"), "0").resource(&of_address("RESOURCE"), "0").start().await;
    for service in [&stack.auth, &stack.resource] {
        let mut clients: Vec<TcpStream> = (0..60).map(|_| connect(service.port())).collect();
        eventually("most are closed", TIMEOUT, || {
            clients.retain_mut(|client| !is_closed(client));
            ready((clients.len() <= 20).then_some(()))
        })
        .await;
        service.admin_address().get("/health/ready").send().await.expect(200);
        assert!(counted(service, r#"connections_refused_total{limit="total"}"#).await >= 40.0);
        let logged = service.log().lines().filter(|line| line.contains("too many connections")).count();
        // If the machine stalls meanwhile, idle connections are closed and others accepted: another burst.
        assert!((1..5).contains(&logged), "{logged} times\n{}", service.log());
        drop(clients);
        eventually("there is room again", TIMEOUT, async || {
            service.get("/openapi.json").try_send().await.ok().filter(|answer| answer.status == 200)
        })
        .await;
    }
}

#[tokio::test]
async fn a_soft_limit_of_open_files_is_raised() {
    let mut stack = Stack::any().prepare();
    for service in [&mut stack.auth, &mut stack.resource] {
        service.limit_open_files(256, 4096);
        service.start().await;
        let clients: Vec<TcpStream> = (0..600).map(|_| connect(service.port())).collect();
        service.get("/openapi.json").send().await.expect(200);
        service.admin_address().get("/health/ready").send().await.expect(200);
        assert_eq!(counted(service, r#"connections_refused_total{limit="total"}"#).await, 0.0);
        drop(clients);
    }
}

#[tokio::test]
async fn with_few_open_files_there_are_fewer_connections_and_health_is_answered() {
    let mut stack = Stack::any().prepare();
    for service in [&mut stack.auth, &mut stack.resource] {
        service.limit_open_files(256, 256);
        service.start().await;
        let clients: Vec<TcpStream> = (0..600).map(|_| connect(service.port())).collect();
        for _ in 0..3 {
            service.admin_address().get("/health/ready").send().await.expect(200);
        }
        eventually("some are closed", TIMEOUT, async || {
            (counted(service, r#"connections_refused_total{limit="total"}"#).await > 0.0).then_some(())
        })
        .await;
        assert!(!service.log().contains("Error accepting"), "{}", service.log());
        drop(clients);
        eventually("there is room again", TIMEOUT, async || {
            service.get("/openapi.json").try_send().await.ok().filter(|answer| answer.status == 200)
        })
        .await;
    }
}

#[tokio::test]
async fn malformed_requests_are_counted_and_not_logged() {
    // A level alone does not open the targets to which strangers can write.
    let stack = Stack::any().auth("RUST_LOG", "info").resource("RUST_LOG", "info").start().await;
    for service in [&stack.auth, &stack.resource] {
        let before = service.log();
        for nonsense in ["NONSENSE\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\nx\r\n\r\n"] {
            assert_eq!(service.raw(nonsense.as_bytes()).await.status, 400, "{nonsense:?}");
        }
        let chunk = "POST /auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n";
        service.raw(chunk.as_bytes()).await;
        let mut gone = connect(service.port());
        gone.write_all(b"GET /docs HTTP/1.1\r\nhost: x\r\n\r\n").expect("it is taken");
        drop(gone);
        assert!(counted(service, r#"connections_ended_total{reason="malformed"}"#).await >= 3.0);
        let log = service.log();
        assert!(!log[before.len()..].contains("ERROR") && !log[before.len()..].contains("WARN"), "{log}");
    }
}

fn connect(port: u16) -> TcpStream {
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the system takes connections");
    client.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    client
}

fn is_closed(client: &mut TcpStream) -> bool {
    client.set_nonblocking(true).expect("our own socket");
    !client.read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// How much memory a service has now, in bytes.
fn resident(service: &Service) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.process_id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}
