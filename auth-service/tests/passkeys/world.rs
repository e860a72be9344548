//! The room of passkeys on a database of its own, with a clock that can be set.

use auth_service::{
    domain::{
        Client, Language,
        accounts::{Accounts as _, EmailAddress, NewAccount},
        audit::{Action, Audit, AuditLog as _, AuditQuery, Event},
        mail::{MailKind, NoticePolicy, Notices, Outbox as _},
        passkeys::{
            ByPasski, LIFE, NoPasskeys, Offer, Passkey, PasskeyStore as _, Passkeys, RelyingParty,
            add::{AddError, NewPasskey},
            authenticate::{Authenticated, PasskeyError, Wanted},
        },
        passwords::PasswordHash,
        secrets::{KeyRing, RootSecret},
        sessions::caller::Caller,
    },
    storage::sql::Sql,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::authenticator::{Algorithm, Authenticator};
use serde_json::{Map, Value, json};
use shared::{
    clock::{Clock, SystemClock, Timestamp},
    ids::{SessionId, UserId},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

pub const ORIGIN: &str = "https://auth.example.com";
pub const DOMAIN: &str = "example.com";

/// A clock that can be set forward.
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().millis() + self.0.load(Ordering::SeqCst))
    }
}

pub struct World {
    pub passkeys: Passkeys,
    pub sql: Arc<Sql>,
    clock: Arc<Ahead>,
    _directory: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/auth.db", directory.path().display());
        let clock = Arc::new(Ahead(AtomicI64::new(0)));
        let sql = Arc::new(Sql::connect(&url, clock.clone()).await.unwrap());
        let root = RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap();
        let secrets = Arc::new(KeyRing::new(&root, None));
        let kinds = MailKind::NOTICES.to_vec();
        let policy = NoticePolicy { kinds, language: Language::English, forgot: String::new() };
        let allowed = ["https://app.example.com", "https://example.de"];
        let party = RelyingParty::of(&ORIGIN.parse().unwrap(), Some(DOMAIN), allowed).unwrap();
        let passkeys = Passkeys {
            party: Some(party),
            ceremonies: Arc::new(ByPasski),
            accounts: sql.clone(),
            store: sql.clone(),
            notices: Arc::new(Notices::new(policy, secrets.clone(), clock.clone())),
            audit: Arc::new(Audit::new(sql.clone(), clock.clone())),
            secrets,
            clock: clock.clone(),
        };
        Self { passkeys, sql, clock, _directory: directory }
    }

    /// Lets time pass.
    pub fn wait(&self, time: Duration) {
        self.clock.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Until a challenge expires.
    pub fn wait_for_the_end(&self) {
        self.wait(LIFE);
    }

    /// Somebody who is logged in.
    pub async fn somebody(&self) -> Caller {
        let id = UserId::fresh();
        let new = NewAccount {
            id,
            email: EmailAddress::parse(&format!("{id}@example.com")).unwrap(),
            name: None,
            hash: PasswordHash("$argon2id$some".to_owned()),
            roles: Vec::new(),
            custom: Map::new(),
            created_at: self.clock.now(),
            email_verified_at: None,
            language: None,
            by: None,
        };
        self.sql.create(&new).await.unwrap();
        let account = self.sql.by_id(id).await.unwrap().unwrap().account;
        Caller { epoch: account.session_epoch, account, session: SessionId::fresh(), has_second_factor: false }
    }

    /// A user's new authenticator, whose passkey was added.
    pub async fn added(&self, caller: &Caller, algorithm: Algorithm, further_flags: u8) -> Authenticator {
        let mut authenticator = authenticator(algorithm);
        authenticator.flags |= further_flags;
        let offer = self.passkeys.offer_to_add(caller).await.unwrap();
        let answer = authenticator.create(&creation(&offer, caller));
        self.add(caller, &offer.challenge_id, &answer).await.unwrap();
        authenticator
    }

    pub async fn add(&self, caller: &Caller, challenge_id: &str, answer: &Value) -> Result<Passkey, AddError> {
        let answer = serde_json::from_value(answer.clone()).map_err(|_| AddError::Invalid)?;
        self.passkeys.add(caller, NewPasskey { challenge_id, answer: &answer, name: None }, &client()).await
    }

    pub fn offer(&self) -> Offer<'_> {
        self.passkeys.offer_to_log_in().unwrap()
    }

    pub async fn show(
        &self,
        challenge_id: &str,
        answer: &Value,
        wanted: Wanted,
    ) -> Result<Authenticated, PasskeyError> {
        let answer = serde_json::from_value(answer.clone()).map_err(|_| PasskeyError::NoPasskeys(NoPasskeys))?;
        self.passkeys.authenticate(challenge_id, &answer, wanted, &client()).await
    }

    /// Logs in by a fresh challenge.
    pub async fn log_in(&self, authenticator: &mut Authenticator) -> Result<Authenticated, PasskeyError> {
        let offer = self.offer();
        self.show(&offer.challenge_id, &authenticator.get(&request(&offer)), Wanted::Anybody).await
    }

    pub async fn events(&self, action: Action) -> Vec<Event> {
        self.sql.events(&AuditQuery { action: Some(action), limit: 100, ..AuditQuery::default() }).await.unwrap()
    }

    /// How many mails of a kind wait.
    pub async fn mails(&self, kind: MailKind) -> usize {
        self.sql.listed(100).await.unwrap().iter().filter(|mail| mail.kind == kind).count()
    }

    pub async fn passkey_of(&self, caller: &Caller) -> Passkey {
        self.sql.passkeys_of(caller.account.id).await.unwrap().remove(0)
    }
}

pub fn authenticator(algorithm: Algorithm) -> Authenticator {
    Authenticator::new(algorithm, ORIGIN, DOMAIN)
}

pub fn client() -> Client {
    Client {
        address: "192.0.2.7".parse().unwrap(),
        has_own_address: true,
        named: None,
        user_agent: String::new(),
        language: None,
        device: None,
    }
}

/// What the authenticator reads of the options.
pub fn creation(offer: &Offer<'_>, caller: &Caller) -> Value {
    let id = URL_SAFE_NO_PAD.encode(caller.account.id.to_bytes());
    json!({ "challenge": URL_SAFE_NO_PAD.encode(offer.challenge), "user": { "id": id } })
}

pub fn request(offer: &Offer<'_>) -> Value {
    json!({ "challenge": URL_SAFE_NO_PAD.encode(offer.challenge) })
}
