//! `auth-service doctor` finds what is wrong, says what to change, and changes nothing.

use harness::{
    Gateway, Stack, Storage,
    command::{Ended, Run},
    postgres::Postgres,
    sockets::{fresh_listener, port_of},
    storage::random_secret,
};
use std::{fs, net::TcpListener, path::Path};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
};

async fn doctor(stack: &Stack) -> Ended {
    stack.auth.command(&["doctor"]).ended().await
}

/// Asserts that it ended with `code` and printed all the texts, each on a line of its severity.
#[track_caller]
fn assert_says(ended: &Ended, code: i32, said: &[(&str, &str)]) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.output, ended.errors);
    for (severity, words) in said {
        let is_said = ended.output.lines().any(|line| line.starts_with(severity) && line.contains(words));
        assert!(is_said, "no {severity} says {words:?}\n{}", ended.output);
    }
}

fn lines_of<'a>(ended: &'a Ended, severity: &str) -> Vec<&'a str> {
    ended.output.lines().filter(|line| line.starts_with(severity)).collect()
}

#[tokio::test]
async fn users_with_an_unknown_role_or_an_unusable_hash_are_counted() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let (ada, bob) = (stack.ada().await, stack.ada().await);
    let database = stack.postgres_url().expect("the stack has a PostgreSQL");
    let change = |what: &str, email: &str| {
        Postgres::execute(&database, &format!("UPDATE users SET {what} WHERE email = '{email}'"));
    };
    change(r#"roles = '["editor"]'"#, &ada.email);
    change("password_hash = '$2b$12$of-another-product'", &bob.email);
    let ended = doctor(&stack).await;
    let said = [
        ("warning", r#"users with the role "editor", which does not exist: 1"#),
        ("warning", "users who cannot log in, at least 1: their stored password hash cannot be used"),
    ];
    assert_says(&ended, 1, &said);
    assert!(!ended.output.contains("$2b$"), "{}", ended.output);
}

#[tokio::test]
async fn unreadable_rows_of_users_are_counted_by_column() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let (ada, bob, cleo) = (stack.ada().await, stack.ada().await, stack.ada().await);
    let database = stack.postgres_url().expect("the stack has a PostgreSQL");
    for (change, id) in [("roles = 'reader'", &ada.id), ("name = ''", &bob.id), ("email = 'C@example.com'", &cleo.id)] {
        Postgres::execute(&database, &format!("UPDATE users SET {change} WHERE id = '{id}'"));
    }
    let ended = doctor(&stack).await;
    for (column, id) in [("roles", &ada.id), ("name", &bob.id), ("email", &cleo.id)] {
        let words = format!("1, one of them of the user {id}; the column {column}");
        assert_says(&ended, 1, &[("warning", &words)]);
    }
}

#[tokio::test]
async fn a_healthy_service_gets_notes_at_most() {
    for storage in [Storage::Embedded, Storage::RedisAndSqlite] {
        let stack = Stack::on(storage).auth("AUTH_ALLOWED_ORIGINS", "http://app.example").start().await;
        let ended = doctor(&stack).await;
        let healthy = [
            ("ok", "answers as itself"),
            ("ok", "shows verifiers 1 key"),
            ("ok", "ready"),
            ("note", "jeton-refresh"),
            ("ok", "pages of http://app.example may call"),
            ("note", "http://app.example is another site"),
            ("ok", "the service sees this machine as 127.0.0.1"),
            ("ok", "the clock of SQLite agrees"),
            ("ok", "the next is made on"),
        ];
        assert_says(&ended, 0, &healthy);
        if storage == Storage::RedisAndSqlite {
            assert_says(
                &ended,
                0,
                &[("ok", "noeviction"), ("note", "nothing to disk"), ("ok", "the clock of Redis agrees")],
            );
        }
    }
}

/// The PostgreSQL of the tests may be thrown away, and runs without fsync.
#[tokio::test]
async fn a_postgres_that_may_lose_data_is_the_only_warning() {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ended = doctor(&stack).await;
    assert_says(
        &ended,
        1,
        &[("warning", "fsync"), ("note", "synchronous_commit"), ("ok", "the clock of PostgreSQL agrees")],
    );
    assert_eq!(lines_of(&ended, "warning").len(), 1, "{}", ended.output);
}

