//! Refresh: exchanges a refresh token for new tokens. The protocol depends on the order of the steps: signature and
//! expiry, record, `decide`, compare-and-swap, and only then the one read from SQL.

use super::{
    Sessions,
    live::unavailable,
    record::SessionRecord,
    records::Found,
    refresh_token::RefreshClaims,
    rules::{Lineage, Outcome, decide},
    store::Commit,
    tokens::Tokens,
};
use crate::{
    domain::{
        Client, Unavailable,
        throttling::limits::{Exceeded, Limit},
    },
    metrics::REFRESHES,
};
use shared::clock::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// A request that loses the compare-and-swap decides again. One wins in each round, so this many rounds mean a crowd.
const MAX_ROUNDS: u32 = 64;

/// Longest time between receiving a request and reading its record. By then its client has given up and gone on, so
/// that its own old request would look like a theft (the model checker found this).
const MAX_HOLD: Duration = Duration::from_secs(2);

/// Why a session was not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The token was stolen, or is a copy of a stolen one: the session has ended, and perhaps others.
    #[error("the refresh token was used before")]
    Reused,
    /// The session, or the client's address, refreshes too often: the session goes on; try again later.
    #[error("too many refreshes")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// A store did not answer: the session goes on; try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Exceeded> for RefreshError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

/// How old a decision may be when it is committed. If a replica stalled in between, it would begin a window in the
/// past, and the client's other requests would find that window over.
const MAX_DECISION_AGE: Duration = Duration::from_secs(1);

/// How the token in the answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Rotated,
    Replayed,
    Retried,
    Adopted,
}

impl How {
    /// The outcome's name in the metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Replayed => "replayed",
            Self::Retried => "retried",
            Self::Adopted => "adopted",
        }
    }
}

/// The result of the session's rules.
enum Decision {
    /// Answer with the newest token of `session`. `before`: the record as read, if there was one.
    Give { session: Box<SessionRecord>, before: Option<Box<SessionRecord>>, how: How },
    /// A theft, with the record as read.
    Reuse(Box<SessionRecord>),
}

impl Sessions {
    /// Exchanges a refresh token, whose signature has been checked, for new tokens.
    ///
    /// # Errors
    /// [`RefreshError`].
    pub async fn refresh(&self, token: &RefreshClaims, client: &Client) -> Result<Tokens, RefreshError> {
        let outcome = self.refreshed(token, client).await;
        REFRESHES.add(match &outcome {
            Ok((_, how)) => how.name(),
            Err(RefreshError::SessionEnded) => "ended",
            Err(RefreshError::Reused) => "reuse",
            Err(RefreshError::TooMany { .. }) => "limited",
            Err(RefreshError::Unavailable(_)) => "unavailable",
        });
        outcome.map(|(tokens, _)| tokens)
    }

    async fn refreshed(&self, token: &RefreshClaims, client: &Client) -> Result<(Tokens, How), RefreshError> {
        self.limiter.take_of_user(Limit::RefreshesPerSession, &token.sid.to_string(), token.sub, client)?;
        self.limiter.take_of_address(Limit::Refreshes, client)?;
        if self.is_past_its_time(token) {
            return Err(RefreshError::SessionEnded);
        }
        let decision = self.decide_and_commit(token, client).await?;
        let Some(status) = self.live.status_of(token).await? else {
            self.live.forget(token.sub, token.sid).await;
            return Err(RefreshError::SessionEnded);
        };
        match decision {
            Decision::Give { session, before, how } => {
                if how == How::Adopted {
                    tracing::warn!(sub = %token.sub, sid = %token.sid, "a session record was missing; restored from its refresh token");
                }
                self.record_refresh(&session, before.as_deref(), how, client).await;
                Ok((self.issuer.tokens(&status.account, &session)?, how))
            }
            Decision::Reuse(found) => Err(self.end_stolen(token, &found, &status, client).await?),
        }
    }

    /// A session's life is never longer than the current settings allow, whatever the token says.
    fn is_past_its_time(&self, token: &RefreshClaims) -> bool {
        let now = self.live.now();
        token.is_expired(now) || now >= Timestamp::from_secs(token.auth_time).plus(self.policy.max)
    }

    async fn decide_and_commit(&self, token: &RefreshClaims, client: &Client) -> Result<Decision, Unavailable> {
        let arrived = Instant::now();
        for _ in 0..MAX_ROUNDS {
            let found = self.live.records.read(token.sub, token.sid).await?;
            // The client may have gone on since then.
            if self.stalls.stalled_since(arrived.into_std()) {
                return Err(Unavailable { store: "this process", cause: "it has stalled".to_owned() });
            }
            if arrived.elapsed() > MAX_HOLD {
                return Err(unavailable("it answered too late"));
            }
            let (record, now) = (found.record.as_ref(), found.now);
            let outcome = decide(record.map(|record| &record.lineage), &token.presented(), now, &self.policy.rules);
            let (next, how) = match (outcome, record) {
                (Outcome::Replay, Some(record)) => {
                    let session = Box::new(record.clone());
                    return Ok(Decision::Give { before: Some(session.clone()), session, how: How::Replayed });
                }
                (Outcome::Rotate(next), _) => (next, How::Rotated),
                (Outcome::Retry(next), _) => (next, How::Retried),
                (Outcome::Adopt(next), _) => (next, How::Adopted),
                (Outcome::Reuse, Some(record)) => return Ok(Decision::Reuse(Box::new(record.clone()))),
                (Outcome::Replay | Outcome::Reuse, None) => unreachable!("without a record, a token is adopted"),
            };
            // A retry counts against the client even if it then cannot be answered, so SQL is tried first.
            if how == How::Retried {
                self.live.endings.status(token.sub, token.sid).await?;
            }
            let session = self.successor(token, next, &found, client);
            match self.live.records.commit(&found, &session, now.plus(MAX_DECISION_AGE)).await? {
                Commit::Done => {
                    let before = found.record.map(Box::new);
                    return Ok(Decision::Give { session: Box::new(session), before, how });
                }
                Commit::Conflict => {}
            }
        }
        Err(unavailable("too many refreshes of one session at once"))
    }

    /// The record after a refresh with `token`, timed by the store's clock, against which the issue time of its newest
    /// token will be compared.
    fn successor(&self, token: &RefreshClaims, lineage: Lineage, found: &Found, client: &Client) -> SessionRecord {
        let auth_time = Timestamp::from_secs(token.auth_time);
        SessionRecord {
            sub: token.sub,
            sid: token.sid,
            lineage,
            epoch: token.epoch,
            auth_time,
            methods: token.methods,
            transport: token.transport,
            newest: self.issuer.newest_token(found.now, self.policy.expiry(found.now, auth_time)),
            last_used: found.now,
            shown_used: found.record.as_ref().map_or(auth_time, |before| self.shown_use(before, found.now)),
            ip: client.address,
            user_agent: client.user_agent.clone(),
        }
    }
}
