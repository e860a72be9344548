//! Outcome → status and code: the only place, with [`super::factors`]. Outages are 503 and never look like a refusal.

use crate::domain::{
    Unavailable,
    accounts::{BadCustomClaims, SearchError, create::NewcomerError, roles},
    admin::{authority::Forbidden, create::CreationError, invitations::InvitationError, users::AdminError},
    confirmation::ConfirmError,
    keys::{KeyError, commands::KeyCommandError},
    my_account::{addresses::AddressError, change_password::PasswordError, delete::DeletionError},
    passwords::{WeakPassword, pool::NotComputed},
    proofs::{AskError, CodeError},
    sessions::{caller::CallerError, refresh::RefreshError},
    sign_in::{
        by_mail::LoginCodeError, login::LoginError, password_check::CheckError, recovery::ResetError,
        register::RegisterError,
    },
};
use actix_web::http::StatusCode;
use jeton_verifier::{Flaw, guard::Rejection};
use shared::problem::{Challenge, Problem};
use std::time::Duration;

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        tracing::warn!(store = error.store, cause = error.cause, "a store is unavailable");
        Problem::unavailable("a store does not answer: keep your tokens and try again")
    }
}

impl From<KeyCommandError> for Problem {
    fn from(error: KeyCommandError) -> Self {
        match error {
            KeyCommandError::Key(KeyError::Unavailable(error)) => error.into(),
            error => {
                tracing::error!(%error, "the signing keys could not be replaced");
                Problem::internal()
            }
        }
    }
}

/// Mails are sent.
pub fn mailbox_not_in_use() -> Problem {
    let detail = "mails are sent (AUTH_SMTP_URL is set), and not kept in a mailbox";
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
}

/// Another machine, or a page of elsewhere, asks for the mailbox.
pub fn mailbox_is_local() -> Problem {
    let detail =
        "the mailbox is shown to its own machine only: ask http://127.0.0.1 there, or use `auth-service mail list`";
    Problem::new(StatusCode::FORBIDDEN, "local_only", detail)
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Closed => Problem::new(
                StatusCode::FORBIDDEN,
                "registration_closed",
                "registration is closed here: ask an administrator of this service to create an account for you",
            ),
            RegisterError::OtherDomain => Problem::new(
                StatusCode::FORBIDDEN,
                "registration_closed",
                "only addresses at certain domains may register here: use the address that your organisation gave you",
            ),
            RegisterError::TooMany { retry_after } => too_many_attempts(retry_after),
            RegisterError::Newcomer(error) => error.into(),
        }
    }
}

impl From<NewcomerError> for Problem {
    fn from(error: NewcomerError) -> Self {
        match error {
            NewcomerError::Outdated => user_changed(),
            NewcomerError::EmailTaken => {
                Problem::new(StatusCode::CONFLICT, "email_taken", "this e-mail address is registered already")
            }
            NewcomerError::WeakPassword(weak) => weak.into(),
            NewcomerError::NotComputed(error) => error.into(),
            NewcomerError::Unavailable(error) => error.into(),
        }
    }
}

impl From<WeakPassword> for Problem {
    fn from(error: WeakPassword) -> Self {
        let code = match error {
            WeakPassword::Length { .. } | WeakPassword::Common => "weak_password",
            WeakPassword::Breached => "password_breached",
        };
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string())
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Disabled => account_disabled(),
            LoginError::Unverified => email_unverified(),
            LoginError::SecondFactor(step) => (&*step).into(),
            LoginError::Check(error) => unchecked(error, || {
                Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", "wrong e-mail address or password")
                    .challenge(&Challenge::default())
            }),
        }
    }
}

pub(super) fn account_disabled() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "account_disabled", "this account is disabled")
}

pub(super) fn email_unverified() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "email_unverified",
        "the address of this account is not verified: follow the link in the mail that was sent to it, then log in",
    )
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Check(error) => unchecked(error, || {
                Problem::new(StatusCode::FORBIDDEN, "wrong_password", "the current password is wrong")
            }),
            PasswordError::SessionEnded => CallerError::Ended.into(),
            PasswordError::Weak(weak) => weak.into(),
        }
    }
}

