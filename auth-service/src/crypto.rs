//! RS256 signing behind `jsonwebtoken`, with private keys parsed once instead of for each signature, which more than
//! doubles the rate. `jsonwebtoken` offers `CryptoProvider` for that: plain functions, so the parsed keys are in a
//! static.

use arc_swap::ArcSwap;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{self, SystemRandom},
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, aws_lc},
    errors::{ErrorKind, Result},
    signature::{self, Signer},
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Once},
    thread,
};

/// Uses this module for every signature of the process. The provider that was installed first stays, so this may be
/// called any number of times.
///
/// # Panics
/// If the operating system cannot start a thread.
pub fn install() {
    gather_randomness();
    static PROVIDER: LazyLock<CryptoProvider> =
        LazyLock::new(|| CryptoProvider { signer_factory: signer, ..aws_lc::DEFAULT_PROVIDER.clone() });
    let _chosen_before = PROVIDER.install_default();
}

/// Seeds aws-lc's random generator in a thread, while the database is opened. Its first random byte takes some 50 ms,
/// because it does not rely on the operating system alone.
fn gather_randomness() {
    static BEGUN: Once = Once::new();
    let gather = || rand::fill(&mut [0]).expect("the operating system gives randomness");
    let begin = || thread::Builder::new().name("randomness".to_owned()).spawn(gather);
    BEGUN.call_once(|| drop(begin().expect("the operating system gives a thread")));
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    match (algorithm, key.family()) {
        (Algorithm::RS256, AlgorithmFamily::Rsa) => Ok(Box::new(Rs256(parsed(key)?))),
        _ => (aws_lc::DEFAULT_PROVIDER.signer_factory)(algorithm, key),
    }
}

struct Rs256(Arc<RsaKeyPair>);

impl Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        self.0.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(signature::Error::from_source)?;
        Ok(signature)
    }
}

impl JwtSigner for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

/// Maximum number of parsed keys; beyond it, all are dropped. A process signs with one key at a time.
const MAX_PARSED: usize = 8;

/// Parsed keys by the digest of the DER they were parsed from.
type ParsedKeys = HashMap<[u8; 32], Arc<RsaKeyPair>>;

fn parsed(key: &EncodingKey) -> Result<Arc<RsaKeyPair>> {
    static PARSED: LazyLock<ArcSwap<ParsedKeys>> = LazyLock::new(ArcSwap::default);
    let mut name = [0; 32];
    name.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    if let Some(key) = PARSED.load().get(&name) {
        return Ok(Arc::clone(key));
    }
    let key = Arc::new(RsaKeyPair::from_der(key.as_bytes()).map_err(|_| ErrorKind::InvalidKeyFormat)?);
    PARSED.rcu(|keys| {
        let mut keys = if keys.len() < MAX_PARSED { ParsedKeys::clone(keys) } else { ParsedKeys::new() };
        keys.insert(name, Arc::clone(&key));
        keys
    });
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey};

    fn key(bits: usize) -> EncodingKey {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap();
        EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes())
    }

    #[test]
    fn signatures_equal_the_librarys_to_the_byte() {
        for bits in [2048, 3072] {
            let key = key(bits);
            let ours = signer(&Algorithm::RS256, &key).unwrap();
            let library = (aws_lc::DEFAULT_PROVIDER.signer_factory)(&Algorithm::RS256, &key).unwrap();
            for length in [0, 1, 55, 56, 64, 1000, 100_000] {
                let message = vec![0xa5; length];
                assert_eq!(ours.sign(&message), library.sign(&message), "{bits} bits, {length} bytes");
            }
        }
    }

    #[test]
    fn each_key_is_parsed_once_and_signs_as_itself() {
        let (one, other) = (key(2048), key(2048));
        assert!(Arc::ptr_eq(&parsed(&one).unwrap(), &parsed(&one.clone()).unwrap()));
        let sign = |key| signer(&Algorithm::RS256, key).unwrap().sign(b"message");
        assert_ne!(sign(&one), sign(&other));
    }

    #[test]
    fn anything_but_an_rsa_key_is_refused() {
        assert!(signer(&Algorithm::RS256, &EncodingKey::from_rsa_der(b"no key")).is_err());
        assert!(signer(&Algorithm::RS256, &EncodingKey::from_secret(b"a secret")).is_err());
    }
}
