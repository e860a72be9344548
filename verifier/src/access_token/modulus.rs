//! Whether an RSA modulus can be trusted: partial validation as NIST SP 800-89, section 5.3.3, requires, and checks for
//! the known flaws of generators. Whoever can factor a modulus can sign as its owner.
//!
//! Every modulus that fails one of the checks is bad; one that passes them all may still be bad. Factors of some twenty
//! digits cannot be ruled out at a reasonable cost, and the lists of keys from broken systems (CVE-2008-0166) are too
//! long to include.

use num_bigint::BigUint;
use num_integer::Integer as _;
use std::{
    collections::HashMap,
    iter,
    sync::{LazyLock, Mutex, PoisonError},
};

/// SP 800-89 requires at least the primes below 752.
const SMALL: u32 = 1 << 16;
/// This many numbers are tried from the square root upwards (CVE-2022-26320: one was enough).
const ROUNDS_BY_FERMAT: u32 = 100;
/// Two factors are close if this ratio or a simpler one is close to theirs: 1:1, 1:2, 2:3, …, 1:16.
const SIMPLE_RATIOS: u32 = 16;
/// More moduli than a process normally meets; with more, all are forgotten and checked again.
const MAX_REMEMBERED: usize = 256;

/// The most work that the new moduli of one key set may cause: as much as 64 of 4096 bits, some seconds of one core.
pub(super) struct Effort(u64);

impl Effort {
    pub(super) const fn for_one_set() -> Self {
        Self(64 * Self::of(4096))
    }

    /// A modulus twice as long costs eight times as much.
    const fn of(bits: u64) -> u64 {
        let size = bits / 256;
        size * size * size
    }

    fn spend(&mut self, bits: u64) -> Option<()> {
        self.0 = self.0.checked_sub(Self::of(bits))?;
        Some(())
    }
}

/// Why a modulus must not be trusted; `Ok` if no weakness was found.
pub(super) type Verdict = Result<(), &'static str>;

/// Checks a modulus (big-endian, odd, of RSA's size), once: the verdict is remembered.
pub(super) fn check(modulus: &[u8], effort: &mut Effort) -> Verdict {
    static JUDGED: LazyLock<Mutex<HashMap<Vec<u8>, Verdict>>> = LazyLock::new(Mutex::default);
    let judged = || JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(verdict) = judged().get(modulus) {
        return *verdict;
    }
    let n = BigUint::from_bytes_be(modulus);
    effort.spend(n.bits()).ok_or("too many new keys of this size in one key set")?;
    let verdict = weakness(&n).map_or(Ok(()), Err);
    let mut judged = judged();
    if judged.len() >= MAX_REMEMBERED {
        judged.clear();
    }
    judged.insert(modulus.to_vec(), verdict);
    verdict
}

/// Which of these moduli share a factor with another, so that both can be factored. Equal ones do not count.
pub(super) fn with_a_common_factor(moduli: &[Vec<u8>]) -> Vec<bool> {
    let moduli: Vec<BigUint> = moduli.iter().map(|modulus| BigUint::from_bytes_be(modulus)).collect();
    let one = BigUint::from(1u32);
    let shares = |n: &BigUint| {
        let others = moduli.iter().filter(|other| *other != n);
        let product = others.fold(one.clone(), |product, other| product * other % n);
        product.gcd(n) != one
    };
    moduli.iter().map(shares).collect()
}

fn weakness(n: &BigUint) -> Option<&'static str> {
    if has_small_factor(n) {
        return Some("its modulus is divisible by a small prime");
    }
    if is_of_the_weak_generator(n) {
        return Some("its modulus was made by a generator whose keys can be factored (CVE-2017-15361)");
    }
    if has_close_factors(n) {
        return Some("its modulus is the product of factors in a simple ratio (CVE-2022-26320)");
    }
    if is_power(n) {
        return Some("its modulus is a power of a smaller number");
    }
    is_prime_or_like_one(n).then_some("its modulus is a prime, or as easily factored")
}

fn has_small_factor(n: &BigUint) -> bool {
    /// The product of all small odd primes: a gcd tries them all at once.
    static SMALL_PRIMES: LazyLock<BigUint> = LazyLock::new(|| odd_primes_below(SMALL).product());
    (&*SMALL_PRIMES % n).gcd(n) != BigUint::from(1u32)
}

/// By the sieve of Eratosthenes.
fn odd_primes_below(limit: u32) -> impl Iterator<Item = u32> {
    let mut is_composite = vec![false; limit as usize];
    (3..limit).step_by(2).filter(move |candidate| {
        let is_prime = !is_composite[*candidate as usize];
        if is_prime {
            let multiples = (candidate.saturating_mul(*candidate)..limit).step_by(*candidate as usize);
            multiples.for_each(|multiple| is_composite[multiple as usize] = true);
        }
        is_prime
    })
}

