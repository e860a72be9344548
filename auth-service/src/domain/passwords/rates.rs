//! How long the functions of other systems take, in the unit of Argon2's work, on this machine: processors differ in
//! what they are good at.

use super::{
    function::Function,
    recipe::{Cost, Digest, Recipe, of_scrypt},
};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// The smallest of a few measurements is the one that nothing disturbed.
const MEASUREMENTS: usize = 3;

/// Work of Argon2 that takes as long as a unit of another function. Each is measured when it is first asked for.
#[derive(Default)]
pub struct Rates([OnceLock<f64>; 8]);

impl Rates {
    /// The work of a recipe, in KiB of Argon2's memory times passes. `argon` tells how long a known work of Argon2
    /// takes.
    #[must_use]
    pub fn work(&self, recipe: Recipe, argon: &dyn Fn() -> (Duration, u64)) -> u64 {
        let units = |units: u64, sample: Recipe| in_argon(units, self.rate(sample, argon));
        match recipe {
            Recipe::Argon(cost) => cost.work(),
            Recipe::Bcrypt(cost) => units(1 << cost, Recipe::Bcrypt(6)),
            Recipe::Pbkdf2(digest, iterations) => units(iterations.into(), Recipe::Pbkdf2(digest, 8192)),
            Recipe::Scrypt(params) => {
                let sample = scrypt::Params::new(12, 8, 1).expect("valid parameters");
                units(of_scrypt(&params).work(), Recipe::Scrypt(sample))
            }
            Recipe::ShaCrypt(digest, rounds) => units(rounds.into(), Recipe::ShaCrypt(digest, 2000)),
            Recipe::Wrapped(rounds, cost) => cost.work() + units(rounds.into(), Recipe::Wrapped(1 << 11, NOTHING)),
        }
    }

    fn rate(&self, sample: Recipe, argon: &dyn Fn() -> (Duration, u64)) -> f64 {
        *self.0[place(sample)].get_or_init(|| {
            let units = match sample {
                Recipe::Argon(cost) => cost.work(),
                Recipe::Bcrypt(cost) => 1 << cost,
                Recipe::Scrypt(params) => of_scrypt(&params).work(),
                Recipe::Pbkdf2(_, count) | Recipe::ShaCrypt(_, count) | Recipe::Wrapped(count, _) => count.into(),
            };
            let (argons, work) = shortest(argon);
            let (taken, units) = shortest(&|| (time_of(sample), units));
            (taken.as_secs_f64() / units as f64) / (argons.as_secs_f64() / work as f64).max(f64::MIN_POSITIVE)
        })
    }
}

/// The least that Argon2 does: the sample of a wrapped hash is about what is wrapped.
const NOTHING: Cost = Cost { memory: 8, passes: 1 };

fn place(sample: Recipe) -> usize {
    match sample {
        Recipe::Argon(_) | Recipe::Bcrypt(_) => 0,
        Recipe::Pbkdf2(Digest::Sha1, _) => 1,
        Recipe::Pbkdf2(Digest::Sha256, _) => 2,
        Recipe::Pbkdf2(Digest::Sha512, _) => 3,
        Recipe::Scrypt(_) => 4,
        Recipe::ShaCrypt(Digest::Sha512, _) => 5,
        Recipe::ShaCrypt(..) => 6,
        Recipe::Wrapped(..) => 7,
    }
}

fn shortest(measure: &dyn Fn() -> (Duration, u64)) -> (Duration, u64) {
    (0..MEASUREMENTS).map(|_| measure()).min_by_key(|(taken, _)| *taken).expect("there are some")
}

fn time_of(sample: Recipe) -> Duration {
    let Some(function) = Function::decoy(sample) else { return Duration::ZERO };
    let begun = Instant::now();
    drop(function.compute("grumpy-otter-42", function.decoy_bytes()));
    begun.elapsed()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the work of what is computed is far below 2^53"
)]
fn in_argon(units: u64, rate: f64) -> u64 {
    (units as f64 * rate) as u64
}
