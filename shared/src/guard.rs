//! The guards of `jeton-verifier` in both services: what they answer, and what they count.

use crate::{openapi::Refuses, problem::Problem};
use actix_web::http::{
    StatusCode,
    header::{HeaderValue, WWW_AUTHENTICATE},
};
use jeton_verifier::{
    Flaw, Refusal,
    guard::{AccessToken, Assurance, Assured, Rejection, Scope, Scoped, Wanted},
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

/// The refusal of a user who is not authenticated as a call wants, by those who ask for that.
#[must_use]
pub fn authentication_refusal(wanted: Wanted) -> Problem {
    Rejection::InsufficientAuthentication(wanted).into()
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

impl<S: Scope, L: Assurance, const MAX_AGE: u32> Refuses for Assured<S, L, MAX_AGE> {
    fn problems() -> Vec<Problem> {
        [Scoped::<S>::problems(), vec![authentication_refusal(Self::wanted())]].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jeton_verifier::guard::{Level, Recent, TwoFactors};

    struct BooksWrite;

    impl Scope for BooksWrite {
        const NAME: &'static str = "books:write";
    }

    #[test]
    fn a_guard_that_asks_for_a_login_is_documented_with_the_refusal_of_others() {
        let codes = |problems: Vec<Problem>| problems.iter().map(Problem::code).collect::<Vec<_>>();
        let without = codes(Scoped::<BooksWrite>::problems());
        let with = [without.as_slice(), &["authentication_insufficient"]].concat();
        assert_eq!(codes(Recent::<BooksWrite, 300>::problems()), with);
        assert_eq!(codes(Assured::<BooksWrite, TwoFactors>::problems()), with);
    }

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
            Rejection::InsufficientAuthentication(Wanted { acr: Some(Level::TWO_FACTORS), max_age: Some(300) }),
            Rejection::NoVerifier,
        ];
        for rejection in rejections {
            let problem = Problem::from(rejection.clone());
            let document = serde_json::to_string(&problem.document()).expect("JSON");
            assert_eq!(rejection.body(), document);
        }
    }
}
