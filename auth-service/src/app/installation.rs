//! An installation: its stores, its secret and its roles. A command asks it for everything else.

use super::stores;
use crate::{
    breached_passwords::BreachList,
    config::Config,
    crypto,
    domain::{
        accounts::{create::Creator, roles::Roles},
        admin::users::Users,
        audit::Audit,
        keys::{KeyPolicy, SigningKeys, hash_facts::HashFacts, root_secret::check_secret},
        mail::{Notices, Outbox},
        operator::{
            create_user::OperatorCreation,
            keys::KeyCommands,
            transfer::{
                check::{Rules, VerifiedAddresses},
                export::Export,
                import::Means,
                sources::Source,
            },
            users::Operator,
        },
        passwords::{new_passwords::NewPasswords, pool::Hasher, rules::PasswordRules},
        secrets::KeyRing,
        sessions::{live::LiveSessions, records::Records},
        throttling::counters::Counters,
    },
    machine,
    mailing::{Mailbox, Sending},
    storage::sql::{Opening, Sql},
};
use shared::clock::{Clock, SystemClock};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// How many passwords a command checks and hashes at once.
const THREADS_OF_A_COMMAND: usize = 1;

/// The stores of an installation, and what follows from them and the settings alone. Nothing runs in the background.
pub struct Installation {
    pub(super) sql: Arc<Sql>,
    pub(super) counters: Arc<dyn Counters>,
    pub(super) live: Arc<LiveSessions>,
    pub(super) roles: Arc<Roles>,
    pub(super) audit: Arc<Audit>,
    pub(super) notices: Arc<Notices>,
    pub(super) secrets: Arc<KeyRing>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sending: Sending,
    key_policy: KeyPolicy,
    default_role: String,
    stored_hash_memory: u32,
    password_rules: PasswordRules,
    breach_list: BreachList,
}

