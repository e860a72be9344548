//! Admins remove the factors of users who have lost them. A call to the help desk is the usual way to steal an account with a
//! second factor: so the user is notified at once, and there may be a delay in which the user stops it.

use super::users::{AdminError, By, Users, event_by};
use crate::domain::{
    Client, Unavailable,
    accounts::Account,
    audit::{Action, Audit},
    factors::{Enrolled, Factors},
    mail::{Notices, SealedMail},
    sessions::live::LiveSessions,
};
use async_trait::async_trait;
use shared::{
    clock::{Clock, Timestamp},
    ids::UserId,
};
use std::{sync::Arc, time::Duration};

/// How often a removal is tried again because the user was changed meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// Keeps removals that are to come. Whatever it reports as done is durable.
#[async_trait]
pub trait PlannedResets: Send + Sync {
    /// Plans a removal, or keeps the earlier of two, and adds its mails to the outbox.
    async fn plan(&self, sub: UserId, due_at: Timestamp, mails: &[SealedMail]) -> Result<(), Unavailable>;

    /// When the factors of a user are to be removed, if they are.
    async fn planned(&self, sub: UserId) -> Result<Option<Timestamp>, Unavailable>;

    /// Users whose factors are to be removed by now.
    async fn due(&self, now: Timestamp, at_most: u32) -> Result<Vec<UserId>, Unavailable>;

    /// Gives a plan up; `false`: there was none.
    async fn give_up(&self, sub: UserId) -> Result<bool, Unavailable>;
}

/// Removes factors for admins.
pub struct FactorResets {
    /// The users.
    pub users: Arc<Users>,
    /// Their factors.
    pub factors: Arc<Factors>,
    /// Their sessions.
    pub live: Arc<LiveSessions>,
    /// What is to come.
    pub plans: Arc<dyn PlannedResets>,
    /// Writes notices.
    pub notices: Arc<Notices>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long the user has to stop it.
    pub delay: Duration,
}

impl FactorResets {
    /// Removes the factors of a user, passkeys too, and ends all sessions; or plans it, and notifies the user. Returns when it
    /// takes effect.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn remove(&self, by: &By<'_>, id: UserId) -> Result<Timestamp, AdminError> {
        let account = self.users.reach(by, id).await?;
        let now = self.clock.now();
        if !self.delay.is_zero() {
            let due = now.plus(self.delay);
            let mails = self.notices.factors_reset_planned(&account.readers(), due);
            self.plans.plan(id, due, &mails).await?;
            let event = event_by(&self.audit, by, Action::FactorsResetPlan, id);
            self.audit.record(event.with("due_at", due.rfc3339())).await;
            return Ok(self.plans.planned(id).await?.unwrap_or(due));
        }
        self.carry_out(account, by.admin()).await?;
        Ok(now)
    }

    /// What a user has, and when it is to be removed, if it is.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn of(&self, sub: UserId) -> Result<(Enrolled, Option<Timestamp>), Unavailable> {
        Ok((self.factors.enrolled(sub).await?, self.plans.planned(sub).await?))
    }

    /// A user keeps the factors that an admin wanted removed; `false`: nobody wants that.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn stop(&self, account: &Account, client: &Client) -> Result<bool, Unavailable> {
        let is_stopped = self.plans.give_up(account.id).await?;
        if is_stopped {
            let event = self.audit.event(Action::FactorsResetStop).to(account.id).by(account.id);
            self.audit.record(event.from(client)).await;
        }
        Ok(is_stopped)
    }

    /// Carries out a bounded number of removals that are due; returns how many.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn carry_out_due(&self, at_most: u32) -> Result<u64, Unavailable> {
        let due = self.plans.due(self.clock.now(), at_most).await?;
        for sub in &due {
            match self.users.by_id(*sub).await {
                Ok(account) => match self.carry_out(account, None).await {
                    Ok(()) | Err(AdminError::NoSuchUser) => {}
                    Err(AdminError::Unavailable(error)) => return Err(error),
                    Err(error) => {
                        tracing::warn!(%error, %sub, "failed to remove the factors of a user; will retry");
                        continue;
                    }
                },
                Err(AdminError::Unavailable(error)) => return Err(error),
                Err(_) => {}
            }
            self.plans.give_up(*sub).await?;
        }
        Ok(due.len() as u64)
    }

    /// Sessions end first: whoever holds one could add a factor again.
    async fn carry_out(&self, account: Account, by: Option<UserId>) -> Result<(), AdminError> {
        let id = account.id;
        for _ in 0..MAX_ATTEMPTS {
            if !self.live.end_all_of(id).await? {
                return Err(AdminError::NoSuchUser);
            }
            let account = self.users.by_id(id).await?;
            let enrolled = self.factors.enrolled(id).await?;
            let has_any = enrolled.has_second_factor() || enrolled.recovery_codes_left > 0;
            if !has_any || self.factors.reset(&account, by).await? {
                self.live.forget_all(id, None).await;
                return Ok(());
            }
        }
        Err(AdminError::Outdated)
    }
}
