//! The unavoidable work: aws-lc with parsed keys, and Argon2id.

use crate::cpu;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaPublicKeyComponents},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use std::{
    thread,
    time::{Duration, Instant},
};

/// As many bytes as an access token's header and claims have.
const MESSAGE: [u8; 600] = [b'a'; 600];

/// The processor time of one RSA-2048 signature, averaged over this many.
pub(crate) fn signature(times: usize) -> Duration {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("aws-lc makes RSA keys");
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    let sign = || key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature).expect("the key signs");
    cpu::each(cpu::spent(|| std::iter::repeat_with(sign).take(times).for_each(drop)), times)
}

/// Signed messages, ready to be verified.
pub(crate) struct Signed {
    key: ParsedPublicKey,
    messages: Vec<(String, Vec<u8>)>,
}

impl Signed {
    /// Tokens that were signed with this key, a JWK.
    pub(crate) fn of(tokens: &[String], key: &Value) -> Self {
        let member = |name: &str| decoded(key[name].as_str().expect("a public RSA key has it"));
        let components = RsaPublicKeyComponents { n: member("n"), e: member("e") };
        let key = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        let message = |token: &String| {
            let (message, signature) = token.rsplit_once('.').expect("a token has three parts");
            (message.to_owned(), decoded(signature))
        };
        Self { key: key.expect("an RSA key of 2048 bits"), messages: tokens.iter().map(message).collect() }
    }

    /// The processor time of one verification.
    pub(crate) fn verification(&self) -> Duration {
        let verify = |(message, signature): &(String, Vec<u8>)| {
            self.key.verify_sig(message.as_bytes(), signature).expect("the signature is good");
        };
        cpu::each(cpu::spent(|| self.messages.iter().for_each(verify)), self.messages.len())
    }
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// How many passwords per second this many threads hash with OWASP's parameters, each of them this many times.
pub(crate) fn hashes_per_second(threads: usize, times: usize) -> f64 {
    let hash = move || {
        let params = Params::new(19 * 1024, 2, 1, Some(32)).expect("OWASP's parameters are valid");
        let mut memory = vec![Block::default(); params.block_count()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        for _ in 0..times {
            let mut output = [0; 32];
            let done = argon2.hash_password_into_with_memory(b"password", &[7; 16], &mut output, &mut memory);
            done.expect("salt, output and memory have the right sizes");
        }
    };
    let begun = Instant::now();
    thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(hash)));
    });
    (threads * times) as f64 / begun.elapsed().as_secs_f64()
}
