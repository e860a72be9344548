//! aws-lc behind `jsonwebtoken`, with public keys parsed once instead of for each signature, which is a sixth of the
//! whole work. `jsonwebtoken` offers its `CryptoProvider` for that: plain functions, so what they keep is a static.

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, aws_lc},
    errors::{ErrorKind, Result},
    signature::{self, Verifier},
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// Chooses aws-lc for every signature of the process. The first thing that `main` does. A choice made before stays, so
/// it may be called any number of times.
pub fn install_crypto() {
    static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(crypto_provider);
    let _chosen_before = PROVIDER.install_default();
}

/// What [`install_crypto`] installs, for who wants to keep private keys parsed as well:
/// `CryptoProvider { signer_factory: …, ..crypto_provider() }`.
#[must_use]
pub fn crypto_provider() -> CryptoProvider {
    CryptoProvider { verifier_factory: verifier, ..aws_lc::DEFAULT_PROVIDER.clone() }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => Ok(Box::new(Rs256(parsed(n, e)?))),
        _ => (aws_lc::DEFAULT_PROVIDER.verifier_factory)(algorithm, key),
    }
}

struct Rs256(Arc<ParsedPublicKey>);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.0.verify_sig(message, signature).map_err(signature::Error::from_source)
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

/// More keys than a process meets; beyond, the parsed ones are forgotten.
const MAX_PARSED: usize = 256;

/// Parsed keys by modulus and exponent.
type ParsedKeys = HashMap<(Vec<u8>, Vec<u8>), Arc<ParsedPublicKey>>;

fn parsed(n: &[u8], e: &[u8]) -> Result<Arc<ParsedPublicKey>> {
    static PARSED: LazyLock<ArcSwap<ParsedKeys>> = LazyLock::new(ArcSwap::default);
    let name = (n.to_vec(), e.to_vec());
    if let Some(key) = PARSED.load().get(&name) {
        return Ok(Arc::clone(key));
    }
    let key = RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .map_err(|_| ErrorKind::InvalidKeyFormat)?;
    let key = Arc::new(key);
    PARSED.rcu(|keys| {
        let mut keys = if keys.len() < MAX_PARSED { ParsedKeys::clone(keys) } else { ParsedKeys::new() };
        keys.insert(name.clone(), Arc::clone(&key));
        keys
    });
    Ok(key)
}
