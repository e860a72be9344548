//! Refresh sessions: the rules, the records, and every flow in a session's life.
//!
//! [`rules`] decides what a refresh token is worth; [`begin`] and [`refresh`] issue tokens; [`logout`] and [`theft`]
//! end sessions. SQL holds what has ended ([`endings`]), durably; the session store ([`store`]) may lose anything.

pub mod begin;
pub mod caller;
pub mod devices;
mod elsewhere;
pub mod endings;
pub mod live;
pub mod logout;
pub mod methods;
pub mod record;
pub mod records;
pub mod refresh;
pub mod refresh_token;
pub mod stall;
pub mod store;
mod theft;
pub mod token_size;
pub mod tokens;
mod user_agent;

pub use session_rules as rules;

use super::{accounts::Accounts, audit::Audit, mail::Notices, throttling::limiter::Limiter};
use live::LiveSessions;
use refresh_token::RefreshClaims;
use shared::{clock::Timestamp, ids::SessionId};
use stall::StallDetector;
use std::{sync::Arc, time::Duration};
use tokens::Issuer;

/// Sessions as the settings define them.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// A session ends after this long without use.
    pub idle: Duration,
    /// A session's maximum lifetime.
    pub max: Duration,
    /// The most sessions that a user may have: beyond it, the least recently used one ends.
    pub max_sessions: usize,
    /// The settings of the rules.
    pub rules: rules::Policy,
    /// What a theft ends.
    pub reuse_ends: ReuseEnds,
    /// How long audit events are kept.
    pub audit_keep: Duration,
}

impl Policy {
    /// When a refresh token issued at a use expires: at the idle limit or at the end of the session's life, whichever
    /// is earlier.
    fn expiry(&self, used: Timestamp, auth_time: Timestamp) -> Timestamp {
        used.plus(self.idle).min(auth_time.plus(self.max))
    }
}

/// What ends when a refresh token turns out to be stolen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReuseEnds {
    /// All sessions of the user.
    User,
    /// Only that session.
    Session,
}

/// Begins, refreshes, lists and ends sessions.
pub struct Sessions {
    accounts: Arc<dyn Accounts>,
    live: Arc<LiveSessions>,
    issuer: Issuer,
    limiter: Arc<Limiter>,
    audit: Arc<Audit>,
    notices: Arc<Notices>,
    policy: Policy,
    stalls: &'static StallDetector,
}

impl Sessions {
    /// For a running service: also starts to watch for stalls of the process.
    #[must_use]
    pub fn new(
        accounts: Arc<dyn Accounts>,
        live: Arc<LiveSessions>,
        issuer: Issuer,
        limiter: Arc<Limiter>,
        audit: Arc<Audit>,
        notices: Arc<Notices>,
        policy: Policy,
    ) -> Self {
        Self { accounts, live, issuer, limiter, audit, notices, policy, stalls: StallDetector::start() }
    }

    /// Reads a refresh token of this issuer, expired or not. Asks no store.
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
