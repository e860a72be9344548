//! Login: a password for a new session.

use crate::domain::{
    Auth, Client, Unavailable,
    accounts::{Account, Credentials, EmailAddress, FindError, Unreadable},
    audit::Action,
    passwords::{Password, pool::NotComputed, stored_hash::Unusable},
    sessions::{
        record::{NewestToken, SessionRecord},
        refresh_token::{NotOurs, Transport},
        rules::Lineage,
        store::Commit,
        tokens::Tokens,
    },
    throttling::{
        Attempt, Target, Throttled,
        limits::{Exceeded, Limit},
    },
};
use crate::metrics::{LOGINS, UNUSABLE_HASHES};
use shared::{
    clock::Timestamp,
    ids::{SessionId, TokenId, UserId},
};
use std::time::Duration;

/// How often a login begins a session while others end all sessions of the user.
const MAX_ROUNDS: u32 = 4;

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No user has this address, or the password is another one: told alike.
    #[error("wrong e-mail address or password")]
    InvalidCredentials,
    /// The password is right, and the account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// Too many failures, or too many attempts at all.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password was not hashed.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Exceeded> for LoginError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooManyAttempts { retry_after }
    }
}

impl From<FindError> for LoginError {
    fn from(error: FindError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Our own draft was not accepted by ourselves.
impl From<NotOurs> for Unavailable {
    fn from(error: NotOurs) -> Self {
        Self { store: "session store", cause: error.to_string() }
    }
}

impl Auth {
    /// Logs in, and ends the session whose cookie came along.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn login(
        &self,
        email: Option<EmailAddress>,
        password: &Password,
        transport: Transport,
        client: &Client,
    ) -> Result<Tokens, LoginError> {
        let outcome = self.logged_in(email, password, transport, client).await;
        LOGINS.add(match &outcome {
            Ok(_) => "success",
            Err(LoginError::InvalidCredentials) => "invalid",
            Err(LoginError::Disabled) => "disabled",
            Err(LoginError::TooManyAttempts { .. }) => "throttled",
            Err(LoginError::NotComputed(NotComputed::Overloaded)) => "overloaded",
            Err(LoginError::NotComputed(NotComputed::Failed)) => "failed",
            Err(LoginError::Unavailable(_)) => "unavailable",
        });
        outcome
    }

    async fn logged_in(
        &self,
        email: Option<EmailAddress>,
        password: &Password,
        transport: Transport,
        client: &Client,
    ) -> Result<Tokens, LoginError> {
        // A device that has logged in before is known once the account is: its neighbours do not keep it out.
        if client.token.is_none() || email.is_none() {
            self.take_of_address(Limit::Logins, client)?;
            self.hasher.admit(&client.lane(email.as_ref(), None))?;
        }
        // What is no address has no account, and is told alike, at the same cost.
        let Some(email) = email else {
            let attempt = Attempt { target: None, origin: client.origin(None) };
            let throttled = |error| self.throttled(error, None, client);
            self.throttle.admit(&attempt).await.map_err(throttled)?;
            self.hasher.verify_nobody(client.lane(None, None), password).await?;
            self.throttle.failed(&attempt).await.map_err(throttled)?;
            self.note_in_log(&self.event(Action::Login).failed().from(client).with("reason", "no_address"));
            return Err(LoginError::InvalidCredentials);
        };
        let (found, unreadable) = match self.accounts.by_email(&email).await {
            Ok(found) => (found, None),
            Err(FindError::Unreadable(unreadable)) => (None, Some(unreadable)),
            Err(FindError::Unavailable(error)) => return Err(error.into()),
        };
        let sub = found.as_ref().map(|found| found.account.id).or_else(|| unreadable?.id);
        if client.token.is_some() && !client.knows(sub) {
            self.take_of_address(Limit::Logins, client)?;
        }
        // Whether or not there is such a user: nobody may tell by what is refused.
        self.has_room_for(sub.unwrap_or_else(UserId::fresh)).await?;
        let checked = self.check_password(&email, found, password, client).await;
        if let Err(LoginError::InvalidCredentials) = &checked {
            if let Some(Unreadable { id: Some(id), column }) = unreadable {
                report_unusable_hash(id, Unusable::Row { column });
            }
            let event = self.event(Action::Login).failed().from(client);
            match sub {
                Some(sub) => self.note_aside(event.to(sub)),
                None => self.note_in_log(&event.with("reason", "unknown_address")),
            }
        }
        let checked = checked?;
        if checked.account.disabled {
            let event = self.event(Action::Login).failed().to(checked.account.id).from(client);
            self.note(event.with("reason", "account_disabled")).await;
            return Err(LoginError::Disabled);
        }
        if let Some(previous) = &client.token {
            self.end_session_of(previous, client).await?;
        }
        self.begin_session(checked, transport, client).await
    }

    /// Checks a password, under throttling; for an unknown address at the same cost. A hash of other parameters than
    /// today's is replaced.
    pub(in crate::domain) async fn check_password(
        &self,
        email: &EmailAddress,
        found: Option<Credentials>,
        password: &Password,
        client: &Client,
    ) -> Result<Credentials, LoginError> {
        let sub = found.as_ref().map(|found| found.account.id);
        let target = Target { email, unlocks: found.as_ref().map_or(0, |found| found.unlocks) };
        let attempt = Attempt { target: Some(target), origin: client.origin(sub) };
        let throttled = |error| self.throttled(error, sub, client);
        let of_account = |found: &Credentials| format!("{} {}", found.account.id, found.unlocks);
        self.throttle.admit(&attempt).await.map_err(throttled)?;
        let lane = client.lane(Some(email), sub);
        let verdict = match &found {
            Some(found) => {
                self.look_at_user(Limit::LoginsPerAccount, &of_account(found), found.account.id, client)?;
                self.hasher.verify(lane.clone(), password, &found.hash).await?
            }
            None => self.hasher.verify_nobody(lane.clone(), password).await?,
        };
        if let (Some(found), Some(flaw)) = (&found, verdict.flaw) {
            report_unusable_hash(found.account.id, flaw);
        }
        let Some(mut found) = found.filter(|_| verdict.matches) else {
            self.throttle.failed(&attempt).await.map_err(throttled)?;
            return Err(LoginError::InvalidCredentials);
        };
        self.throttle.succeeded(&attempt).await.map_err(throttled)?;
        self.take_of_user(Limit::LoginsPerAccount, &of_account(&found), found.account.id, client)?;
        if verdict.is_outdated {
            let upgraded = self.hasher.hash(lane, password).await?;
            if self.accounts.rehash(found.account.id, &found.hash, &upgraded).await? {
                found.hash = upgraded;
            } else if let Some(current) = self.accounts.by_id(found.account.id).await?
                && current.account.session_epoch == found.account.session_epoch
            {
                // Another attempt with the same password was faster: a new password raises the epoch.
                found.hash = current.hash;
            }
        }
        Ok(found)
    }

    /// Whether the session store has room for what a login writes.
    ///
    /// # Errors
    /// [`Unavailable`]: it has none, or does not answer.
    pub(in crate::domain) async fn has_room_for(&self, sub: UserId) -> Result<(), Unavailable> {
        if self.sessions.has_room(sub).await? {
            return Ok(());
        }
        Err(unavailable("it is nearly full, and what is left is for the sessions that it has"))
    }

    fn throttled(&self, error: Throttled, sub: Option<UserId>, client: &Client) -> LoginError {
        match error {
            Throttled::TooMany { limit, key, retry_after } => {
                self.refuse(limit, &key.0, sub, client);
                LoginError::TooManyAttempts { retry_after }
            }
            Throttled::Unavailable(error) => LoginError::Unavailable(error),
        }
    }

    /// Begins a session of the user whose password was checked, if what was checked still stands: as at a refresh, SQL is
    /// read after the session was written, so that whatever ends it is either seen here or finds it.
    async fn begin_session(
        &self,
        checked: Credentials,
        transport: Transport,
        client: &Client,
    ) -> Result<Tokens, LoginError> {
        let Credentials { mut account, hash, .. } = checked;
        for _ in 0..MAX_ROUNDS {
            let session = self.write_session(&account, transport, client).await?;
            let standing = self.accounts.standing(account.id, session.sid).await?;
            if let Some(standing) = standing.filter(|standing| standing.is_alive(session.sid, session.epoch)) {
                let event = self.event(Action::Login).to(account.id).by(account.id);
                self.note(event.about(session.sid).from(client)).await;
                self.end_surplus_sessions(&standing.account, &session).await?;
                return self.tokens(&standing.account, &session).map_err(|error| LoginError::Unavailable(error.into()));
            }
            self.forget(self.sessions.remove(account.id, session.sid)).await;
            // All sessions were ended meanwhile, perhaps because the password was changed.
            match self.accounts.by_id(account.id).await? {
                Some(found) if found.account.disabled => return Err(LoginError::Disabled),
                Some(found) if found.hash == hash => account = found.account,
                _ => return Err(LoginError::InvalidCredentials),
            }
        }
        Err(LoginError::Unavailable(unavailable("the user's sessions are being ended again and again")))
    }

    async fn write_session(
        &self,
        account: &Account,
        transport: Transport,
        client: &Client,
    ) -> Result<SessionRecord, Unavailable> {
        let now = self.now();
        let sid = SessionId::fresh();
        let session = SessionRecord {
            sub: account.id,
            sid,
            // The first family has no parent: it is named after the session.
            lineage: Lineage::begin(TokenId::from(sid)),
            epoch: account.session_epoch,
            auth_time: Timestamp::from_secs(now.secs()),
            transport,
            newest: self.newest_token(now, now),
            last_used: now,
            shown_used: now,
            ip: client.address,
            user_agent: client.user_agent.clone(),
        };
        match self.sessions.begin(&session).await? {
            Commit::Done => Ok(session),
            Commit::Conflict => Err(unavailable("a session id twice")),
        }
    }

    /// Ends the least recently used sessions beyond the limit; durably, and never the newest.
    async fn end_surplus_sessions(&self, account: &Account, newest: &SessionRecord) -> Result<(), Unavailable> {
        let mut others = self.sessions.of_user(newest.sub).await?;
        others.retain(|record| record.sid != newest.sid);
        if others.len() < self.policy.max_sessions {
            return Ok(());
        }
        // What a logout could not remove from the session store takes nobody's place.
        let mut others = self.going_on(account, others).await?;
        others.sort_by_key(|record| record.last_used);
        let surplus = (others.len() + 1).saturating_sub(self.policy.max_sessions);
        for record in &others[..surplus] {
            let until = self.last_possible_use(None).max(record.expires_at());
            self.accounts.end_session(record.sub, record.sid, until).await?;
            self.forget(self.sessions.remove(record.sub, record.sid)).await;
            let event = self.event(Action::SessionEvict).to(record.sub).about(record.sid);
            self.note(event.with("last_used_at", record.last_used.rfc3339())).await;
        }
        Ok(())
    }

    /// A new token of a session, made at `now`.
    pub(in crate::domain) fn newest_token(&self, now: Timestamp, auth_time: Timestamp) -> NewestToken {
        NewestToken {
            id: TokenId::fresh(),
            key_id: self.refresh_tokens.key_id().to_owned(),
            issued_at: now.secs(),
            expires_at: self.refresh_expiry(now, auth_time).secs(),
        }
    }

    /// The earlier of the idle limit and the end of the session's life.
    pub(in crate::domain) fn refresh_expiry(&self, used: Timestamp, auth_time: Timestamp) -> Timestamp {
        used.plus(self.policy.session_idle).min(auth_time.plus(self.policy.session_max))
    }
}

fn unavailable(cause: &str) -> Unavailable {
    Unavailable { store: "session store", cause: cause.to_owned() }
}

/// Whoever logs in is answered as with a wrong password, and does not learn more; the operator does.
fn report_unusable_hash(user: UserId, flaw: Unusable) {
    UNUSABLE_HASHES.add(flaw.name());
    tracing::warn!(%user, reason = %flaw, "this user cannot log in: the stored password hash cannot be used (docs/operate.md)");
}
