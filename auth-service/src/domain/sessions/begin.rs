//! Begins a session after a password check.

use super::{
    Sessions,
    live::unavailable,
    methods::{Level, Method, Methods},
    record::SessionRecord,
    refresh_token::Transport,
    rules::Lineage,
    store::Commit,
    tokens::Tokens,
};
use crate::domain::{
    Client, Unavailable,
    accounts::{Account, Credentials, FindError},
    audit::Action,
};
use shared::{
    clock::Timestamp,
    ids::{SessionId, TokenId},
};

/// How often a session is begun while other requests end all sessions of the user.
const MAX_ROUNDS: u32 = 4;

/// Why a session was not begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The account was disabled meanwhile.
    #[error("the account is disabled")]
    Disabled,
    /// What was checked no longer holds: the password was changed, or the account deleted.
    #[error("the password was changed or the account deleted meanwhile")]
    Outdated,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<FindError> for BeginError {
    fn from(error: FindError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Sessions {
    /// Begins a session of the user whose credentials were checked by what was `shown`, if they still hold. As at a refresh, SQL is read
    /// after the record was written, so that an ending is either seen here or finds the record.
    ///
    /// # Errors
    /// [`BeginError`].
    pub async fn begin(
        &self,
        checked: Credentials,
        shown: Methods,
        transport: Transport,
        client: &Client,
    ) -> Result<Tokens, BeginError> {
        let Credentials { mut account, hash, .. } = checked;
        for _ in 0..MAX_ROUNDS {
            let session = self.write_first_record(&account, shown, transport, client).await?;
            let status = self.live.endings.status(account.id, session.sid).await?;
            if let Some(status) = status.filter(|status| status.is_alive(session.sid, session.epoch)) {
                let event = self.audit.event(Action::Login).to(account.id).by(account.id);
                let event = event.about(session.sid).from(client);
                let is_by_password = shown == Method::Password.into();
                self.audit.record(if is_by_password { event } else { event.with("by", shown.to_string()) }).await;
                self.end_surplus(&status.account, &session).await?;
                return Ok(self.issuer.tokens(&status.account, &session)?);
            }
            self.live.forget(account.id, session.sid).await;
            // All sessions of the user were ended meanwhile, perhaps because the password was changed, or because what was
            // shown beside it was removed.
            if shown.level() > Level::One {
                return Err(BeginError::Outdated);
            }
            match self.accounts.by_id(account.id).await? {
                Some(found) if found.account.disabled => return Err(BeginError::Disabled),
                Some(found) if found.hash == hash => account = found.account,
                _ => return Err(BeginError::Outdated),
            }
        }
        Err(unavailable("the user's sessions keep being ended").into())
    }

    async fn write_first_record(
        &self,
        account: &Account,
        shown: Methods,
        transport: Transport,
        client: &Client,
    ) -> Result<SessionRecord, Unavailable> {
        let now = self.live.now();
        let sid = SessionId::fresh();
        let session = SessionRecord {
            sub: account.id,
            sid,
            // The first family has no parent, so it is named after the session.
            lineage: Lineage::begin(TokenId::from(sid)),
            epoch: account.session_epoch,
            auth_time: Timestamp::from_secs(now.secs()),
            methods: shown,
            transport,
            newest: self.issuer.newest_token(now, self.policy.expiry(now, now)),
            last_used: now,
            shown_used: now,
            ip: client.address,
            user_agent: client.user_agent.clone(),
        };
        match self.live.records.begin(&session).await? {
            Commit::Done => Ok(session),
            Commit::Conflict => Err(unavailable("it already has a session with this fresh id")),
        }
    }

    /// Ends the least recently used sessions beyond the limit, durably; never the newest.
    async fn end_surplus(&self, account: &Account, newest: &SessionRecord) -> Result<(), Unavailable> {
        let mut others = self.live.records.of_user(newest.sub).await?;
        others.retain(|record| record.sid != newest.sid);
        if others.len() < self.policy.max_sessions {
            return Ok(());
        }
        // Ended sessions that could not be removed from the session store do not count.
        let mut others = self.live.among(account, others).await?;
        others.sort_by_key(|record| record.last_used);
        let surplus = (others.len() + 1).saturating_sub(self.policy.max_sessions);
        for record in &others[..surplus] {
            let until = self.live.last_possible_use(None).max(record.expires_at());
            self.live.endings.end_session(record.sub, record.sid, until).await?;
            self.live.forget(record.sub, record.sid).await;
            let event = self.audit.event(Action::SessionEvict).to(record.sub).about(record.sid);
            self.audit.record(event.with("last_used_at", record.last_used.rfc3339())).await;
        }
        Ok(())
    }
}
