//! A user's own sessions: the devices on which the user is logged in.

use super::{Sessions, caller::Caller, record::SessionRecord};
use crate::domain::{
    Client, Unavailable,
    accounts::Account,
    audit::{Action, AuditQuery},
};
use shared::{
    clock::Timestamp,
    ids::{SessionId, UserId},
};
use std::time::Duration;

/// This many events of a session are enough to find its user: the user did them, or they happened to the user.
const SOME_EVENTS: u32 = 10;

/// How coarse and how late the last use of a session is shown. Otherwise, whoever has copied a token could watch for
/// the session's own refresh and come right after it, when the rules cannot distinguish the two.
const STEP: Duration = Duration::from_secs(300);

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The session.
    pub sid: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, coarse and late; for the caller's own session: now.
    pub last_used: Timestamp,
    /// When it ends if it is not used after that.
    pub expires_at: Timestamp,
    /// The client's address; for the caller's own session: this request's.
    pub ip: String,
    /// The client's user agent; for the caller's own session: this request's.
    pub user_agent: String,
    /// Whether it is the caller's own.
    pub is_current: bool,
}

impl Sessions {
    /// The caller's live sessions: the caller's own one first, then the last used first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn devices(&self, caller: &Caller, client: &Client) -> Result<Vec<Device>, Unavailable> {
        self.shown(&caller.account, Some((caller.session, client))).await
    }

    /// The live sessions of a user as an admin sees them, the last used first: no more precisely than their user does.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn devices_of(&self, account: &Account) -> Result<Vec<Device>, Unavailable> {
        self.shown(account, None).await
    }

    async fn shown(
        &self,
        account: &Account,
        current: Option<(SessionId, &Client)>,
    ) -> Result<Vec<Device>, Unavailable> {
        let sessions = self.live.of(account).await?;
        let mut devices: Vec<Device> = sessions.iter().map(|record| self.device(record, current)).collect();
        devices.sort_by_key(|device| std::cmp::Reverse((device.is_current, device.last_used)));
        Ok(devices)
    }

    fn device(&self, record: &SessionRecord, current: Option<(SessionId, &Client)>) -> Device {
        let current = current.filter(|(sid, _)| *sid == record.sid);
        let is_current = current.is_some();
        let (used, ip, user_agent) = match current {
            Some((_, client)) => (coarse(self.live.now(), Duration::from_secs(60)), client.address, &client.user_agent),
            None => (coarse(self.shown_use(record, self.live.now()), STEP), record.ip, &record.user_agent),
        };
        let used = used.max(record.auth_time);
        Device {
            sid: record.sid,
            created_at: record.auth_time,
            last_used: used,
            expires_at: self.policy.expiry(used, record.auth_time),
            ip: ip.to_string(),
            user_agent: user_agent.clone(),
            is_current,
        }
    }

    /// When a session was last used, as far as this may be shown at `now`: its last use once that is long enough ago,
    /// and until then what was shown before. A refresh does not change it at once.
    pub(super) fn shown_use(&self, record: &SessionRecord, now: Timestamp) -> Timestamp {
        let late = STEP.max(self.policy.rules.replay_window);
        if now >= record.last_used.plus(late) { record.last_used } else { record.shown_used }
    }

    /// Ends one of the caller's sessions, whether or not the session store has its record. Durable when it returns.
    /// Nothing is written for a session that never existed or has already ended.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing has ended.
    pub async fn end_own_session(&self, caller: &Caller, sid: SessionId, client: &Client) -> Result<(), Unavailable> {
        let sub = caller.account.id;
        let has_ended = self.live.endings.status(sub, sid).await?.is_none_or(|status| status.ended);
        if !has_ended && self.may_go_on(sub, sid).await? {
            self.live.end(sub, sid).await?;
            let event = self.audit.event(Action::SessionEnd).to(sub).by(sub);
            self.audit.record(event.about(sid).from(client)).await;
        }
        self.live.forget(sub, sid).await;
        Ok(())
    }

    /// Whether the user has, or may have, this session. A session that the session store has lost goes on from its
    /// token. In that case the audit log has its login, unless it deletes events before sessions end.
    async fn may_go_on(&self, sub: UserId, sid: SessionId) -> Result<bool, Unavailable> {
        if self.policy.audit_keep < self.policy.max || self.live.records.read(sub, sid).await?.record.is_some() {
            return Ok(true);
        }
        let about_it = AuditQuery { sid: Some(sid), limit: SOME_EVENTS, ..AuditQuery::default() };
        Ok(self.audit.events(about_it).await?.0.iter().any(|event| [event.sub, event.actor].contains(&Some(sub))))
    }
}

/// Rounds down to whole steps.
fn coarse(moment: Timestamp, step: Duration) -> Timestamp {
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(moment.millis().div_euclid(step).saturating_mul(step))
}