/// The fingerprint of ROCA (Nemec and others, ACM CCS 2017): both factors, and so the modulus, are powers of 65537 modulo
/// each of the first primes. One in a hundred million other moduli is, too.
fn is_of_the_weak_generator(n: &BigUint) -> bool {
    odd_primes_below(168).all(|prime| {
        let residue = n % prime;
        let powers = iter::successors(Some(1), |power| Some(power * 65537 % prime));
        powers.take(prime as usize).any(|power: u32| residue == BigUint::from(power))
    })
}

/// Fermat's method, which finds factors p and q at once if u·p and v·q are close, as Lehman has shown: then 4·u·v·n is just
/// below a square, and differs from it by a square.
fn has_close_factors(n: &BigUint) -> bool {
    (1..=SIMPLE_RATIOS).any(|ratio| {
        let target = n * (4 * ratio);
        let mut root = target.sqrt();
        if &root * &root < target {
            root += 1u32;
        }
        let mut rest = &root * &root - &target;
        (0..ROUNDS_BY_FERMAT).any(|_| {
            let found = is_square(&rest);
            rest += &root * 2u32 + 1u32;
            root += 1u32;
            found
        })
    })
}

fn is_square(number: &BigUint) -> bool {
    // Squares have only 12 of the 64 remainders, so that few other numbers need a root.
    const REMAINDERS: u64 = 0x0202_0212_0203_0213;
    let low = number.iter_u64_digits().next().unwrap_or(0) % 64;
    REMAINDERS >> low & 1 == 1 && {
        let root = number.sqrt();
        &root * &root == *number
    }
}

/// Whether it is a square, a cube, … Without a small factor, there is no root below 17 bits.
fn is_power(n: &BigUint) -> bool {
    let highest = u32::try_from(n.bits() / 16).unwrap_or(u32::MAX);
    iter::once(2).chain(odd_primes_below(highest)).any(|exponent| n.nth_root(exponent).pow(exponent) == *n)
}

/// Fermat's little theorem: 2 to the power of n is 2 modulo each prime n, and modulo p for each power n of a prime p.
/// No such number passes; any other number for which this holds is easily factored by it.
fn is_prime_or_like_one(n: &BigUint) -> bool {
    let two = BigUint::from(2u32);
    let power = two.modpow(n, n);
    (power + n - two).gcd(n) != BigUint::from(1u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_known_by_their_root() {
        for root in 0u64..2000 {
            assert!(is_square(&BigUint::from(root * root)), "{root}");
            assert!(!is_square(&BigUint::from(root * root + 2)), "{root}");
        }
    }

    #[test]
    fn the_sieve_leaves_the_primes() {
        assert_eq!(odd_primes_below(32).collect::<Vec<_>>(), [3, 5, 7, 11, 13, 17, 19, 23, 29, 31]);
        assert_eq!(odd_primes_below(SMALL).count(), 6541);
    }

    /// A product of two numbers whose sum is `2 * middle` and whose difference is `2 * distance`.
    fn product(middle: &BigUint, distance: &BigUint) -> BigUint {
        (middle + distance) * (middle - distance)
    }

    #[test]
    fn factors_are_found_for_a_hundred_rounds_of_fermats_method_and_no_longer() {
        let middle = (BigUint::from(1u32) << 600u32) + 1u32;
        // 4·n is the distance's square below the square of twice the middle: one round for each multiple of the middle.
        for (rounds, is_found) in [(0u32, true), (1, true), (2, true), (50, true), (99, true), (150, false)] {
            let distance = (&middle * rounds).sqrt();
            assert_eq!(has_close_factors(&product(&middle, &distance)), is_found, "{rounds} rounds");
        }
    }

    #[test]
    fn factors_in_a_simple_ratio_are_close_too() {
        let base = (BigUint::from(1u32) << 500u32) + 39u32;
        for (p, q) in [(1u32, 1u32), (1, 2), (2, 3), (3, 5), (1, 16)] {
            assert!(has_close_factors(&((&base * p + 2u32) * (&base * q + 4u32))), "{p}:{q}");
        }
        assert!(!has_close_factors(&((&base * 7u32 + 2u32) * (&base * 9u32 + 4u32))));
    }

    #[test]
    fn a_verdict_is_remembered_beside_others() {
        let moduli = [1021u32, 1031].map(|prime| ((BigUint::from(prime) << 300u32) + 1u32).to_bytes_be());
        let first = moduli.each_ref().map(|modulus| check(modulus, &mut Effort::for_one_set()));
        let again = moduli.each_ref().map(|modulus| check(modulus, &mut Effort(0)));
        assert_eq!(first, again, "no effort is left to check them again");
        assert!(check(&[0xFF; 128], &mut Effort(0)).is_err_and(|reason| reason.contains("too many")));
    }

    #[test]
    fn the_work_for_one_set_is_bounded() {
        let mut effort = Effort::for_one_set();
        assert!((0..64).all(|_| effort.spend(4096).is_some()));
        assert!(effort.spend(2048).is_none());
        let mut effort = Effort::for_one_set();
        assert_eq!((0..64).filter(|_| effort.spend(8192).is_some()).count(), 8);
    }
}
