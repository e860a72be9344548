//! The guards of `jeton-verifier` in both services: what they answer, and what they count.

use crate::{openapi::Refuses, problem::Problem};
use actix_web::http::{
    StatusCode,
    header::{HeaderValue, WWW_AUTHENTICATE},
};
use jeton_verifier::{
    Flaw, Refusal,
    guard::{AccessToken, Rejection, Scope, Scoped},
};

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, rejection.code(), rejection.detail());
        if let Some(challenge) = rejection.challenge() {
            let challenge = HeaderValue::from_str(&challenge).expect("a challenge is printable ASCII");
            problem = problem.with(WWW_AUTHENTICATE, challenge);
        }
        match rejection.retry_after() {
            Some(seconds) => problem.retry_after(seconds.into()),
            None => problem,
        }
    }
}

/// The refusals of a missing or invalid token, whoever verifies it.
#[must_use]
pub fn token_refusals() -> Vec<Problem> {
    let invalid = Refusal::Invalid(Flaw::Signature);
    [Rejection::Missing, invalid.into(), Refusal::Expired.into()].map(Problem::from).into()
}

/// The refusal of a token that was ended, by those who follow the revocation feed.
#[must_use]
pub fn ended_refusal() -> Problem {
    Rejection::from(Refusal::Ended).into()
}

impl Refuses for AccessToken {
    fn problems() -> Vec<Problem> {
        let outages = [Rejection::KeysUnavailable, Rejection::RevocationsStale].map(Problem::from);
        [token_refusals(), vec![ended_refusal()], outages.into()].concat()
    }
}

impl<S: Scope> Refuses for Scoped<S> {
    fn problems() -> Vec<Problem> {
        [AccessToken::problems(), vec![Rejection::without_scope(S::NAME).into()]].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_frameworks_answer_with_the_same_document_as_the_services() {
        let rejections = [
            Rejection::Missing,
            Refusal::Expired.into(),
            Refusal::Ended.into(),
            Refusal::UnknownKey.into(),
            Rejection::KeysUnavailable,
            Rejection::RevocationsStale,
            Rejection::without_scope("books:read"),
            Rejection::NoVerifier,
        ];
        for rejection in rejections {
            let problem = Problem::from(rejection.clone());
            let document = serde_json::to_string(&problem.document()).expect("JSON");
            assert_eq!(rejection.body(), document);
        }
    }
}
