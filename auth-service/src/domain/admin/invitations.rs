//! Admins invite users, and send users to a new password.

use super::{
    authority::{may_change, may_invite},
    users::{AdminError, By, checked_roles, event_by},
};
use crate::domain::{
    Client,
    accounts::{Accounts, EmailAddress, Epoch, roles::Roles},
    audit::{Action, Audit},
    mail::MailKind,
    paging::page,
    proofs::{AskError, Proof, Proofs, Purpose},
    sessions::caller::Caller,
};
use serde::{Deserialize, Serialize};
use shared::{
    clock::Timestamp,
    ids::{ProofId, UserId},
};
use std::{sync::Arc, time::Duration};

/// How long a code that an admin asked for is good: a user may not be there to read it at once, and NIST SP 800-63B-4
/// (4.2.1.2) allows no more.
const LIFE_OF_RESET: Duration = Duration::from_secs(24 * 3600);

/// What an invitation gives.
#[derive(Serialize, Deserialize)]
pub(in crate::domain) struct Invited {
    pub(in crate::domain) roles: Vec<String>,
    pub(in crate::domain) by: UserId,
}

/// An invitation that was not accepted yet.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Its id.
    pub id: ProofId,
    /// Who is invited.
    pub email: EmailAddress,
    /// The roles that the user will have; none if they were sealed with another secret.
    pub roles: Vec<String>,
    /// Who has invited, if that can be read.
    pub by: Option<UserId>,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// Why nobody was invited, or no mail was sent.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// Nobody but admins and operators creates users.
    #[error("registration is closed")]
    Closed,
    /// Another user has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// A disabled user sets no password.
    #[error("the user is disabled")]
    Disabled,
    /// There is no such invitation.
    #[error("there is no such invitation")]
    NoSuchInvitation,
    /// The admin may not do that.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// No mail may be sent now.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl From<crate::domain::Unavailable> for InvitationError {
    fn from(error: crate::domain::Unavailable) -> Self {
        Self::Ask(error.into())
    }
}

/// Invites users, and sends them to a new password.
pub struct Invitations {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// The proofs.
    pub proofs: Arc<Proofs>,
    /// What roles grant.
    pub roles: Arc<Roles>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// The role of a user who is invited without one.
    pub default_role: String,
    /// Whether users are invited at all.
    pub are_allowed: bool,
}

impl Invitations {
    /// Invites an address: whoever reads its mails may create an account with these roles. An earlier invitation of the
    /// address ends.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub async fn invite(
        &self,
        caller: &Caller,
        client: &Client,
        email: EmailAddress,
        roles: Option<Vec<String>>,
    ) -> Result<Invitation, InvitationError> {
        if !self.are_allowed {
            return Err(InvitationError::Closed);
        }
        let roles = roles.unwrap_or_else(|| vec![self.default_role.clone()]);
        let roles = checked_roles(&self.roles, roles)?;
        may_invite(&self.roles, &caller.account, &roles).map_err(AdminError::from)?;
        if self.accounts.is_taken(&email).await? {
            return Err(InvitationError::EmailTaken);
        }
        self.proofs.admit(MailKind::Invitation, &email).await?;
        let invited = Invited { roles, by: caller.account.id };
        let proof = self.proofs.sealed(self.proofs.about(Purpose::Invite, None, email, Epoch::FIRST), &invited);
        let mail = self.proofs.letter(&proof, MailKind::Invitation, None);
        let event = self.event(Action::UserInvite, caller, client, proof.id).with("roles", invited.roles.clone());
        self.proofs.store().invite(&proof, &mail, &event).await?;
        self.audit.log(&event);
        Ok(self.shown(proof))
    }

    /// A page of the invitations that were not accepted yet, and the id after which the next page begins, if there is one.
    ///
    /// # Errors
    /// [`InvitationError::Ask`].
    pub async fn page(
        &self,
        after: Option<ProofId>,
        limit: u32,
    ) -> Result<(Vec<Invitation>, Option<ProofId>), InvitationError> {
        let found = self.proofs.store().invitations(after, limit + 1, self.proofs.now()).await?;
        let all = found.into_iter().map(|proof| self.shown(proof)).collect();
        Ok(page(all, limit, |invitation: &Invitation| invitation.id))
    }

    /// Revokes an invitation.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub async fn revoke(&self, caller: &Caller, client: &Client, id: ProofId) -> Result<(), InvitationError> {
        let found = self.proofs.store().unspent(id, self.proofs.now()).await?;
        let found = found.filter(|proof| proof.purpose == Purpose::Invite).ok_or(InvitationError::NoSuchInvitation)?;
        let invitation = self.shown(found);
        may_invite(&self.roles, &caller.account, &invitation.roles).map_err(AdminError::from)?;
        let event = self.event(Action::InvitationRevoke, caller, client, id);
        if !self.proofs.store().revoke_invitation(id, &event).await? {
            return Err(InvitationError::NoSuchInvitation);
        }
        self.audit.log(&event);
        Ok(())
    }

    /// Sends a user a mail with which they set a new password. The admin sees neither it nor the code.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub async fn start_reset(&self, caller: &Caller, client: &Client, id: UserId) -> Result<(), InvitationError> {
        let user = self.accounts.by_id(id).await.map_err(AdminError::from)?.ok_or(AdminError::NoSuchUser)?.account;
        may_change(&self.roles, &caller.account, &user).map_err(AdminError::from)?;
        if user.disabled {
            return Err(InvitationError::Disabled);
        }
        let kind = MailKind::PasswordResetByAdmin;
        self.proofs.admit(kind, &user.email).await?;
        let proof = self.proofs.about(Purpose::Reset, Some(id), user.email, user.session_epoch);
        let proof = Proof { expires_at: self.proofs.now().plus(LIFE_OF_RESET), ..proof };
        let mail = self.proofs.letter(&proof, kind, user.language);
        self.proofs.store().ask(&proof, &mail, true, self.proofs.now()).await?;
        self.audit.record(event_by(&self.audit, &By::Admin { caller, client }, Action::UserReset, id)).await;
        Ok(())
    }

    fn event(&self, action: Action, caller: &Caller, client: &Client, id: ProofId) -> crate::domain::audit::Event {
        let event = self.audit.event(action).by(caller.account.id).about(caller.session).from(client);
        event.with("invitation", id.to_string())
    }

    fn shown(&self, proof: Proof) -> Invitation {
        let invited: Option<Invited> = self.proofs.payload(&proof);
        let (roles, by) = invited.map_or((Vec::new(), None), |invited| (invited.roles, Some(invited.by)));
        Invitation { id: proof.id, email: proof.address, roles, by, expires_at: proof.expires_at }
    }
}
