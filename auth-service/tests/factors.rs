//! Promises of second factors that take a clock: which codes are accepted and how often, and what wrong ones lead to.

use auth_service::{
    crypto,
    domain::{
        Client, Language,
        accounts::{Account, Accounts as _, EmailAddress, NewAccount},
        audit::{Action, Audit, AuditLog as _, AuditQuery},
        factors::{ChangeError, FactorError, FactorSeals, FactorStore as _, Factors, Owner, SealedFactors as _, Shown},
        keys::root_secret::check_secret,
        mail::{MailKind, NoticePolicy, Notices, Outbox as _},
        passwords::PasswordHash,
        secrets::{KeyRing, RootSecret},
        throttling::{
            limiter::Limiter,
            limits::{LimitSettings, Limits},
        },
    },
    storage::sql::Sql,
};
use futures_util::future::join_all;
use harness::AuthenticatorApp as Authenticator;
use serde_json::Map;
use shared::{
    clock::{Clock, ManualClock, Timestamp},
    ids::{SessionId, UserId},
};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tempfile::TempDir;

/// The first second of a step.
const START: i64 = 1_800_000_000;
const STEP: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

fn root() -> RootSecret {
    RootSecret::parse(&RootSecret::generate()).unwrap_or_else(|error| panic!("{error}"))
}

struct House {
    sql: Arc<Sql>,
    clock: ManualClock,
    root: RootSecret,
    factors: Factors,
    _directory: TempDir,
}

/// A user with an app, which was confirmed at [`START`], and the recovery codes.
struct Ada {
    account: Account,
    app: Authenticator,
    codes: Vec<String>,
}

impl House {
    async fn new() -> Self {
        crypto::install();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let clock = ManualClock::at(Timestamp::from_secs(START));
        let url = format!("sqlite://{}/auth.db", directory.path().display());
        let sql = Arc::new(Sql::connect(&url, Arc::new(clock.clone())).await.expect("a new database"));
        let root = root();
        let factors = factors(&sql, KeyRing::new(&root, None), &clock);
        Self { sql, clock, root, factors, _directory: directory }
    }

    async fn ada(&self) -> Ada {
        let account = self.user().await;
        let new = self.factors.begin_totp(owner(&account, &client())).await.expect("a new app");
        let app = Authenticator::with(&new.secret);
        let confirmed = self.factors.confirm_totp(owner(&account, &client()), &self.shown_by(&app)).await;
        let codes = confirmed.expect("the right code").recovery_codes.expect("the first codes");
        Ada { account, app, codes: codes.iter().map(|code| code.expose().to_string()).collect() }
    }

    async fn user(&self) -> Account {
        let id = UserId::fresh();
        let new = NewAccount {
            id,
            email: EmailAddress::parse(&format!("{id}@example.com")).expect("an address"),
            name: None,
            hash: PasswordHash("$argon2id$".to_owned()),
            roles: Vec::new(),
            custom: Map::new(),
            created_at: self.clock.now(),
            email_verified_at: None,
            language: None,
            by: None,
        };
        self.sql.create(&new).await.expect("a new user");
        self.sql.by_id(id).await.expect("an answer").expect("the user").account
    }

    /// What the app shows now.
    fn shown_by(&self, app: &Authenticator) -> String {
        self.shown_by_then(app, 0)
    }

    /// What the app shows so many steps from now.
    fn shown_by_then(&self, app: &Authenticator, steps: i64) -> String {
        app.code_at(self.clock.now().secs() + 30 * steps)
    }

    async fn shows(&self, ada: &Ada, code: &str) -> Result<(), FactorError> {
        self.factors.check_totp(&ada.account, code, &client()).await
    }

    async fn recovers(&self, ada: &Ada, code: &str) -> Result<(), FactorError> {
        self.factors.check_recovery_code(&ada.account, code, &client()).await
    }

