//! Refresh: a refresh token for new tokens. The order of the steps is what makes the protocol hold: signature and
//! expiry, record, `decide`, compare-and-swap, and only then the one read from SQL.

use super::{
    Auth, Client, ReuseEnds, Unavailable,
    account::Standing,
    refresh_token::RefreshClaims,
    session::{Lineage, Outcome, decide},
    sessions::{Commit, Expected, Snapshot, UnsignedToken},
    tokens::Tokens,
};
use shared::{clock::Timestamp, ids::TokenId};
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
    /// A store did not answer: the session goes on, try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// How old a decision may be when it is committed. A replica that stalls in between would begin a window in the past, and
/// the client's other requests would find it over.
const DECIDED_AT_MOST: Duration = Duration::from_secs(1);

fn unavailable(cause: &str) -> Unavailable {
    Unavailable { store: "session store", cause: cause.to_owned() }
}

/// What the session's rules came to.
enum Decision {
    /// The token to answer with.
    Give(UnsignedToken),
    /// The same, of a session that was taken up from the token alone.
    GiveAdopted(UnsignedToken),
    Reuse,
}

impl Auth {
    /// Exchanges a refresh token, whose signature was checked, for new tokens.
    ///
    /// # Errors
    /// [`RefreshError`].
    pub async fn refresh(&self, token: &RefreshClaims, client: &Client) -> Result<Tokens, RefreshError> {
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
            Decision::Give(newest) => self.give(&standing, &newest),
            Decision::GiveAdopted(newest) => {
                tracing::warn!(sub = %token.sub, sid = %token.sid, "the session store had lost a session's state; taken up from its token");
                self.give(&standing, &newest)
            }
            Decision::Reuse => self.end_stolen(token, &standing, client).await,
        }
    }

    fn give(&self, standing: &Standing, newest: &UnsignedToken) -> Result<Tokens, RefreshError> {
        self.tokens(&standing.account, newest).map_err(|error| RefreshError::Unavailable(error.into()))
    }

    /// A session's life is never longer than today's settings allow, whatever the token says.
    fn is_past_its_time(&self, token: &RefreshClaims) -> bool {
        let now = self.now();
        token.is_expired(now) || now >= Timestamp::from_secs(token.auth_time).plus(self.policy.session_max)
    }

    async fn decide_and_commit(&self, token: &RefreshClaims, client: &Client) -> Result<Decision, Unavailable> {
        let arrived = Instant::now();
        for _ in 0..MAX_ROUNDS {
            let Snapshot { record, now } = self.sessions.read(token.sub, token.sid).await?;
            if arrived.elapsed() > HELD_AT_MOST {
                return Err(unavailable("answered too late"));
            }
            let lineage = record.as_ref().map(|record| &record.lineage);
            let outcome = decide(lineage, &token.presented(), now, &self.policy.session);
            let next = match (outcome, &record) {
                (Outcome::Replay, Some(record)) => return Ok(Decision::Give(record.newest.clone())),
                (Outcome::Rotate(next) | Outcome::Retry(next) | Outcome::Adopt(next), _) => next,
                (Outcome::Reuse, _) | (Outcome::Replay, None) => return Ok(Decision::Reuse),
            };
            let successor = self.successor(token, &next);
            let changed = self.record(next, &successor, now, client);
            let expected = Expected::of(record.as_ref());
            match self.sessions.commit(expected, &changed, now.plus(DECIDED_AT_MOST)).await? {
                Commit::Done if matches!(outcome, Outcome::Adopt(_)) => {
                    return Ok(Decision::GiveAdopted(changed.newest));
                }
                Commit::Done => return Ok(Decision::Give(changed.newest)),
                Commit::Conflict => {}
            }
        }
        Err(unavailable("too many refreshes of one session at once"))
    }

    fn successor(&self, token: &RefreshClaims, next: &Lineage) -> RefreshClaims {
        let now = self.now();
        RefreshClaims {
            generation: next.generation,
            jti: TokenId::fresh(),
            family: next.family,
            iat: now.secs(),
            exp: self.refresh_expiry(now, Timestamp::from_secs(token.auth_time)),
            ..token.clone()
        }
    }

    async fn end_stolen(
        &self,
        token: &RefreshClaims,
        standing: &Standing,
        client: &Client,
    ) -> Result<Tokens, RefreshError> {
        let (sub, sid) = (token.sub, token.sid);
        // By name first: a password change at this moment would spare the very session that was stolen.
        self.accounts.end_session(sub, sid, self.last_possible_use(Some(token))).await?;
        match self.policy.reuse_ends {
            ReuseEnds::Session => self.forget(self.sessions.remove(sub, sid)).await,
            ReuseEnds::User => {
                // Only the epoch that was read is ended: a new login in between is not the thief's doing.
                let seen = standing.account.session_epoch;
                self.accounts.raise_epoch(sub, Some(seen), self.now()).await?;
                self.forget(self.sessions.remove_all(sub, None)).await;
            }
        }
        tracing::warn!(%sub, %sid, address = %client.address, ends = ?self.policy.reuse_ends, "a used refresh token came again: theft");
        Err(RefreshError::Reused)
    }
}
