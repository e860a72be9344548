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

/// Whoever loses the compare-and-swap decides again; each round somebody wins, so that so many rounds mean a crowd.
const MAX_ROUNDS: u32 = 64;

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

/// What the session's rules came to.
enum Decision {
    Give(UnsignedToken),
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
            Decision::Give(newest) => {
                self.tokens(&standing.account, &newest).map_err(|error| RefreshError::Unavailable(error.into()))
            }
            Decision::Reuse => self.end_stolen(token, &standing, client).await,
        }
    }

    /// A session's life is never longer than today's settings allow, whatever the token says.
    fn is_past_its_time(&self, token: &RefreshClaims) -> bool {
        let now = self.now();
        token.is_expired(now) || now >= Timestamp::from_secs(token.auth_time).plus(self.policy.session_max)
    }

    async fn decide_and_commit(&self, token: &RefreshClaims, client: &Client) -> Result<Decision, Unavailable> {
        for _ in 0..MAX_ROUNDS {
            let Snapshot { record, now } = self.sessions.read(token.sub, token.sid).await?;
            let lineage = record.as_ref().map(|record| &record.lineage);
            let next = match (decide(lineage, &token.presented(), now, &self.policy.session), &record) {
                (Outcome::Replay, Some(record)) => return Ok(Decision::Give(record.newest.clone())),
                (Outcome::Rotate(next) | Outcome::Retry(next), _) => next,
                (Outcome::Adopt(next), _) => {
                    tracing::warn!(sub = %token.sub, sid = %token.sid, "the session store has lost a session's state; taken up from its token");
                    next
                }
                (Outcome::Reuse, _) | (Outcome::Replay, None) => return Ok(Decision::Reuse),
            };
            let successor = self.successor(token, &next);
            let changed = self.record(next, &successor, now, client);
            match self.sessions.commit(Expected::of(record.as_ref()), &changed).await? {
                Commit::Done => return Ok(Decision::Give(changed.newest)),
                Commit::Conflict => {}
            }
        }
        Err(Unavailable { store: "session store", cause: "too many refreshes of one session at once".to_owned() })
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
        match self.policy.reuse_ends {
            ReuseEnds::Session => {
                self.accounts.end_session(sub, sid, self.last_possible_use(Some(token))).await?;
                self.forget(self.sessions.remove(sub, sid)).await;
            }
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
