//! A filter file: a binary fuse filter of the SHA-1 hashes of breached passwords. It takes some 18 bits for each, misses
//! none, and takes one in 65,536 other passwords for breached.
//!
//! | bytes | what they are; numbers are little-endian |
//! | --- | --- |
//! | 8 | `JETON-BP` |
//! | 4 | the version of this form: 1 |
//! | 4 | how many other passwords there are for one that is taken for breached |
//! | 8 | how many passwords are in it |
//! | 8 | how often each of them was seen, at least |
//! | 8, 4, 4 | the filter's seed, the length of its segments, and that of all segments but two |
//! | 8 | how many fingerprints follow |
//! | 32 | SHA-256 of all other bytes |
//! | 2 each | fingerprints |

use crate::domain::passwords::breached::{BreachedPasswords, NoAnswer, PasswordSha1};
use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};
use shared::files;
use std::{
    fmt,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};
use xorf::{BinaryFuse16, Descriptor, Filter as _};

const MAGIC: [u8; 8] = *b"JETON-BP";
const VERSION: u32 = 1;
/// Fingerprints have 16 bits.
const ONE_FALSE_ALARM_IN: u32 = 1 << 16;
const HEADER: usize = 56;
const CHECKSUM: usize = 32;
const BEGIN: usize = HEADER + CHECKSUM;
/// How many bytes of fingerprints are read or written at a time.
const CHUNK: usize = 64 * 1024;

/// What a filter file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// How many passwords are in it.
    pub count: u64,
    /// How often each of them was seen, at least.
    pub min_count: u64,
    /// How many other passwords there are for one that is taken for breached.
    pub one_false_alarm_in: u32,
    descriptor: Descriptor,
    fingerprints: u64,
}

/// The breached passwords of a file.
pub struct Filter {
    header: Header,
    filter: BinaryFuse16,
}

impl Filter {
    /// A filter of passwords that were seen at least `min_count` times, by [`key`]s that all differ.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn of(keys: &[u64], min_count: u64) -> Result<Self, String> {
        let filter = BinaryFuse16::try_from(keys).map_err(|reason| format!("no filter can be made: {reason}"))?;
        let header = Header {
            count: keys.len() as u64,
            min_count,
            one_false_alarm_in: ONE_FALSE_ALARM_IN,
            descriptor: filter.descriptor.clone(),
            fingerprints: filter.fingerprints.len() as u64,
        };
        Ok(Self { header, filter })
    }

    /// Reads a file, and checks every byte of it.
    ///
    /// # Errors
    /// What is wrong, in words that follow the file's name and a colon.
    pub fn read(path: &Path) -> Result<Self, String> {
        let (mut file, header) = open(path)?;
        let mut checksum = [0; CHECKSUM];
        file.read_exact(&mut checksum).map_err(cannot_read)?;
        let mut context = Context::new(&SHA256);
        context.update(&header.bytes());
        let length = usize::try_from(header.fingerprints).map_err(|_| "it is too large for this machine".to_owned())?;
        let mut fingerprints = Vec::with_capacity(length);
        let mut chunk = vec![0; CHUNK];
        while fingerprints.len() < length {
            let chunk = &mut chunk[..CHUNK.min(2 * (length - fingerprints.len()))];
            file.read_exact(chunk).map_err(cannot_read)?;
            context.update(chunk);
            fingerprints.extend(chunk.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes)));
        }
        if context.finish().as_ref() != checksum {
            return Err(format!("it is damaged: {BUILD_AGAIN}"));
        }
        let filter = BinaryFuse16 { descriptor: header.descriptor.clone(), fingerprints: fingerprints.into() };
        Ok(Self { header, filter })
    }

    /// Writes it out.
    ///
    /// # Errors
    /// Those of `output`.
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let header = self.header.bytes();
        let mut context = Context::new(&SHA256);
        context.update(&header);
        self.chunks().for_each(|chunk| context.update(&chunk));
        output.write_all(&header)?;
        output.write_all(context.finish().as_ref())?;
        self.chunks().try_for_each(|chunk| output.write_all(&chunk))
    }

    fn chunks(&self) -> impl Iterator<Item = Vec<u8>> {
        let bytes = |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.filter.fingerprints.chunks(CHUNK / 2).map(bytes)
    }

    /// What it says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether a password is on the list, or taken for one that is.
    #[must_use]
    pub fn contains(&self, password: &PasswordSha1) -> bool {
        self.filter.contains(&key(password.expose()))
    }
}