#[tokio::test]
async fn a_redis_that_evicts_sessions_is_a_warning() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    stack.redis().configure("maxmemory-policy", "allkeys-lru");
    assert_says(&doctor(&stack).await, 1, &[("warning", "maxmemory-policy allkeys-lru")]);
}

#[tokio::test]
async fn a_stopped_service_is_an_error_and_the_rest_is_still_reported() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    stack.auth.stop();
    let ended = doctor(&stack).await;
    assert_says(
        &ended,
        2,
        &[("error", "nobody answers at AUTH_PUBLIC_URL"), ("ok", "PostgreSQL answers"), ("ok", "noeviction")],
    );
    assert_eq!(lines_of(&ended, "error").len(), 1, "{}", ended.output);
}

#[tokio::test]
async fn unreachable_stores_are_errors_and_the_rest_is_still_reported() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    stack.redis().kill();
    assert_says(
        &doctor(&stack).await,
        2,
        &[("error", "AUTH_REDIS_URL"), ("ok", "answers as itself"), ("ok", "PostgreSQL answers")],
    );
}

#[tokio::test]
async fn a_wrong_public_url_is_diagnosed_by_what_answers_there() {
    let stack = Stack::any().start().await;
    let with = async |url: &str| stack.auth.command(&["doctor"]).env("AUTH_PUBLIC_URL", url).ended().await;
    let (port, nobody) = (stack.auth.port(), port_of(&fresh_listener()));
    assert_says(&with(&format!("https://127.0.0.1:{port}")).await, 2, &[("error", "speaks plain http")]);
    assert_says(&with(&format!("http://localhost:{port}")).await, 2, &[("error", "calls itself http://127.0.0.1")]);
    let nobody = with(&format!("http://127.0.0.1:{nobody}")).await;
    assert_says(&nobody, 2, &[("error", "nobody answers"), ("error", "the service itself is ready")]);
    assert_says(&with(&stack.resource.url()).await, 2, &[("error", "answers 404")]);
}

/// The certificates in `tls/` are signed by `authority.pem`, whose key was thrown away.
#[tokio::test]
async fn the_doctor_says_what_is_wrong_with_a_certificate_or_a_scheme() {
    let stack = Stack::on(Storage::Embedded).start().await;
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/tls");
    let file = |name: &str| tls.join(name).to_string_lossy().into_owned();
    let cases = [
        ("good.pem", "authority.pem", "calls itself http://127.0.0.1"),
        ("good.pem", "another-authority.pem", "has a certificate that this machine does not trust"),
        ("expired.pem", "authority.pem", "has a certificate that has expired"),
        ("another-host.pem", "authority.pem", "has a certificate for another host"),
    ];
    for (certificate, authority, words) in cases {
        let front = Gateway::Nginx.start_with(|port| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {};
                location / {{ proxy_pass {}; }} }}",
                file(certificate),
                file("server.key"),
                stack.auth.url()
            )
        });
        let doctor = |scheme: &str| {
            let url = format!("{scheme}://localhost:{}", front.port());
            let run = stack.auth.command(&["doctor"]).env("AUTH_PUBLIC_URL", &url);
            run.env("SSL_CERT_FILE", &file(authority)).env("SSL_CERT_DIR", "/nowhere")
        };
        assert_says(&doctor("https").ended().await, 2, &[("error", words)]);
        if certificate == "good.pem" {
            assert_says(&doctor("http").ended().await, 2, &[("error", "speaks TLS, not plain http")]);
        }
    }
}

#[tokio::test]
async fn an_origin_that_the_running_service_does_not_allow_is_an_error() {
    let stack = Stack::any().start().await;
    let asked = stack.auth.command(&["doctor"]).env("AUTH_ALLOWED_ORIGINS", "http://app.example").ended().await;
    assert_says(&asked, 2, &[("error", "browsers keep pages of http://app.example from calling")]);
}

#[tokio::test]
async fn clients_behind_a_proxy_are_told_apart_once_it_is_trusted() {
    let listener = fresh_listener();
    let url = format!("http://127.0.0.1:{}", port_of(&listener));
    let mut stack = Stack::on(Storage::Embedded).auth("AUTH_PUBLIC_URL", &url).start().await;
    tokio::spawn(forward(listener, stack.auth.port()));
    assert_says(&doctor(&stack).await, 1, &[("warning", "add 127.0.0.1 to AUTH_TRUSTED_PROXIES")]);
    stack.auth.set("AUTH_TRUSTED_PROXIES", "127.0.0.1");
    stack.auth.restart().await;
    assert_says(&doctor(&stack).await, 0, &[("ok", "the service sees this machine as 203.0.113.9")]);
}

