//! Names as they are published, so that the feed, which everybody can read, names nobody.

use aws_lc_rs::digest::SHA256;

/// The first half of a SHA-256.
pub(super) type Digest = [u8; 16];

/// Of a name: of its kind, which is the name of its claim, and its value.
pub(super) fn digest(kind: &str, value: &[u8]) -> Digest {
    let named = [kind.as_bytes(), b":", value].concat();
    *aws_lc_rs::digest::digest(&SHA256, &named).as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}
