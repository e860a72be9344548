//! Refresh: a refresh token for new tokens. The order of the steps is what makes the protocol hold: signature and
//! expiry, record, `decide`, compare-and-swap, and only then the one read from SQL.

use super::{
    record::SessionRecord,
    records::Found,
    refresh_token::RefreshClaims,
    rules::{Lineage, Outcome, decide},
    store::Commit,
    tokens::Tokens,
};
use crate::domain::{
    Auth, Client, ReuseEnds, Unavailable,
    accounts::{Standing, Theft},
    audit::{Action, Event},
    throttling::limits::{Exceeded, Limit},
};
use crate::metrics::REFRESHES;
use serde_json::{Value, json};
use shared::clock::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Whoever loses the compare-and-swap decides again; each round somebody wins, so that so many rounds mean a crowd.
const MAX_ROUNDS: u32 = 64;

/// How long a request may be in our hands before the record is read. What is read later proves nothing: the client has
/// given up and gone on by then, and its own old request would look like a theft (the model checker found this).
const HELD_AT_MOST: Duration = Duration::from_secs(2);

/// Why a session was not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The session is over.
    #[error("the session has ended")]
    SessionEnded,
    /// The token was stolen, or is a copy of a stolen one: the session is over, and perhaps others.
    #[error("the refresh token was used before")]
    Reused,
    /// The session, or the client's address, refreshes too often: it goes on, try again later.
    #[error("too many refreshes")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// A store did not answer: the session goes on, try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Exceeded> for RefreshError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

/// How old a decision may be when it is committed. A replica that stalls in between would begin a window in the past, and
/// the client's other requests would find it over.
const DECIDED_AT_MOST: Duration = Duration::from_secs(1);

fn unavailable(cause: &str) -> Unavailable {
    Unavailable { store: "session store", cause: cause.to_owned() }
}

/// How the token to answer with came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum How {
    Rotated,
    Replayed,
    Retried,
    Adopted,
}

impl How {
    /// Its name among what is counted.
    pub(in crate::domain) const fn name(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Replayed => "replayed",
            Self::Retried => "retried",
            Self::Adopted => "adopted",
        }
    }
}

/// What the session's rules came to.
enum Decision {
    /// The session whose newest token is the answer, and as it was found, if it was.
    Give { session: Box<SessionRecord>, before: Option<Box<SessionRecord>>, how: How },
    /// A theft; the session as it was found.
    Reuse(Box<SessionRecord>),
}