impl Installation {
    /// Opens an existing installation, for a command.
    ///
    /// # Errors
    /// One sentence that says what to change.
    pub async fn open(config: Config, opening: Opening) -> Result<Self, String> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let opened = Sql::open(&config.database_url, opening, Arc::clone(&clock)).await;
        let sql = opened.map_err(|error| format!("AUTH_DATABASE_URL: {error}"))?;
        Self::of(config, sql, clock).await
    }

    /// Opens an installation, makes what is missing, and waits for the database if it does not answer yet.
    ///
    /// # Errors
    /// One sentence that says what to change.
    pub(super) async fn make(config: Config) -> Result<Self, String> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let sql = stores::open_database(&config.database_url, &clock).await?;
        Self::of(config, sql, clock).await
    }

    async fn of(config: Config, sql: Sql, clock: Arc<dyn Clock>) -> Result<Self, String> {
        crypto::install();
        let sql = Arc::new(sql);
        let stores = stores::session_stores(config.redis_url.as_deref(), &sql)?;
        let secrets = Arc::new(config.keys);
        check_secret(&*sql, &secrets).await.map_err(|error| error.to_string())?;
        let records = Records::new(stores.sessions, Arc::clone(&secrets));
        Ok(Self {
            live: Arc::new(LiveSessions::new(sql.clone(), records, Arc::clone(&clock), config.sessions.max)),
            audit: Arc::new(Audit::new(sql.clone(), Arc::clone(&clock))),
            notices: Arc::new(Notices::new(config.mail.notices, Arc::clone(&secrets), Arc::clone(&clock))),
            counters: stores.counters,
            roles: Arc::new(config.roles),
            sending: config.mail.sending,
            secrets,
            clock,
            sql,
            key_policy: config.key_policy,
            default_role: config.registration.default_role,
            stored_hash_memory: config.stored_hash_memory,
            password_rules: config.password_rules,
            breach_list: config.breach_list,
        })
    }

    /// All roles.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The role of a user created without one.
    #[must_use]
    pub fn default_role(&self) -> &str {
        &self.default_role
    }

    /// The outbox of mails.
    #[must_use]
    pub fn outbox(&self) -> &dyn Outbox {
        &*self.sql
    }

    /// How mails are written and sent.
    #[must_use]
    pub fn sending(&self) -> &Sending {
        &self.sending
    }

    /// The mails that are kept where there is no mail server.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.sql.clone(), Arc::clone(&self.secrets), self.sending.clone())
    }

    /// What only operators do with users and sessions.
    #[must_use]
    pub fn operator(&self) -> Operator {
        let (live, audit, notices) = (self.live.clone(), self.audit.clone(), self.notices.clone());
        Operator::new(self.sql.clone(), live, audit, notices)
    }

    /// What admins and operators do with users.
    #[must_use]
    pub fn users(&self) -> Users {
        let (live, roles, audit) = (self.live.clone(), self.roles.clone(), self.audit.clone());
        Users::new(self.sql.clone(), live, roles, audit, self.notices.clone())
    }

    /// What may be set as a password, and its hash, one at a time.
    ///
    /// # Errors
    /// One sentence that says what to change.
    pub fn new_passwords(&self) -> Result<Arc<NewPasswords>, String> {
        let hasher = Arc::new(self.hasher_with(THREADS_OF_A_COMMAND));
        let list = stores::breached_passwords(&self.breach_list)?;
        Ok(Arc::new(NewPasswords::new(self.password_rules.clone(), THREADS_OF_A_COMMAND, list, hasher)))
    }

    /// A pool that hashes as many passwords at a time.
    #[must_use]
    pub fn hasher_with(&self, threads: usize) -> Hasher {
        Hasher::start(threads, machine::hash_grant(self.stored_hash_memory, threads))
    }

    /// What the database knows of imported hashes.
    #[must_use]
    pub fn hash_facts(&self) -> HashFacts {
        HashFacts::new(self.sql.clone(), Arc::clone(&self.secrets))
    }

    /// What an import needs that wraps weak hashes on as many threads.
    #[must_use]
    pub fn import_means(&self, hasher: Arc<Hasher>, threads: usize) -> Means {
        Means {
            store: self.sql.clone(),
            facts: self.hash_facts(),
            audit: Arc::clone(&self.audit),
            hasher,
            threads,
            clock: Arc::clone(&self.clock),
            roles: Arc::clone(&self.roles),
        }
    }

    /// What users from a system are checked by, whose ids are kept under a name.
    #[must_use]
    pub fn import_rules(
        &self,
        hasher: Arc<Hasher>,
        (from, name): (Source, String),
        role_map: BTreeMap<String, Vec<String>>,
        verified: VerifiedAddresses,
    ) -> Rules {
        Rules {
            source: name,
            is_ours: from == Source::Jeton,
            roles: Arc::clone(&self.roles),
            role_map,
            default_role: self.default_role.clone(),
            verified,
            now: self.clock.now(),
            hasher,
            signer_keys: Mutex::default(),
        }
    }

    /// An export of all users.
    #[must_use]
    pub fn export(&self, with_hashes: bool) -> Export {
        Export::new(self.sql.clone(), Arc::clone(&self.audit), with_hashes)
    }

    /// Creates users for an operator.
    ///
    /// # Errors
    /// One sentence that says what to change.
    pub fn creation(&self) -> Result<OperatorCreation, String> {
        let creator = Creator::new(self.sql.clone(), self.new_passwords()?, Arc::clone(&self.clock));
        Ok(OperatorCreation::new(Arc::new(creator), Arc::clone(&self.audit)))
    }

    /// What operators do with signing keys.
    ///
    /// # Errors
    /// One sentence that says what to change.
    pub async fn key_commands(&self) -> Result<KeyCommands, String> {
        Ok(KeyCommands::new(self.signing_keys().await?, Arc::clone(&self.audit)))
    }

    /// The signing keys; the first one is made if there is none.
    pub(super) async fn signing_keys(&self) -> Result<Arc<SigningKeys>, String> {
        let (secrets, clock) = (Arc::clone(&self.secrets), Arc::clone(&self.clock));
        let keys = SigningKeys::open(self.sql.clone(), secrets, self.key_policy, clock).await;
        Ok(Arc::new(keys.map_err(|error| error.to_string())?))
    }
}