/// A password check that failed. What a wrong password means depends on the call.
fn unchecked(error: CheckError, wrong: impl FnOnce() -> Problem) -> Problem {
    match error {
        CheckError::Wrong => wrong(),
        CheckError::Missing => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "password_required",
            "send the current password along: this account has nothing else to show who you are",
        ),
        CheckError::TooManyAttempts { retry_after } => too_many_attempts(retry_after),
        CheckError::NotComputed(error) => error.into(),
        CheckError::Unavailable(error) => error.into(),
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::TooMany { retry_after } => too_many(
                "too_many_requests",
                "too many mails are asked for from this address: look for the mail that was sent, or try again later",
                retry_after,
            ),
            AskError::Unavailable(error) => error.into(),
        }
    }
}

impl From<CodeError> for Problem {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Wrong { left } => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "code_wrong",
                format!("this is not the code of the mail: {left} more tries"),
            ),
            CodeError::Spent => Problem::new(
                StatusCode::GONE,
                "code_spent",
                "this code was used, or tried too often, or the account was changed since: ask for a new mail",
            ),
            CodeError::Expired => {
                Problem::new(StatusCode::GONE, "code_expired", "this code is not good any more: ask for a new mail")
            }
            CodeError::OtherClient => Problem::new(
                StatusCode::FORBIDDEN,
                "other_client",
                "this code is for the window in which it was asked for: type it there. Whoever did not ask for it does nothing",
            ),
            CodeError::Unavailable(error) => error.into(),
        }
    }
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::TooMany { retry_after } => too_many_attempts(retry_after),
            ConfirmError::Code(error) => error.into(),
            ConfirmError::SecondFactor(step) => (&*step).into(),
            ConfirmError::NoPassword => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "password_required",
                "this code is of an invitation: send the password that the new account is to have along with it",
            ),
            ConfirmError::Weak(error) => error.into(),
            ConfirmError::NotComputed(error) => error.into(),
        }
    }
}

impl From<LoginCodeError> for Problem {
    fn from(error: LoginCodeError) -> Self {
        match error {
            LoginCodeError::Off => {
                Problem::new(StatusCode::FORBIDDEN, "login_code_off", "nobody logs in by code here: use the password")
            }
            LoginCodeError::Ask(error) => error.into(),
        }
    }
}

impl From<AddressError> for Problem {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::Password(error) => error.into(),
            AddressError::Ask(error) => error.into(),
            AddressError::Same => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "same_email",
                "this is the address that the account has already",
            ),
        }
    }
}

impl From<InvitationError> for Problem {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::Closed => Problem::new(
                StatusCode::FORBIDDEN,
                "registration_closed",
                "nobody is invited here (AUTH_REGISTRATION=closed): create the user instead",
            ),
            InvitationError::EmailTaken => NewcomerError::EmailTaken.into(),
            InvitationError::Disabled => Problem::new(
                StatusCode::CONFLICT,
                "account_disabled",
                "this user is disabled, and would get no further with a new password: enable the user first",
            ),
            InvitationError::NoSuchInvitation => {
                Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such invitation, or not any more")
            }
            InvitationError::Admin(error) => error.into(),
            InvitationError::Ask(error) => error.into(),
        }
    }
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::TooMany { retry_after } => too_many_attempts(retry_after),
            ResetError::Code(error) => error.into(),
            ResetError::Weak(error) => error.into(),
            ResetError::NotComputed(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::SessionEnded => session_over("session_ended", "the session has ended: log in again"),
            RefreshError::Reused => session_over(
                "refresh_reused",
                "this refresh token was used before, which looks like a theft: the session was ended, log in again",
            ),
            RefreshError::TooMany { retry_after } => too_many(
                "too_many_requests",
                "this session, or this address, refreshes too often: keep your tokens and try again later",
                retry_after,
            ),
            RefreshError::Unavailable(error) => error.into(),
        }
    }
}

