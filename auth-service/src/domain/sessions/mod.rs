//! Refresh sessions: the rules, the records, and every flow in the life of one.
//!
//! [`rules`] decides what a refresh token is worth; [`begin`] and [`refresh`] make tokens, [`logout`] and [`theft`] end
//! sessions. What has ended is in SQL ([`endings`]) and stays ended; the session store ([`store`]) may lose anything.

pub mod begin;
pub mod caller;
pub mod devices;
mod elsewhere;
pub mod endings;
pub mod live;
pub mod logout;
pub mod record;
pub mod records;
pub mod refresh;
pub mod refresh_token;
pub mod rules;
pub mod stall;
pub mod store;
mod theft;
pub mod token_size;
pub mod tokens;
mod user_agent;

use super::{accounts::Accounts, audit::Audit, throttling::limiter::Limiter};
use live::LiveSessions;
use refresh_token::RefreshClaims;
use shared::{clock::Timestamp, ids::SessionId};
use stall::StallDetector;
use std::{sync::Arc, time::Duration};
use tokens::Issuer;

/// The choices about sessions that settings leave open.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// A session that is not used for this long ends.
    pub idle: Duration,
    /// A session's life, whatever its use.
    pub max: Duration,
    /// How many sessions a user has at most: beyond it, the least recently used ends.
    pub max_sessions: usize,
    /// What a presented refresh token is worth.
    pub rules: rules::Policy,
    /// What a theft ends.
    pub reuse_ends: ReuseEnds,
    /// How long audit events are kept.
    pub audit_keep: Duration,
}

impl Policy {
    /// When a refresh token expires that is issued at a use: the earlier of the idle limit and the end of the session's life.
    fn expiry(&self, used: Timestamp, auth_time: Timestamp) -> Timestamp {
        used.plus(self.idle).min(auth_time.plus(self.max))
    }
}

/// What ends when a refresh token turns out to be stolen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReuseEnds {
    /// All sessions of the user.
    User,
    /// That one session.
    Session,
}

/// Begins, refreshes, shows and ends sessions.
pub struct Sessions {
    accounts: Arc<dyn Accounts>,
    live: Arc<LiveSessions>,
    issuer: Issuer,
    limiter: Arc<Limiter>,
    audit: Arc<Audit>,
    policy: Policy,
    stalls: &'static StallDetector,
}

impl Sessions {
    /// Of a running service: begins to watch for stalls of the process.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        live: Arc<LiveSessions>,
        issuer: Issuer,
        limiter: Arc<Limiter>,
        audit: Arc<Audit>,
        policy: Policy,
    ) -> Self {
        Self { accounts, live, issuer, limiter, audit, policy, stalls: StallDetector::start() }
    }

    /// One of our refresh tokens, expired or not. Asks no store.
    #[must_use]
    pub fn read_token(&self, token: &str) -> Option<RefreshClaims> {
        self.issuer.refresh_tokens.read(token).ok()
    }

    /// The CSRF token of a session.
    #[must_use]
    pub fn csrf_token(&self, session: SessionId) -> String {
        self.issuer.refresh_tokens.csrf_token(session)
    }

    /// Whether a text is the CSRF token of a session.
    #[must_use]
    pub fn is_csrf_token(&self, session: SessionId, text: &str) -> bool {
        self.issuer.refresh_tokens.is_csrf_token(session, text)
    }
}
