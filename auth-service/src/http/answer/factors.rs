//! As [`super::error`], for passkeys, second factors, and proof of who the caller is.

use super::error::{account_disabled, email_unverified, too_many, too_many_attempts};
use crate::domain::{
    factors::{ChangeError, FactorError},
    my_account::{reauthenticate::ReauthenticationError, remove_password::PasswordRemovalError},
    passkeys::{MAX_PASSKEYS, NoPasskeys, RemovalError, add::AddError, authenticate::PasskeyError},
    sessions::caller::CallerError,
    sign_in::{
        passkey::PasskeyLoginError,
        second_factor::{SecondStep, SecondStepError},
    },
};
use actix_web::http::StatusCode;
use shared::problem::{Challenge, Problem};

impl From<NoPasskeys> for Problem {
    fn from(error: NoPasskeys) -> Self {
        Self::new(StatusCode::FORBIDDEN, "passkeys_unavailable", error.to_string())
    }
}

impl From<AddError> for Problem {
    fn from(error: AddError) -> Self {
        match error {
            AddError::NoPasskeys(error) => error.into(),
            AddError::TooMany => {
                let detail = format!("a user has at most {MAX_PASSKEYS} passkeys: remove one first");
                Problem::new(StatusCode::CONFLICT, "too_many_passkeys", detail)
            }
            AddError::Expired => challenge_expired(),
            AddError::Invalid => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "passkey_invalid",
                "this passkey does not verify, or was added already: try another one",
            ),
            AddError::SessionEnded => CallerError::Ended.into(),
            AddError::Unavailable(error) => error.into(),
        }
    }
}

impl From<RemovalError> for Problem {
    fn from(error: RemovalError) -> Self {
        match error {
            RemovalError::NoSuch => {
                Problem::new(StatusCode::NOT_FOUND, "not_found", "you have no such passkey, or not any more")
            }
            RemovalError::LastWayIn => Problem::new(
                StatusCode::CONFLICT,
                "last_way_in",
                "this passkey is the only way into the account: set a password or add another passkey first",
            ),
            RemovalError::SessionEnded => CallerError::Ended.into(),
            RemovalError::Unavailable(error) => error.into(),
        }
    }
}

impl From<PasskeyError> for Problem {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::NoPasskeys(error) => error.into(),
            PasskeyError::Expired => challenge_expired(),
            PasskeyError::Unknown { rp_id, credential } => {
                let detail = "nobody has this passkey here, or not any more: log in in another way";
                Problem::new(StatusCode::UNAUTHORIZED, "passkey_unknown", detail)
                    .challenge(&Challenge::default())
                    .with_member("rp_id", rp_id)
                    .with_member("credential_id", credential.encoded())
            }
            PasskeyError::Refused { .. } => {
                let detail = "this passkey was not accepted: try again, or log in in another way";
                Problem::new(StatusCode::UNAUTHORIZED, "passkey_invalid", detail).challenge(&Challenge::default())
            }
            PasskeyError::Unavailable(error) => error.into(),
        }
    }
}

impl From<PasskeyLoginError> for Problem {
    fn from(error: PasskeyLoginError) -> Self {
        match error {
            PasskeyLoginError::Disabled => account_disabled(),
            PasskeyLoginError::Unverified => email_unverified(),
            PasskeyLoginError::TooMany { retry_after } => too_many_attempts(retry_after),
            PasskeyLoginError::Passkey(error) => error.into(),
        }
    }
}

fn challenge_expired() -> Problem {
    let detail = "this challenge was used, or is too old: ask for a new one, and try again";
    Problem::new(StatusCode::GONE, "challenge_expired", detail)
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let conflict = |code, detail| Problem::new(StatusCode::CONFLICT, code, detail);
        match error {
            ChangeError::TotpExists => conflict(
                "totp_exists",
                "this account has an authenticator app: remove it before you set up another one",
            ),
            ChangeError::TotpNotPending => {
                conflict("totp_not_pending", "no authenticator app waits for its first code: begin again")
            }
            ChangeError::WrongCode => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "code_wrong",
                "this is not the code that the app shows: check the clock of its device",
            ),
            ChangeError::NoSecondFactor => conflict(
                "no_second_factor",
                "recovery codes are for accounts with a second factor: set up an app or a passkey first",
            ),
            ChangeError::TooMany { retry_after } => too_many(
                "too_many_requests",
                "second factors are changed too often from this address: try again later",
                retry_after,
            ),
            ChangeError::SessionEnded => CallerError::Ended.into(),
            ChangeError::Unavailable(error) => error.into(),
        }
    }
}

/// The first step of a login is done.
impl From<&SecondStep> for Problem {
    fn from(step: &SecondStep) -> Self {
        let detail =
            "this account has a second factor: show it at /auth/login/second-factor, with the second_factor_token";
        Problem::new(StatusCode::FORBIDDEN, "second_factor_required", detail)
            .with_member("second_factor_token", step.token.expose())
            .with_member("methods", step.methods.clone())
            .with_member("expires_in", step.expires_in.as_secs())
    }
}

/// The caller's roles ask for a second factor.
pub fn second_factor_missing() -> Problem {
    let detail = "your roles ask for a second factor: add one to your account, and log in with it";
    Problem::new(StatusCode::FORBIDDEN, "second_factor_missing", detail)
}

impl From<SecondStepError> for Problem {
    fn from(error: SecondStepError) -> Self {
        match error {
            SecondStepError::Expired => Problem::new(
                StatusCode::UNAUTHORIZED,
                "second_factor_expired",
                "this login took too long, or the account was changed since, or the network: begin the login again",
            )
            .challenge(&Challenge::default()),
            SecondStepError::Disabled => account_disabled(),
            SecondStepError::Factor(error) => error.into(),
            SecondStepError::Passkey(error) => error.into(),
        }
    }
}

impl From<PasswordRemovalError> for Problem {
    fn from(error: PasswordRemovalError) -> Self {
        match error {
            PasswordRemovalError::LastWayIn => Problem::new(
                StatusCode::CONFLICT,
                "last_way_in",
                "the password may be the last way into the account: add two passkeys, or one and recovery codes, first",
            ),
            PasswordRemovalError::SessionEnded => CallerError::Ended.into(),
            PasswordRemovalError::Unavailable(error) => error.into(),
        }
    }
}

impl From<ReauthenticationError> for Problem {
    fn from(error: ReauthenticationError) -> Self {
        match error {
            ReauthenticationError::Nothing => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_factor",
                "send the password, or one of totp, recovery_code and passkey, or both",
            ),
            ReauthenticationError::Password(error) => error.into(),
            ReauthenticationError::Factor(error) => error.into(),
        }
    }
}

impl From<FactorError> for Problem {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Wrong => Problem::new(
                StatusCode::UNAUTHORIZED,
                "invalid_second_factor",
                "this second factor is wrong, or was used already",
            )
            .challenge(&Challenge::default()),
            FactorError::TooManyAttempts { retry_after } => too_many_attempts(retry_after),
            FactorError::Resting => Problem::new(
                StatusCode::FORBIDDEN,
                "second_factor_resting",
                "too many codes in a row were wrong: no code of an app is accepted until you show a recovery code, or an administrator resets your second factors",
            ),
            FactorError::Unavailable(error) => error.into(),
        }
    }
}