    async fn count(&self, ada: &Ada, action: Action) -> usize {
        let query =
            AuditQuery { sub: Some(ada.account.id), action: Some(action), limit: 1000, ..AuditQuery::default() };
        self.sql.events(&query).await.expect("an answer").len()
    }

    async fn mails(&self, ada: &Ada, kind: MailKind) -> usize {
        let listed = self.sql.listed(10_000).await.expect("an answer");
        listed.iter().filter(|mail| mail.to == ada.account.email && mail.kind == kind).count()
    }
}

fn factors(sql: &Arc<Sql>, secrets: KeyRing, clock: &ManualClock) -> Factors {
    let (secrets, clock): (_, Arc<dyn Clock>) = (Arc::new(secrets), Arc::new(clock.clone()));
    let policy = NoticePolicy {
        kinds: MailKind::NOTICES.to_vec(),
        language: Language::English,
        forgot: "https://auth.example.com/forgot".to_owned(),
    };
    let audit = Arc::new(Audit::new(sql.clone(), clock.clone()));
    let notices = Arc::new(Notices::new(policy, secrets.clone(), clock.clone()));
    let limiter = Arc::new(Limiter::new(Limits::new(LimitSettings::default()), audit.clone()));
    Factors::new(sql.clone(), secrets, clock, audit, notices, limiter, "auth.example.com".to_owned())
}

fn client() -> Client {
    Client {
        address: Ipv4Addr::LOCALHOST.into(),
        has_own_address: true,
        named: None,
        user_agent: String::new(),
        language: None,
        device: None,
    }
}

fn owner<'a>(account: &'a Account, client: &'a Client) -> Owner<'a> {
    Owner { account, session: SessionId::fresh(), client }
}

fn is_wrong(outcome: &Result<(), FactorError>) -> bool {
    matches!(outcome, Err(FactorError::Wrong))
}

#[tokio::test]
async fn a_code_is_good_once_at_both_edges_of_its_time_and_after_the_clock_was_set_back() {
    let house = House::new().await;
    let ada = house.ada().await;
    assert!(is_wrong(&house.shows(&ada, &house.shown_by(&ada.app)).await), "it has confirmed the app");
    house.clock.advance(STEP * 2);
    let early = house.shown_by_then(&ada.app, 1);
    assert!(is_wrong(&house.shows(&ada, &house.shown_by_then(&ada.app, 2)).await), "too early");
    house.shows(&ada, &early).await.expect("one step early");
    for steps in 0..4 {
        assert!(is_wrong(&house.shows(&ada, &early).await), "used, {steps} steps ago");
        house.factors.succeeded(&ada.account).await.expect("an answer");
        house.clock.advance(STEP);
    }
    let late = house.shown_by_then(&ada.app, -1);
    house.shows(&ada, &late).await.expect("one step late");
    assert!(is_wrong(&house.shows(&ada, &late).await));
    let now = house.shown_by(&ada.app);
    house.shows(&ada, &now).await.expect("the next step");

    // Another replica, whose clock is late.
    let behind = ManualClock::at(house.clock.now().minus(STEP * 5));
    let replica = factors(&house.sql, KeyRing::new(&house.root, None), &behind);
    for steps in -1..=1 {
        let code = ada.app.code_at(behind.now().secs() + 30 * steps);
        let outcome = replica.check_totp(&ada.account, &code, &client()).await;
        assert!(is_wrong(&outcome), "{steps}: later ones were accepted");
    }
}

