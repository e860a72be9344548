//! Promises of a login that cannot be seen from outside: how often passwords are hashed, and how hashes are upgraded.

use argon2::Params;
use auth_service::{
    app::{self, Installation},
    config::{CATALOG, Config},
    domain::{
        Client,
        accounts::{
            Account, Accounts as _, EmailAddress,
            transfer::{Arrival, Transfer as _},
        },
        keys::{
            hash_facts::{HashFacts, KeyedHashes, SIGNER_KEYS},
            table::KeyTable as _,
        },
        operator::housekeeping::Housekeeping,
        passwords::{
            Password, PasswordHash,
            argon2id::Grant,
            foreign::{Foreign, KeyedHash, described},
            pool::{Hasher, Lane},
            signer_keys::SignerKey,
        },
        secrets::{KeyRing, RootSecret},
        sessions::refresh_token::Transport,
        sign_in::{
            beginning::NewSession,
            login::{LoginAttempt, LoginError},
            password_check::CheckError,
            register::Registered,
        },
    },
    metrics::UNUSABLE_HASHES,
    storage::sql::{Opening, Sql},
};
use clap::Command;
use serde_json::Map;
use shared::{
    clock::{Clock as _, SystemClock},
    ids::UserId,
};
use sqlx::Connection as _;
use std::{
    net::{IpAddr, Ipv4Addr},
    slice,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

struct Service {
    service: app::Service,
    accounts: Sql,
    directory: TempDir,
}

async fn service() -> Service {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let database = database_in(&directory);
    let service = app::assemble(config(&database)).await.unwrap_or_else(|reason| panic!("{reason}"));
    let accounts = Sql::open(&database, Opening::Update, Arc::new(SystemClock)).await;
    let accounts = accounts.unwrap_or_else(|reason| panic!("{reason}"));
    Service { service, accounts, directory }
}

fn database_in(directory: &TempDir) -> String {
    format!("sqlite://{}/auth.db", directory.path().display())
}

fn config(database: &str) -> Config {
    let matches =
        CATALOG.flags(Command::new("auth-service").no_binary_name(true)).get_matches_from(Vec::<String>::new());
    let environment = [("AUTH_DATABASE_URL".to_owned(), database.to_owned())];
    Config::read(&matches, environment).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

impl Service {
    async fn register(&self) -> Account {
        let state = &self.service.state;
        let registered = state.registrar.register(ada(), &password("grumpy-otter-42"), None, None, &client()).await;
        match registered.expect("a new user") {
            Registered::Account(account) => account,
            Registered::Asked(_) => panic!("no proof is asked for"),
        }
    }

    fn hasher(&self) -> &Hasher {
        &self.service.state.hasher
    }

    fn housekeeping(&self) -> &Housekeeping {
        &self.service.chores.housekeeping
    }

    async fn login(&self, email: EmailAddress, text: &str) -> Result<(), LoginError> {
        let session = NewSession { transport: Transport::Body, previous: None, device: None };
        let attempt = LoginAttempt { email: Some(email), password: &password(text), session };
        self.service.state.sign_in.login(attempt, &client()).await.map(drop)
    }

    async fn hash_runs_of_a_failed_login(&self, email: EmailAddress) -> u64 {
        let before = self.hasher().runs();
        let outcome = self.login(email, "a wrong guess").await;
        assert!(matches!(outcome, Err(LoginError::Check(CheckError::Wrong))));
        self.hasher().runs() - before
    }

    /// In KiB of memory, times passes.
    async fn work_of_a_failed_login(&self, email: EmailAddress) -> u64 {
        let before = self.hasher().work();
        self.hash_runs_of_a_failed_login(email).await;
        self.hasher().work() - before
    }

    /// Writes what another program may have written.
    async fn spoil(&self, column: &str) {
        let file = format!("sqlite://{}/auth.db", self.directory.path().display());
        let mut raw = sqlx::AnyConnection::connect(&file).await.expect("a database");
        let update = format!("UPDATE users SET {column} = ''");
        sqlx::raw_sql(sqlx::AssertSqlSafe(update)).execute(&mut raw).await.expect("a row");
    }

    async fn store_hash(&self, hash: &str) {
        let accounts = &self.accounts;
        let stored = accounts.by_email(&ada()).await.expect("a store").expect("a user");
        accounts.rehash(stored.account.id, &stored.hash, &PasswordHash(hash.to_owned())).await.expect("a store");
    }
}

fn client() -> Client {
    Client {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        has_own_address: true,
        named: None,
        user_agent: String::new(),
        language: None,
        device: None,
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
    let before = service.hasher().runs();
    let outcome = service.login(ada(), "grumpy-otter-42").await;
    assert!(matches!(outcome, Err(LoginError::Check(CheckError::TooManyAttempts { .. }))));
    assert_eq!(service.hasher().runs(), before);
}

#[tokio::test]
async fn an_unlocked_account_lets_its_user_try_again_at_once() {
    let service = service().await;
    let id = service.register().await.id;
    let operator = Installation::open(config(&database_in(&service.directory)), Opening::Update).await;
    let operator = operator.unwrap_or_else(|reason| panic!("{reason}")).operator();
    for _ in 0..2 {
        for _ in 0..10 {
            service.hash_runs_of_a_failed_login(ada()).await;
        }
        let locked = service.login(ada(), "grumpy-otter-42").await;
        assert!(matches!(locked, Err(LoginError::Check(CheckError::TooManyAttempts { .. }))));
        assert!(operator.unlock(id).await.expect("a store"));
        service.login(ada(), "grumpy-otter-42").await.expect("a login");
    }
    assert!(!operator.unlock(UserId::fresh()).await.expect("a store"), "there is no such user");
}

#[tokio::test]
async fn a_hash_with_other_parameters_is_replaced_at_login_and_the_password_stays() {
    let service = service().await;
    let id = service.register().await.id;
    let accounts = &service.accounts;
    let stored = async || accounts.by_id(id).await.expect("a store").expect("a user").hash;
    let params = Params::new(64, 1, 1, Some(32)).expect("parameters");
    let weaker = Hasher::with(params, 1, Grant { memory: 64, at_once: 1 });
    let old = weaker.hash(Lane::HERE, &password("grumpy-otter-42")).await.expect("a hash");
    accounts.rehash(id, &stored().await, &old).await.expect("a store");
    assert_eq!(stored().await, old);
    service.login(ada(), "grumpy-otter-42").await.expect("a login");
    assert!(stored().await.0.contains("m=19456,t=2,p=1"), "the hash was not upgraded");
    service.login(ada(), "grumpy-otter-42").await.expect("a login");
}

#[tokio::test]
async fn a_login_to_an_unreadable_row_is_a_wrong_password_for_the_same_work() {
    let service = service().await;
    service.register().await;
    let nobody = EmailAddress::parse("nobody@example.com").expect("an address");
    let (work, runs) =
        (service.work_of_a_failed_login(nobody.clone()).await, service.hash_runs_of_a_failed_login(nobody).await);
    for column in ["roles", "name", "custom"] {
        service.spoil(column).await;
        assert_eq!(service.work_of_a_failed_login(ada()).await, work, "{column}");
        assert_eq!(service.hash_runs_of_a_failed_login(ada()).await, runs, "{column}");
        let right = service.login(ada(), "grumpy-otter-42").await;
        assert!(matches!(right, Err(LoginError::Check(CheckError::Wrong))), "{column}: {right:?}");
    }
}

#[tokio::test]
async fn a_failed_login_costs_the_same_work_whatever_hash_is_stored() {
    const NEW: u64 = 2 * 19 * 1024;
    const REST: &str = "$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY";
    let service = service().await;
    service.register().await;
    let nobody = || EmailAddress::parse("nobody@example.com").expect("an address");
    let kinds = [
        (format!("$argon2i$m=1024,t=1,p=1{REST}"), NEW),
        ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/".to_owned(), NEW),
        (format!("$argon2id$v=19$m=1048576,t=2,p=1{REST}"), NEW),
        (String::new(), NEW),
        (format!("$argon2d$v=19$m=32768,t=3,p=4{REST}"), 3 * 32 * 1024),
    ];
    for (hash, work) in kinds {
        service.store_hash(&hash).await;
        service.housekeeping().notice_hashes().await.expect("a store");
        assert_eq!(service.work_of_a_failed_login(nobody()).await, work, "{hash}");
        assert_eq!(service.work_of_a_failed_login(ada()).await, work, "{hash}");
    }
}

#[tokio::test]
async fn the_operator_learns_of_hashes_that_cannot_be_used_and_strangers_do_not() {
    let service = service().await;
    service.register().await;
    assert!(service.housekeeping().unusable_hashes().await.expect("a store").is_empty());
    service.store_hash("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/").await;
    let unusable = service.housekeeping().unusable_hashes().await.expect("a store");
    assert_eq!(unusable.into_values().collect::<Vec<_>>(), [1]);
    let counted = || UNUSABLE_HASHES.get("algorithm");
    let before = counted();
    let outcome = service.login(ada(), "grumpy-otter-42").await;
    assert!(matches!(outcome, Err(LoginError::Check(CheckError::Wrong))));
    assert_ne!(counted(), before);
}

#[tokio::test]
async fn an_unknown_address_costs_as_much_as_the_dearest_hash_of_another_system() {
    let service = service().await;
    service.register().await;
    let nobody = || EmailAddress::parse("nobody@example.com").expect("an address");
    let new = service.work_of_a_failed_login(nobody()).await;
    for hash in [
        "$2b$11$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$pbkdf2-sha512$i=500000$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY",
        "$scrypt-nfkc$ln=14,r=16,p=1$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY",
    ] {
        service.store_hash(hash).await;
        service.housekeeping().notice_hashes().await.expect("a store");
        let work = service.work_of_a_failed_login(nobody()).await;
        assert!(work > new, "{hash}");
        assert_eq!(service.work_of_a_failed_login(ada()).await, work, "{hash}");
    }
}

#[tokio::test]
async fn a_hash_of_another_system_is_replaced_at_login_by_one_of_the_whole_password() {
    let service = service().await;
    service.register().await;
    let (password, longer) = ("0123456789".repeat(8), "0123456789".repeat(9));
    // bcrypt looks at 72 bytes. Made by PHP 8.2.
    service.store_hash("$2y$05$4O568dxjYocEcITahWqdve2tBbIZ3mYcZ0vIlNtGODeZqEWXeVPIa").await;
    service.login(ada(), "grumpy-otter-42").await.expect_err("the password of another hash");
    service.login(ada(), &password).await.expect("a login");
    let stored = service.accounts.by_email(&ada()).await.expect("a store").expect("a user").hash;
    assert!(stored.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.0);
    service.login(ada(), &longer).await.expect_err("the first 72 bytes are the same");
    service.login(ada(), &password).await.expect("a login");
}

fn cheap_hashes(count: usize) -> Vec<Arrival> {
    let hash = "$2b$04$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let arrival = |number| Arrival {
        id: UserId::fresh(),
        external: None,
        email: EmailAddress::parse(&format!("bulk{number}@example.com")).expect("an address"),
        is_verified: false,
        second_email: None,
        language: None,
        name: None,
        hash: PasswordHash(hash.to_owned()),
        roles: Vec::new(),
        custom: Map::new(),
        disabled: false,
        created_at: SystemClock.now(),
    };
    (0..count).map(arrival).collect()
}

#[tokio::test]
async fn the_dearest_kind_of_an_import_counts_however_many_others_there_are() {
    let service = service().await;
    let facts = HashFacts::new(Arc::new(service.accounts.clone()), Arc::new(ring(&RootSecret::generate(), None)));
    let nobody = || EmailAddress::parse("nobody@example.com").expect("an address");
    let dear = PasswordHash("$2b$10$.....................................................".to_owned());
    let cheap = service.work_of_a_failed_login(nobody()).await;
    facts.add_kinds(slice::from_ref(&dear)).await.expect("a store");
    facts.add_kinds(slice::from_ref(&dear)).await.expect("a store");
    assert_eq!(facts.kinds().await.expect("a store"), [dear]);
    service.accounts.add_all(&cheap_hashes(999), SystemClock.now()).await.expect("a store");
    service.housekeeping().notice_hashes().await.expect("a store");
    assert_eq!(service.work_of_a_failed_login(nobody()).await, cheap, "all rows were seen, and none is dearer");
    service.accounts.add_all(&cheap_hashes(1001)[999..], SystemClock.now()).await.expect("a store");
    service.housekeeping().notice_hashes().await.expect("a store");
    assert!(service.work_of_a_failed_login(nobody()).await > cheap);
}

fn ring(current: &str, previous: Option<&str>) -> KeyRing {
    let parse = |text: &str| RootSecret::parse(text).map_err(|error| error.to_string()).expect("a secret");
    KeyRing::new(&parse(current), previous.map(parse).as_ref())
}

#[tokio::test]
async fn the_key_of_another_system_is_sealed_and_survives_the_replacement_of_the_root_secret() {
    let service = service().await;
    let (old, new) = (RootSecret::generate(), RootSecret::generate());
    let facts = |ring| HashFacts::new(Arc::new(service.accounts.clone()), Arc::new(ring));
    let bytes = Zeroizing::new(b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".to_vec());
    let key = || SignerKey::new(bytes.clone());
    facts(ring(&old, None)).add_signer_key(&key()).await.expect("a store");
    let known = async |ring| {
        let keys = facts(ring).signer_keys().await.expect("a store");
        keys.iter().map(|key| key.expose().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(known(ring(&new, None)).await, Vec::<Vec<u8>>::new());
    assert_eq!(known(ring(&new, Some(&old))).await, [bytes.to_vec()]);
    assert_eq!(known(ring(&new, None)).await, [bytes.to_vec()], "it was sealed again");
    let stored = service.accounts.known_fact(SIGNER_KEYS).await.expect("a store").expect("a fact");
    assert!(!stored.contains("MDEyMzQ1") && !stored.contains("0123456789"), "{stored}");
}

/// As Supabase keeps it, taken apart.
fn firebase_hash() -> KeyedHash {
    let hashes = include_str!("../../tests/fixtures/foreign_hashes/hashes.jsonl");
    let line = hashes.lines().find(|line| line.contains("$fbscrypt$")).expect("such a hash");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    match described(line["hash"].as_str().expect("a text")) {
        Ok(Foreign::Keyed(found)) => found,
        other => panic!("{other:?}"),
    }
}

async fn hash_facts(service: &Service) -> HashFacts {
    let installation = Installation::open(config(&database_in(&service.directory)), Opening::Update).await;
    installation.unwrap_or_else(|reason| panic!("{reason}")).hash_facts()
}

#[tokio::test]
async fn a_key_that_an_import_has_just_brought_is_there_at_the_first_login() {
    let service = service().await;
    service.register().await;
    let KeyedHash { hash, key } = firebase_hash();
    hash_facts(&service).await.add_signer_key(&key).await.expect("a store");
    service.store_hash(&hash.0).await;
    let outcome = service.login(ada(), "grumpy-otter-43").await;
    assert!(matches!(outcome, Err(LoginError::Check(CheckError::Wrong))), "{outcome:?}");
    service.login(ada(), "grumpy-otter-42").await.expect("a login");
}

#[tokio::test]
async fn a_hash_whose_key_is_not_known_is_an_outage_and_not_a_wrong_password() {
    let service = service().await;
    service.register().await;
    let KeyedHash { hash, key } = firebase_hash();
    service.store_hash(&hash.0).await;
    let (runs, counted) = (service.hasher().runs(), UNUSABLE_HASHES.get("unknown_key"));
    for password in ["grumpy-otter-42", "grumpy-otter-43"] {
        let outcome = service.login(ada(), password).await;
        assert!(matches!(outcome, Err(LoginError::Check(CheckError::Unavailable(_)))), "{outcome:?}");
    }
    assert_eq!(service.hasher().runs(), runs);
    assert_ne!(UNUSABLE_HASHES.get("unknown_key"), counted);
    hash_facts(&service).await.add_signer_key(&key).await.expect("a store");
    let logged_in = async {
        while service.login(ada(), "grumpy-otter-42").await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(10), logged_in).await.expect("the keys are read again");
}

#[tokio::test]
async fn however_many_ask_for_an_unknown_key_it_is_looked_for_once_a_second() {
    let service = service().await;
    let KeyedHash { hash, key } = firebase_hash();
    let hasher = Arc::new(Hasher::start(1, Grant { memory: 64 * 1024, at_once: 1 }));
    let (hashes, facts) = (KeyedHashes::new(hash_facts(&service).await, hasher), hash_facts(&service).await);
    let begun = Instant::now();
    assert!(hashes.ensure_key_of(&hash).await.is_err());
    facts.add_signer_key(&key).await.expect("a store");
    while hashes.ensure_key_of(&hash).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(1));
}
