//! What another implementation of authenticators and browsers says (`tests/fixtures/passkeys`).

use super::world::{DOMAIN, ORIGIN};
use auth_service::domain::passkeys::{Assertion, ByPasski, Ceremonies as _, Registration, RelyingParty};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Recorded {
    registration: Registration,
    logins: Vec<Assertion>,
}

/// The challenge that was answered.
fn challenge(client_data: &[u8]) -> [u8; 32] {
    let data: Value = serde_json::from_slice(client_data).unwrap();
    URL_SAFE_NO_PAD.decode(data["challenge"].as_str().unwrap()).unwrap().try_into().unwrap()
}

#[test]
fn what_another_implementation_says_is_verified() {
    let party = RelyingParty::of(&ORIGIN.parse().unwrap(), Some(DOMAIN), []).unwrap();
    let (mut registrations, mut logins) = (0, 0);
    for line in include_str!("../../../tests/fixtures/passkeys/recorded.jsonl").lines() {
        let recorded: Recorded = serde_json::from_str(line).unwrap();
        let answer = &recorded.registration;
        let new = ByPasski.registered(&party, &challenge(answer.response.client_data.as_slice()), answer).unwrap();
        registrations += 1;
        let mut last = new.seen.counter;
        for login in &recorded.logins {
            let challenge = challenge(login.response.client_data.as_slice());
            let seen = ByPasski.asserted(&party, &challenge, login, &new.key).unwrap();
            assert!(seen.is_user_verified && seen.is_backup_eligible == new.seen.is_backup_eligible, "{seen:?}");
            assert!(seen.counter > last || (seen.counter, last) == (0, 0), "{seen:?}");
            last = seen.counter;
            let mut other = challenge;
            other[0] ^= 1;
            assert!(ByPasski.asserted(&party, &other, login, &new.key).is_err());
            logins += 1;
        }
    }
    assert_eq!((registrations, logins), (60, 180));
}
