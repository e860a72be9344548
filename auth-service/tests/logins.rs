//! Promises of a login that cannot be seen from outside: how often passwords are hashed, and how hashes are upgraded.

use argon2::Params;
use auth_service::{
    app,
    config::{Config, PREFIX, SETTINGS},
    domain::{
        Client,
        account::{Account, EmailAddress},
        hashing::{Hasher, Lane},
        login::LoginError,
        password::Password,
        refresh_token::Transport,
    },
    http::State,
};
use clap::Command;
use shared::{ids::UserId, settings::flags};
use std::net::{IpAddr, Ipv4Addr};
use tempfile::TempDir;

struct Service {
    state: State,
    _directory: TempDir,
}

async fn service() -> Service {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let database = format!("sqlite://{}/auth.db", directory.path().display());
    let matches = flags(Command::new("auth-service").no_binary_name(true), PREFIX, SETTINGS)
        .get_matches_from(Vec::<String>::new());
    let environment = [("AUTH_DATABASE_URL".to_owned(), database)];
    let config = Config::read(&matches, environment).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let state = app::assemble(config).await.unwrap_or_else(|reason| panic!("{reason}"));
    Service { state, _directory: directory }
}

impl Service {
    async fn register(&self) -> Account {
        self.state.auth.create_user(ada(), &password("grumpy-otter-42"), None, "reader").await.expect("a new user")
    }

    async fn login(&self, email: EmailAddress, text: &str) -> Result<(), LoginError> {
        let client = Client {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            is_told_apart: true,
            user_agent: String::new(),
            token: None,
        };
        self.state.auth.login(Some(email), &password(text), Transport::Body, &client).await.map(drop)
    }

    async fn hash_runs_of_a_failed_login(&self, email: EmailAddress) -> u64 {
        let before = self.state.auth.hasher.runs();
        let outcome = self.login(email, "a wrong guess").await;
        assert!(matches!(outcome, Err(LoginError::InvalidCredentials)));
        self.state.auth.hasher.runs() - before
    }
}

fn ada() -> EmailAddress {
    EmailAddress::parse("ada@example.com").expect("an address")
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

#[tokio::test]
async fn an_unknown_address_costs_as_many_hash_runs_as_a_wrong_password() {
    let service = service().await;
    service.register().await;
    let nobody = EmailAddress::parse("nobody@example.com").expect("an address");
    assert_eq!(service.hash_runs_of_a_failed_login(ada()).await, 1);
    assert_eq!(service.hash_runs_of_a_failed_login(nobody).await, 1);
}

#[tokio::test]
async fn a_refused_attempt_costs_no_hash_run() {
    let service = service().await;
    service.register().await;
    for _ in 0..10 {
        assert_eq!(service.hash_runs_of_a_failed_login(ada()).await, 1);
    }
    let before = service.state.auth.hasher.runs();
    let outcome = service.login(ada(), "grumpy-otter-42").await;
    assert!(matches!(outcome, Err(LoginError::TooManyAttempts { .. })));
    assert_eq!(service.state.auth.hasher.runs(), before);
}

#[tokio::test]
async fn an_unlocked_account_lets_its_user_try_again_at_once() {
    let service = service().await;
    let id = service.register().await.id;
    for _ in 0..2 {
        for _ in 0..10 {
            service.hash_runs_of_a_failed_login(ada()).await;
        }
        let locked = service.login(ada(), "grumpy-otter-42").await;
        assert!(matches!(locked, Err(LoginError::TooManyAttempts { .. })));
        assert!(service.state.auth.unlock_user(id).await.expect("a store"));
        service.login(ada(), "grumpy-otter-42").await.expect("a login");
    }
    assert!(!service.state.auth.unlock_user(UserId::fresh()).await.expect("a store"), "there is no such user");
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_replaced_at_login_and_the_password_stays() {
    let service = service().await;
    let id = service.register().await.id;
    let accounts = &service.state.auth.accounts;
    let stored = async || accounts.by_id(id).await.expect("a store").expect("a user").hash;
    let weaker = Hasher::with(Params::new(64, 1, 1, Some(32)).expect("parameters"), 1);
    let old = weaker.hash(Lane::HERE, &password("grumpy-otter-42")).await.expect("a hash");
    accounts.rehash(id, &stored().await, &old).await.expect("a store");
    assert_eq!(stored().await, old);
    service.login(ada(), "grumpy-otter-42").await.expect("a login");
    assert!(stored().await.0.contains("m=19456,t=2,p=1"), "the hash was not upgraded");
    service.login(ada(), "grumpy-otter-42").await.expect("a login");
}
