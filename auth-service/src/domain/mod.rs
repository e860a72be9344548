//! What auth-service is about, without HTTP, SQL or Redis: accounts, sessions, keys, and the flows between them.

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod keys;
pub mod my_account;
pub mod operator;
pub mod passwords;
pub mod secrets;
pub mod sessions;
pub mod sign_in;
pub mod throttling;

use accounts::{Accounts, EmailAddress, roles::Roles};
use audit::AuditLog;
use keys::SigningKeys;
use passwords::{
    judging::Judges,
    pool::{Hasher, Lane, Member, Place},
};
use sessions::{
    records::Records,
    refresh_token::{RefreshClaims, RefreshTokens},
    rules,
    stall::Pulse,
};
use shared::{
    clock::{Clock, Timestamp},
    ids::UserId,
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use throttling::{Origin, Throttle, limits::Limits};

/// A store did not answer, or not in time. Never means "not there" or "wrong".
#[derive(Debug, Clone, thiserror::Error)]
#[error("{store} is unavailable: {cause}")]
pub struct Unavailable {
    /// Which store.
    pub store: &'static str,
    /// What happened, for the log; no secret, nothing a client sent.
    pub cause: String,
}

/// The choices that settings leave open.
#[derive(Debug, Clone)]
pub struct Policy {
    /// For whom access tokens are.
    pub audience: String,
    /// The client that they are issued to.
    pub client_id: String,
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// A session unused for so long ends.
    pub session_idle: Duration,
    /// A session's life, whatever its use.
    pub session_max: Duration,
    /// How many sessions a user has at most: beyond it, the least recently used ends.
    pub max_sessions: usize,
    /// What a presented refresh token is worth.
    pub session: rules::Policy,
    /// What a theft ends.
    pub reuse_ends: ReuseEnds,
    /// How long what happened is remembered.
    pub audit_keep: Duration,
    /// Whether strangers may register.
    pub registration: sign_in::register::Registration,
    /// What whoever registers is.
    pub default_role: String,
}

/// What ends when a refresh token turns out to be stolen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReuseEnds {
    /// All sessions of the user.
    User,
    /// That one session.
    Session,
}

/// auth-service's abilities, one flow a file, and what it needs for them.
pub struct Auth {
    /// Users, and what has ended.
    pub accounts: Arc<dyn Accounts>,
    /// What happened.
    pub audit: Arc<dyn AuditLog>,
    /// Refresh sessions.
    pub sessions: Records,
    /// Throttling of failed logins.
    pub throttle: Throttle,
    /// Argon2id on its pool.
    pub hasher: Hasher,
    /// Judges the passwords that people choose.
    pub judges: Judges,
    /// How much anybody may ask for.
    pub limits: Limits,
    /// What signs access tokens.
    pub keys: SigningKeys,
    /// Makes and reads refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// What roles bring.
    pub roles: Roles,
    /// Settings.
    pub policy: Policy,
    /// Whether the clocks can be believed.
    pub clocks: operator::housekeeping::Clocks,
    /// Whether the process runs, or stood still.
    pub pulse: &'static Pulse,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Who is calling: where from, with what, and with which refresh token.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// Whether different clients have different addresses here. Else it is the address of a crowd, or of a client that pretends
    /// to be a proxy.
    pub is_told_apart: bool,
    /// Where clients are not told apart, whom the nearest proxy names: it may have named itself. That divides what the crowd
    /// may do, and adds nothing to it.
    pub named: Option<IpAddr>,
    /// The `User-Agent`, shortened.
    pub user_agent: String,
    /// The refresh token that came along in a cookie, if it is ours, expired or not.
    pub token: Option<RefreshClaims>,
}

impl Client {
    /// Whose jobs on the hashing pool wait for one another.
    fn lane(&self, email: Option<&EmailAddress>, account: Option<UserId>) -> Lane {
        let address = throttling::host(self.address);
        let (place, member) = match (self.is_told_apart, self.named, email) {
            (true, _, _) => (Place::Address(address), Member::Sole),
            (false, Some(client), _) => (Place::Crowd(address), Member::Client(throttling::host(client))),
            (false, None, Some(email)) => (Place::Crowd(address), Member::Account(email.clone())),
            (false, None, None) => (Place::Crowd(address), Member::Sole),
        };
        Lane { place, member, is_known: self.knows(account) }
    }

    /// The origin of an attempt on an account.
    fn origin(&self, account: Option<UserId>) -> Origin {
        let token = self.token.as_ref().filter(|token| Some(token.sub) == account);
        let known_device = token.map(|token| token.sid);
        Origin { address: self.address, is_told_apart: self.is_told_apart, named: self.named, known_device }
    }

    /// Whether the client is a device that has logged in to the account before.
    fn knows(&self, account: Option<UserId>) -> bool {
        self.origin(account).known_device.is_some()
    }
}

/// A page of at most `limit`, of one row more if there is more; and where the next one begins.
fn page<T, Id>(mut rows: Vec<T>, limit: u32, id: impl Fn(&T) -> Id) -> (Vec<T>, Option<Id>) {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().map(id).filter(|_| has_more);
    (rows, next)
}

impl Auth {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Until when it must be known that a session has ended: nothing that began by now lives longer.
    fn last_possible_use(&self, token: Option<&RefreshClaims>) -> Timestamp {
        let longest = self.now().plus(self.policy.session_max);
        token.map_or(longest, |token| longest.max(Timestamp::from_secs(token.exp)))
    }

    /// Removes what has ended from the session store. What matters is in SQL already: a failure is only logged.
    async fn forget(&self, removal: impl Future<Output = Result<(), Unavailable>>) {
        if let Err(error) = removal.await {
            tracing::warn!(%error, "an ended session could not be removed from the session store; it stays ended");
        }
    }
}
