//! What looking a token up costs: `cargo test --release -p jeton-verifier --lib cost -- --ignored --nocapture`.

use crate::{
    KeySet, Verifier,
    access_token::Digest,
    clock::Timestamp,
    revocations::{
        map::{Ending, Limits, Moment},
        page::Named,
        state::Revocations,
    },
};
use std::{hint::black_box, sync::Arc, time::Instant};
use testkit::{AUDIENCE, ISSUER, Issuer, claims};

const ENTRIES: usize = 1_000_000;
const ROUNDS: usize = 1_000_000;

#[test]
#[ignore = "it measures"]
fn a_lookup_among_a_million_entries() {
    let revocations = Revocations::with_limits(super::BOUND, Limits { entries: 2 * ENTRIES, delta: 1000 });
    let ending =
        |number: usize| Ending { named: Named::Whole(Digest::of("sid", &number.to_string())), until: Moment(3600) };
    let began = Instant::now();
    for batch in (0..ENTRIES).collect::<Vec<_>>().chunks(50_000) {
        revocations.add(&batch.iter().map(|number| ending(*number)).collect::<Vec<_>>());
    }
    println!("{} entries taken in: {:?}", revocations.feed().entries, began.elapsed());
    revocations.add(&(ENTRIES..ENTRIES + 999).map(ending).collect::<Vec<_>>());

    let clock = crate::clock::ManualClock::at(Timestamp::from_secs(super::NOW));
    let keys = KeySet::from_jwks(Issuer::usual().key_set().to_string().as_bytes()).expect("a key set");
    let verifier = Verifier::new(ISSUER, AUDIENCE, Arc::new(clock));
    let tokens: Vec<String> = (0..4000)
        .map(|number| {
            let mut claims = claims(super::NOW);
            (claims["sid"], claims["jti"], claims["sub"]) =
                (format!("s{number}").into(), format!("t{number}").into(), format!("u{number}").into());
            Issuer::usual().token_of(&claims)
        })
        .collect();
    let verified: Vec<_> = tokens.iter().map(|token| verifier.verify(token, &keys).expect("a good token")).collect();

    let each = |began: Instant| began.elapsed().as_secs_f64() * 1e9 / ROUNDS as f64;
    for _ in 0..3 {
        let began = Instant::now();
        for number in 0..ROUNDS {
            black_box(verifier.verify(&tokens[number % tokens.len()], &keys).is_ok());
        }
        println!("a token seen before, verified: {:.0} ns", each(began));
        let began = Instant::now();
        for number in 0..ROUNDS {
            assert!(!black_box(revocations.end(&verified[number % verified.len()])));
        }
        println!("its lookup among what has ended: {:.0} ns", each(began));
    }
    let began = Instant::now();
    revocations.add(&[ending(2 * ENTRIES)]);
    println!("one more event, with a full delta: {:?}", began.elapsed());
    let began = Instant::now();
    revocations.add(&[ending(2 * ENTRIES + 1)]);
    println!("and the next: {:?}", began.elapsed());
}