impl Auth {
    /// Exchanges a refresh token, whose signature was checked, for new tokens.
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
        self.take_of_user(Limit::RefreshesPerSession, &token.sid.to_string(), token.sub, client)?;
        self.take_of_address(Limit::Refreshes, client)?;
        if self.is_past_its_time(token) {
            return Err(RefreshError::SessionEnded);
        }
        let decision = self.decide_and_commit(token, client).await?;
        let standing = self.accounts.standing(token.sub, token.sid).await?;
        let Some(standing) = standing.filter(|standing| standing.is_alive(token.sid, token.epoch)) else {
            self.forget(self.sessions.remove(token.sub, token.sid)).await;
            return Err(RefreshError::SessionEnded);
        };
        match decision {
            Decision::Give { session, before, how } => {
                if how == How::Adopted {
                    tracing::warn!(sub = %token.sub, sid = %token.sid, "a session record was missing; restored from its refresh token");
                }
                self.note_refresh(&session, before.as_deref(), how, client).await;
                Ok((self.give(&standing, &session)?, how))
            }
            Decision::Reuse(found) => Err(self.end_stolen(token, &found, &standing, client).await?),
        }
    }

    fn give(&self, standing: &Standing, session: &SessionRecord) -> Result<Tokens, RefreshError> {
        self.tokens(&standing.account, session).map_err(|error| RefreshError::Unavailable(error.into()))
    }

    /// A session's life is never longer than today's settings allow, whatever the token says.
    fn is_past_its_time(&self, token: &RefreshClaims) -> bool {
        let now = self.now();
        token.is_expired(now) || now >= Timestamp::from_secs(token.auth_time).plus(self.policy.session_max)
    }

    async fn decide_and_commit(&self, token: &RefreshClaims, client: &Client) -> Result<Decision, Unavailable> {
        let arrived = Instant::now();
        for _ in 0..MAX_ROUNDS {
            let found = self.sessions.read(token.sub, token.sid).await?;
            // Its client may have gone on since.
            if self.pulse.has_stood_still_since(arrived.into_std()) {
                return Err(Unavailable { store: "this process", cause: "it stood still".to_owned() });
            }
            if arrived.elapsed() > HELD_AT_MOST {
                return Err(unavailable("answered too late"));
            }
            let (record, now) = (found.record.as_ref(), found.now);
            let outcome = decide(record.map(|record| &record.lineage), &token.presented(), now, &self.policy.session);
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
            // A retry that cannot be answered would count against the client all the same.
            if how == How::Retried {
                self.accounts.standing(token.sub, token.sid).await?;
            }
            let session = self.successor(token, next, &found, client);
            match self.sessions.commit(&found, &session, now.plus(DECIDED_AT_MOST)).await? {
                Commit::Done => {
                    let before = found.record.map(Box::new);
                    return Ok(Decision::Give { session: Box::new(session), before, how });
                }
                Commit::Conflict => {}
            }
        }
        Err(unavailable("too many refreshes of one session at once"))
    }

    /// The session after a refresh with `token`, by the store's clock: when its newest token was issued will be compared with that.
    fn successor(&self, token: &RefreshClaims, lineage: Lineage, found: &Found, client: &Client) -> SessionRecord {
        let auth_time = Timestamp::from_secs(token.auth_time);
        SessionRecord {
            sub: token.sub,
            sid: token.sid,
            lineage,
            epoch: token.epoch,
            auth_time,
            transport: token.transport,
            newest: self.newest_token(found.now, auth_time),
            last_used: found.now,
            shown_used: found.record.as_ref().map_or(auth_time, |before| self.shown_use(before, found.now)),
            ip: client.address,
            user_agent: client.user_agent.clone(),
        }
    }

    async fn end_stolen(
        &self,
        token: &RefreshClaims,
        found: &SessionRecord,
        standing: &Standing,
        client: &Client,
    ) -> Result<RefreshError, Unavailable> {
        let (sub, sid) = (token.sub, token.sid);
        let ends_user = self.policy.reuse_ends == ReuseEnds::User;
        // Only the epoch that was read is ended: a new login in between is not the thief's doing.
        let epoch = ends_user.then_some(standing.account.session_epoch);
        let until = self.last_possible_use(Some(token));
        let event = self.incident(token, found).from(client).with("ends", if ends_user { "user" } else { "session" });
        self.accounts.end_stolen(&Theft { sub, sid, until, epoch, event: &event }).await?;
        self.note_recorded(&event);
        if ends_user {
            self.forget(self.sessions.remove_all(sub, None)).await;
        } else {
            self.forget(self.sessions.remove(sub, sid)).await;
        }
        Ok(RefreshError::Reused)
    }

    /// What is known of a theft: the token that came again was issued when its parent was used; when the session last moved
    /// on, another of its family had been used.
    fn incident(&self, token: &RefreshClaims, found: &SessionRecord) -> Event {
        let moved_on = found.lineage.rotated_at.unwrap_or(found.auth_time);
        self.event(Action::RefreshReuse)
            .to(token.sub)
            .about(token.sid)
            .with("parent_used_at", Timestamp::from_secs(token.iat).rfc3339())
            .with("sibling_used_at", moved_on.rfc3339())
            .with("generation", token.generation)
            .with("newest_generation", found.lineage.generation)
            .with("last_refresh", last_refresh(found))
    }
}

/// Who refreshed a session last.
pub(in crate::domain) fn last_refresh(session: &SessionRecord) -> Value {
    json!({ "at": session.last_used.rfc3339(), "ip": session.ip.to_string(), "user_agent": session.user_agent })
}
