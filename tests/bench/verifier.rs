//! The verifier alone, without any HTTP.

use crate::{
    cpu::{self, micros},
    raw::Signed,
    report::{Goal, Report},
};
use harness::forge::Issuer;
use jeton_verifier::{KeySet, Verifier, clock::SystemClock};
use std::{sync::Arc, time::Duration};

const ISSUER: &str = "http://issuer.example";
const TOKENS: usize = 2_000;
const ROUNDS: usize = 5;
const AGAIN: usize = 200_000;

pub(crate) fn measure(report: &mut Report) {
    let issuer = Issuer::new(ISSUER);
    let tokens: Vec<String> = (0..TOKENS).map(|_| issuer.token()).collect();
    let keys = KeySet::from_jwks(issuer.key_set().to_string().as_bytes()).expect("a good key set");
    let signed = Signed::of(&tokens, issuer.public_key());
    let (mut raw, mut new) = (Duration::ZERO, Duration::ZERO);
    let fresh = || Verifier::new(ISSUER, "jeton", Arc::new(SystemClock));
    for _ in 0..ROUNDS {
        raw += signed.verification();
        let verifier = fresh();
        let verify = |token: &String| drop(verifier.verify(token, &keys).expect("a good token"));
        new += cpu::each(cpu::spent(|| tokens.iter().for_each(verify)), TOKENS);
    }
    let verifier = fresh();
    let verify = || verifier.verify(&tokens[0], &keys).expect("a good token");
    let seen = cpu::each(cpu::spent(|| std::iter::repeat_with(verify).take(AGAIN).for_each(drop)), AGAIN);
    let (raw, new) = (cpu::each(raw, ROUNDS), cpu::each(new, ROUNDS));
    report.detail(&format!("raw verification {:.1} µs, a new token {:.1} µs", micros(raw), micros(new)));
    let ratio = new.as_secs_f64() / raw.as_secs_f64();
    report.row("verifier alone, each token new ÷ raw verification", ratio, "", Goal::AtMost(1.30));
    report.row("verifier alone, a token seen before", micros(seen), " µs", Goal::AtMost(2.0));
}