/// A proxy that names the client it forwards for.
async fn forward(listener: TcpListener, port: u16) {
    listener.set_nonblocking(true).expect("our own socket");
    let listener = tokio::net::TcpListener::from_std(listener).expect("within a runtime");
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
            let mut start = vec![0; 16 * 1024];
            let length = client.read(&mut start).await?;
            let request = String::from_utf8_lossy(&start[..length]);
            let request = request.replace("x-forwarded-for:", "x-claimed:");
            let request = request.replacen("\r\n", "\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n", 1);
            server.write_all(request.as_bytes()).await?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}

#[tokio::test]
async fn the_address_the_service_sees_is_not_revealed_to_strangers() {
    let stack = Stack::any().start().await;
    let path = "/.well-known/oauth-authorization-server";
    for question in ["1", "1.AAAA", "9999999999.", ""] {
        let answer = stack.auth.get(path).header("x-jeton-doctor", question).send().await.expect(200);
        assert!(!answer.headers.contains_key("x-jeton-client"), "{answer}");
    }
}

#[tokio::test]
async fn a_secret_that_does_not_match_the_database_is_an_error() {
    let mut stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ended = stack.auth.command(&["doctor"]).env("AUTH_SECRET", &random_secret()).ended().await;
    let said = [("error", "AUTH_SECRET is not the secret"), ("warning", "another AUTH_SECRET")];
    assert_says(&ended, 2, &said);
    let old = stack.root_secret();
    stack.auth.set("AUTH_SECRET", &random_secret());
    stack.auth.set("AUTH_SECRET_PREVIOUS", &old);
    stack.auth.restart().await;
    let ended = doctor(&stack).await;
    assert_eq!(lines_of(&ended, "error"), [""; 0], "{}", ended.output);
    let is_said = lines_of(&ended, "note").iter().any(|line| line.contains("AUTH_SECRET_PREVIOUS is still given"));
    assert!(is_said, "{}", ended.output);
}

#[tokio::test]
async fn wrong_settings_are_errors_worded_as_at_the_start() {
    let directory = TempDir::new().expect("a temporary directory");
    let run =
        Run::new("auth-service", directory.path(), &["doctor"]).env("AUTH_REDIS_ULR", "x").env("AUTH_KEY_LEAD", "1s");
    let said = [("error", "did you mean AUTH_REDIS_URL?"), ("error", "AUTH_KEY_LEAD: must be at least twice")];
    assert_says(&run.ended().await, 2, &said);
}

#[tokio::test]
async fn the_doctor_creates_nothing() {
    let directory = TempDir::new().expect("a temporary directory");
    let run = Run::new("auth-service", directory.path(), &["doctor"]).env("AUTH_PUBLIC_URL", "http://127.0.0.1:1");
    let ended = run.env("AUTH_ADMIN_LISTEN", "127.0.0.1:1").ended().await;
    assert_says(&ended, 2, &[("error", "nobody answers"), ("error", "there is no file data/auth.db")]);
    let made = fs::read_dir(directory.path()).expect("the directory is there").count();
    assert_eq!(made, 0, "the doctor has created something in its directory");
}

/// Servers that accept connections and never answer are given up: the harness waits 20 s at most.
#[tokio::test]
async fn the_doctor_ends_even_if_nothing_answers() {
    let silent = fresh_listener();
    let port = port_of(&silent);
    let directory = TempDir::new().expect("a temporary directory");
    let ended = Run::new("auth-service", directory.path(), &["doctor"])
        .env("AUTH_SECRET", &random_secret())
        .env("AUTH_PUBLIC_URL", &format!("https://127.0.0.1:{port}"))
        .env("AUTH_ADMIN_LISTEN", &format!("127.0.0.1:{port}"))
        .env("AUTH_DATABASE_URL", &format!("postgres://jeton:hunter2@127.0.0.1:{port}/jeton"))
        .env("AUTH_REDIS_URL", &format!("redis://:hunter2@127.0.0.1:{port}"))
        .ended()
        .await;
    assert_says(
        &ended,
        2,
        &[("error", "AUTH_PUBLIC_URL"), ("error", "AUTH_DATABASE_URL"), ("error", "AUTH_REDIS_URL")],
    );
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
}