impl From<CallerError> for Problem {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::Ended => Rejection::Refused(Flaw::Claim("sid").into()).into(),
            CallerError::Unavailable(error) => error.into(),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let unprocessable = |code, detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
        match error {
            AdminError::NoSuchUser => Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such user"),
            AdminError::UnknownRole => {
                unprocessable("unknown_role", "an unknown role, or more than 16 roles".to_owned())
            }
            AdminError::Custom(error @ BadCustomClaims::TooLarge) => {
                unprocessable("custom_too_large", error.to_string())
            }
            AdminError::Custom(error @ BadCustomClaims::TooDeep) => unprocessable("custom_too_deep", error.to_string()),
            AdminError::Forbidden(error) => error.into(),
            AdminError::LastAdmin => Problem::new(
                StatusCode::CONFLICT,
                "last_admin",
                "this is the last enabled user who may make others an admin: make somebody else an admin first",
            ),
            AdminError::Outdated => user_changed(),
            AdminError::Unavailable(error) => error.into(),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Self {
        match error {
            Forbidden::NotPermitted => Rejection::without_scope(roles::USERS_WRITE).into(),
            Forbidden::Outranked => Problem::new(
                StatusCode::FORBIDDEN,
                "outranked",
                "this user has rights that you do not have: only somebody with at least the same rights can change or delete the user",
            ),
            Forbidden::RoleBeyondOwn => Problem::new(
                StatusCode::FORBIDDEN,
                "role_beyond_own",
                "one of the roles grants rights that you do not have: only somebody who has them can give it",
            ),
        }
    }
}

impl From<CreationError> for Problem {
    fn from(error: CreationError) -> Self {
        match error {
            CreationError::Admin(error) => error.into(),
            CreationError::Newcomer(error) => error.into(),
        }
    }
}

impl From<DeletionError> for Problem {
    fn from(error: DeletionError) -> Self {
        match error {
            DeletionError::Password(error) => error.into(),
            DeletionError::Admin(error) => error.into(),
        }
    }
}

fn user_changed() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "user_changed",
        "this user, or your own account, was changed at the same moment, and nothing was done: reload, then repeat",
    )
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::TooSlow => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "search_too_broad", SearchError::TooSlow.to_string())
            }
            SearchError::Unavailable(error) => error.into(),
        }
    }
}

/// 401 `invalid_refresh_token`: missing, or not a genuine one.
pub fn invalid_refresh_token() -> Problem {
    session_over(
        "invalid_refresh_token",
        "missing or unrecognised refresh token, or one issued for the other transport: log in again",
    )
}

/// 403 `csrf_rejected`, with what is wrong.
pub fn csrf_rejected(detail: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "csrf_rejected", detail)
}

/// 403 `cross_site_cookie`.
pub fn cross_site_cookie() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross_site_cookie",
        "this page is on another site than auth-service, and browsers drop the cookie between sites: \
         serve both under one site (the same scheme and domain), or log in with \"transport\": \"body\"",
    )
}

/// 400 `ambiguous_credentials`.
pub fn ambiguous_credentials() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "ambiguous_credentials",
        "more than one refresh token was sent: send exactly one, in the cookie or in the body",
    )
}

fn session_over(code: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail).challenge(&Challenge::default())
}

pub(super) fn too_many_attempts(retry_after: Duration) -> Problem {
    too_many("too_many_attempts", "too many attempts: try again later", retry_after)
}

pub(super) fn too_many(code: &'static str, detail: &'static str, retry_after: Duration) -> Problem {
    let seconds = retry_after.as_millis().div_ceil(1000).max(1);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail).retry_after(u64::try_from(seconds).unwrap_or(u64::MAX))
}

impl From<NotComputed> for Problem {
    fn from(error: NotComputed) -> Self {
        match error {
            NotComputed::Overloaded => Problem::unavailable("too many passwords are being checked at once: try again"),
            NotComputed::Failed => Problem::internal(),
        }
    }
}