#[tokio::test]
async fn of_twenty_parallel_uses_of_a_code_one_succeeds() {
    let house = House::new().await;
    let ada = house.ada().await;
    for _ in 0..3 {
        house.clock.advance(MINUTE * 16);
        let code = house.shown_by(&ada.app);
        let outcomes = join_all((0..20).map(|_| house.shows(&ada, &code))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        house.clock.advance(MINUTE * 16);
    }
    let code = &ada.codes[0];
    let outcomes = join_all((0..20).map(|_| house.recovers(&ada, code))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(house.count(&ada, Action::RecoveryCodeUse).await, 1);
    assert_eq!(house.mails(&ada, MailKind::RecoveryCodeUsed).await, 1);
}

#[tokio::test]
async fn five_wrong_ones_of_any_kind_lock_all_of_them_until_the_window_is_over() {
    let house = House::new().await;
    let ada = house.ada().await;
    house.clock.advance(MINUTE);
    for (index, code) in ["000000", "nonsense", "", &ada.app.wrong_code()].into_iter().enumerate() {
        assert!(is_wrong(&house.shows(&ada, code).await), "{index}");
    }
    assert!(is_wrong(&house.recovers(&ada, "0000-0000-0000-0000-0000-0000-00").await));
    house.clock.advance(MINUTE);
    let right = house.shown_by(&ada.app);
    for outcome in [house.shows(&ada, &right).await, house.recovers(&ada, &ada.codes[0]).await] {
        let Err(FactorError::TooManyAttempts { retry_after }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(retry_after, MINUTE * 14, "refused tries do not prolong it");
    }
    assert!(house.factors.count_try(&ada.account, Shown::Passkey).await.is_err());
    let other = house.ada().await;
    house.clock.advance(STEP);
    house.shows(&other, &house.shown_by(&other.app)).await.expect("only one account is locked");
    house.clock.advance(MINUTE * 14 - STEP);
    house.shows(&ada, &house.shown_by(&ada.app)).await.expect("the window is over");
    house.clock.advance(STEP);
    house.recovers(&ada, &ada.codes[0]).await.expect("it was not used up while it was refused");
    assert_eq!(house.count(&ada, Action::SecondFactor).await, 5);
}

#[tokio::test]
async fn a_right_one_forgets_the_wrong_ones_before_it() {
    let house = House::new().await;
    let ada = house.ada().await;
    for round in 0..7 {
        house.clock.advance(STEP);
        for _ in 0..4 {
            assert!(is_wrong(&house.shows(&ada, "nonsense").await));
        }
        match round % 2 {
            0 => house.shows(&ada, &house.shown_by(&ada.app)).await.expect("right"),
            _ => house.recovers(&ada, &ada.codes[round]).await.expect("right"),
        }
    }
}

#[tokio::test]
async fn an_app_rests_after_a_hundred_wrong_codes_until_a_recovery_code_or_a_reset() {
    let house = House::new().await;
    for is_reset in [false, true] {
        let ada = house.ada().await;
        for index in 0..100 {
            if index % 5 == 0 {
                house.clock.advance(MINUTE * 15);
            }
            assert!(is_wrong(&house.shows(&ada, "nonsense").await), "{index}");
        }
        house.clock.advance(MINUTE * 60);
        assert!(matches!(house.shows(&ada, &house.shown_by(&ada.app)).await, Err(FactorError::Resting)));
        if is_reset {
            assert!(house.factors.reset(&ada.account, None).await.expect("an answer"));
            assert!(is_wrong(&house.shows(&ada, &house.shown_by(&ada.app)).await), "the app is gone");
            assert!(is_wrong(&house.recovers(&ada, &ada.codes[0]).await));
            assert!(!house.factors.enrolled(ada.account.id).await.expect("an answer").has_second_factor());
            assert_eq!(house.count(&ada, Action::FactorsReset).await, 1);
        } else {
            house.recovers(&ada, &ada.codes[0]).await.expect("recovery codes cannot be guessed");
            house.shows(&ada, &house.shown_by(&ada.app)).await.expect("no longer resting");
        }
    }
}

#[tokio::test]
async fn recovery_codes_are_counted_down_and_replaced() {
    let house = House::new().await;
    let ada = house.ada().await;
    for (index, code) in ada.codes.iter().enumerate() {
        let typed = code.replace('-', " ").to_lowercase();
        house.recovers(&ada, &typed).await.expect("unused");
        assert!(is_wrong(&house.recovers(&ada, code).await), "used");
        let left = house.factors.enrolled(ada.account.id).await.expect("an answer").recovery_codes_left;
        assert_eq!(left as usize, 7 - index);
    }
    let client = client();
    let new = house.factors.ensure_recovery_codes(owner(&ada.account, &client)).await.expect("an answer");
    let new = new.expect("all are used");
    let again = house.factors.ensure_recovery_codes(owner(&ada.account, &client)).await.expect("an answer");
    assert!(again.is_none());
    let newer = house.factors.new_recovery_codes(owner(&ada.account, &client)).await.expect("there is an app");
    assert!(is_wrong(&house.recovers(&ada, &new[0].expose()).await), "replaced");
    house.recovers(&ada, &newer[0].expose()).await.expect("the newest");
    let nobody = house.user().await;
    let refused = house.factors.new_recovery_codes(owner(&nobody, &client)).await;
    assert!(matches!(refused, Err(ChangeError::NoSecondFactor)));
}

#[tokio::test]
async fn codes_of_one_user_are_worthless_for_another() {
    let house = House::new().await;
    let (ada, bob) = (house.ada().await, house.ada().await);
    house.clock.advance(STEP);
    assert!(is_wrong(&house.shows(&bob, &house.shown_by(&ada.app)).await));
    assert!(is_wrong(&house.recovers(&bob, &ada.codes[0]).await));
    // Whoever can write to the database moves an own app to somebody else.
    let totp = house.sql.totp(ada.account.id).await.expect("an answer").expect("an app");
    house
        .sql
        .reseal_totp(bob.account.id, &house.sql.totp(bob.account.id).await.unwrap().unwrap().sealed, &totp.sealed)
        .await
        .expect("an answer");
    let outcome = house.shows(&bob, &house.shown_by(&ada.app)).await;
    assert!(matches!(outcome, Err(FactorError::Unavailable(_))), "{outcome:?}");
}

#[tokio::test]
async fn factors_are_resealed_and_the_old_secret_can_be_discarded() {
    let house = House::new().await;
    let (ada, new, facts) = (house.ada().await, root(), house.sql.clone());
    let seals = |secrets: KeyRing| FactorSeals::new(facts.clone(), facts.clone(), Arc::new(secrets));
    let left = async |secrets: &KeyRing| house.sql.sealed_by_others(secrets.current().id()).await.expect("an answer");
    let (old_alone, prepared) = (KeyRing::new(&house.root, None), KeyRing::new(&house.root, Some(&new)));
    let (replaced, new_alone) = (KeyRing::new(&new, Some(&house.root)), KeyRing::new(&new, None));
    check_secret(&*house.sql, &old_alone).await.expect("a new database");
    assert_eq!((left(&old_alone).await, left(&new_alone).await), (0, 9));
    seals(KeyRing::new(&new, Some(&house.root))).reseal().await.expect("an answer");
    assert_eq!(left(&old_alone).await, 0, "the new secret is not the database's yet");
    check_secret(&*house.sql, &replaced).await.expect("the new secret");

    let during = factors(&house.sql, KeyRing::new(&new, Some(&house.root)), &house.clock);
    house.clock.advance(STEP);
    during.check_totp(&ada.account, &house.shown_by(&ada.app), &client()).await.expect("the old one opens");
    during.check_recovery_code(&ada.account, &ada.codes[0], &client()).await.expect("the old one recognises");
    seals(replaced).reseal().await.expect("an answer");
    assert_eq!(left(&new_alone).await, 0);
    seals(prepared).reseal().await.expect("an answer");
    assert_eq!(left(&new_alone).await, 0, "a replica that starts late does not reverse it");

    let after = factors(&house.sql, new_alone, &house.clock);
    house.clock.advance(STEP);
    after.check_totp(&ada.account, &house.shown_by(&ada.app), &client()).await.expect("the new one opens");
    after.check_recovery_code(&ada.account, &ada.codes[1], &client()).await.expect("the new one recognises");
    let used = after.check_recovery_code(&ada.account, &ada.codes[0], &client()).await;
    assert!(is_wrong(&used), "it stays used");
}