#[async_trait]
impl BreachedPasswords for Filter {
    async fn contain(&self, password: &PasswordSha1) -> Result<bool, NoAnswer> {
        Ok(self.contains(password))
    }
}

/// By what a filter knows a password.
pub(super) fn key(sha1: &[u8; 20]) -> u64 {
    sha1.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// Checks a file without reading all of it: whether it is a filter, and whole.
///
/// # Errors
/// What is wrong, in words that follow the file's name and a colon.
pub fn check_header(path: &Path) -> Result<Header, String> {
    open(path).map(|(_, header)| header)
}

const BUILD_AGAIN: &str = "build it again, or copy it again from where it is whole";
const NOT_A_FILTER: &str = "it is not a filter that `auth-service passwords build` has made";

fn open(path: &Path) -> Result<(File, Header), String> {
    let mut file = files::open_regular(path).map_err(cannot_read)?;
    let mut bytes = [0; HEADER];
    file.read_exact(&mut bytes).map_err(|_| NOT_A_FILTER.to_owned())?;
    let header = Header::parse(&bytes)?;
    let whole = header.fingerprints.saturating_mul(2).saturating_add(BEGIN as u64);
    let length = file.metadata().map_err(cannot_read)?.len();
    if length != whole {
        return Err(format!("it has {length} bytes instead of {whole}: {BUILD_AGAIN}"));
    }
    Ok((file, header))
}

fn cannot_read(error: io::Error) -> String {
    format!("cannot read it: {error}")
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, min_count, one_false_alarm_in, .. } = self;
        write!(
            f,
            "{count} passwords that were seen {min_count} times or more, and one in {one_false_alarm_in} others by mistake"
        )
    }
}

impl Header {
    fn bytes(&self) -> [u8; HEADER] {
        let Descriptor { seed, segment_length, segment_count_length, .. } = self.descriptor;
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, self.one_false_alarm_in].map(u32::to_le_bytes).as_flattened());
        bytes.extend([self.count, self.min_count, seed].map(u64::to_le_bytes).as_flattened());
        bytes.extend([segment_length, segment_count_length].map(u32::to_le_bytes).as_flattened());
        bytes.extend(self.fingerprints.to_le_bytes());
        bytes.try_into().expect("the parts of a header have its length")
    }

    fn parse(bytes: &[u8; HEADER]) -> Result<Self, String> {
        let mut rest = bytes.as_slice();
        if take(&mut rest) != MAGIC {
            return Err(NOT_A_FILTER.to_owned());
        }
        let version = u32::from_le_bytes(take(&mut rest));
        if version != VERSION {
            return Err(format!("it is of version {version}, and this program reads {VERSION}: build it again"));
        }
        let one_false_alarm_in = u32::from_le_bytes(take(&mut rest));
        let [count, min_count, seed] = [(); 3].map(|()| u64::from_le_bytes(take(&mut rest)));
        let [segment_length, segment_count_length] = [(); 2].map(|()| u32::from_le_bytes(take(&mut rest)));
        let fingerprints = u64::from_le_bytes(take(&mut rest));
        let reach = u64::from(segment_count_length) + 2 * u64::from(segment_length);
        // Otherwise a lookup would read beyond the end.
        let is_sound = segment_length.is_power_of_two()
            && segment_count_length.is_multiple_of(segment_length)
            && reach <= fingerprints;
        if !is_sound {
            return Err(format!("it is damaged: {BUILD_AGAIN}"));
        }
        let segment_length_mask = segment_length - 1;
        let descriptor = Descriptor { seed, segment_length, segment_length_mask, segment_count_length };
        Ok(Self { count, min_count, one_false_alarm_in, descriptor, fingerprints })
    }
}

/// The next bytes of a header.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (next, after) = rest.split_first_chunk().expect("the parts of a header have its length");
    *rest = after;
    *next
}

#[cfg(test)]
mod tests;
