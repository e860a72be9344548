//! Builds a filter file from the lists of Have I Been Pwned: lines of `SHA1:COUNT`, in any order.

use super::filter::{Filter, key};
use std::{
    fs::{self, File},
    io::{self, BufRead, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    process,
};

/// Longer lines are none of such a list.
const MAX_LINE: u64 = 256;
/// How many lines are read between two reports.
const LINES_PER_REPORT: u64 = 10_000_000;
/// More need other filters, and more memory than is sensible.
const MAX_ENTRIES: usize = 1_000_000_000;

/// A filter of the passwords of a list that were seen `min_count` times or more. `report` is given what has been read so
/// far: lines, and those of them that are kept.
///
/// # Errors
/// One sentence.
pub fn build(input: impl BufRead, min_count: u64, report: impl FnMut(u64, usize)) -> Result<Filter, String> {
    Filter::of(&keys(input, min_count, report)?, min_count)
}

/// Tries whether a filter can be written there, before the work begins.
///
/// # Errors
/// One sentence.
pub fn try_to_write(out: &Path) -> Result<(), String> {
    Draft::beside(out).map(drop).map_err(|error| cannot_write(out, &error))
}

/// Writes a filter to a file. An existing one is replaced at the end, at once, or not at all.
///
/// # Errors
/// One sentence.
pub fn write(filter: &Filter, out: &Path) -> Result<(), String> {
    Draft::beside(out).and_then(|draft| draft.write(filter)).map_err(|error| cannot_write(out, &error))
}

fn cannot_write(out: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", out.display())
}

/// The keys of a list, each once.
fn keys(mut input: impl BufRead, min_count: u64, mut report: impl FnMut(u64, usize)) -> Result<Vec<u64>, String> {
    let (mut keys, mut line, mut number) = (Vec::new(), Vec::new(), 0);
    loop {
        line.clear();
        let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.map_err(|error| format!("cannot read the list: {error}"))? == 0 {
            break;
        }
        number += 1;
        let (key, count) = entry(line.trim_ascii()).ok_or_else(|| {
            format!(
                "line {number} is not SHA1:COUNT, with the 40 digits of a SHA-1 (lists of NTLM hashes do not serve)"
            )
        })?;
        if count >= min_count {
            keys.push(key);
        }
        if keys.len() > MAX_ENTRIES {
            return Err(format!("these are more than {MAX_ENTRIES} passwords: raise --min-count"));
        }
        if number % LINES_PER_REPORT == 0 {
            report(number, keys.len());
        }
    }
    report(number, keys.len());
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Err(format!("none of the {number} lines has a password that was seen {min_count} times or more"));
    }
    Ok(keys)
}

fn entry(line: &[u8]) -> Option<(u64, u64)> {
    let (hash, count) = line.split_first_chunk::<40>()?;
    let mut sha1 = [0; 20];
    for (byte, digits) in sha1.iter_mut().zip(hash.as_chunks::<2>().0) {
        let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    let count = str::from_utf8(count.strip_prefix(b":")?).ok()?;
    Some((key(&sha1), count.parse().ok()?))
}

/// A file beside the one that it becomes; it is gone when it does not. Only the death of the process leaves it.
struct Draft<'a> {
    path: PathBuf,
    file: File,
    becomes: &'a Path,
}

impl<'a> Draft<'a> {
    fn beside(out: &'a Path) -> io::Result<Self> {
        let name = out.file_name().filter(|_| !out.is_dir()).ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy();
        let path = out.with_file_name(format!(".{name}.{}.part", process::id()));
        Ok(Self { file: File::create(&path)?, path, becomes: out })
    }

    fn write(&self, filter: &Filter) -> io::Result<()> {
        let mut output = BufWriter::new(&self.file);
        filter.write(&mut output)?;
        output.flush()?;
        self.file.sync_all()?;
        fs::rename(&self.path, self.becomes)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        let _is_what_it_becomes = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn read(list: &str) -> Result<Vec<u64>, String> {
        keys(list.as_bytes(), 2, |_, _| {})
    }

    #[test]
    fn every_line_of_a_list_counts_once_in_any_order_and_case() {
        let other = "0000000000000001FFFFFFFFFFFFFFFFFFFFFFFF";
        let list = format!("{SHA1}:10434004\r\n{other}:2\n{}:9\n{}:1", SHA1.to_lowercase(), SHA1.replace('5', "6"));
        assert_eq!(read(&list), Ok(vec![1, 0x5baa_61e4_c9b9_3f3f]));
    }

    #[test]
    fn a_line_that_is_not_of_such_a_list_is_named() {
        for odd in [
            "<html>".to_owned(),
            SHA1.to_owned(),
            format!("{SHA1}:"),
            format!("{SHA1}:-1"),
            format!("{SHA1}0:1"),
            format!("{}:1", &SHA1[1..]),
            format!("{}é:1", &SHA1[2..]),
            "8846F7EAEE8FB117AD06BDD830B7586C:1".to_owned(),
            "x".repeat(100_000),
        ] {
            let refusal = read(&format!("{SHA1}:3\n{odd}\n{SHA1}:3\n")).unwrap_err();
            assert!(refusal.starts_with("line 2 is not SHA1:COUNT"), "{odd}: {refusal}");
        }
        assert!(read(&format!("{SHA1}:1\n")).unwrap_err().contains("none of the 1 lines"));
        assert!(read("").unwrap_err().contains("none of the 0 lines"));
    }

    #[test]
    fn a_file_is_replaced_whole_or_stays() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("breached.filter");
        let filter = |word: u8| Filter::of(&[u64::from(word)], 1).unwrap();
        write(&filter(1), &out).unwrap();
        let first = fs::read(&out).unwrap();
        try_to_write(&out).unwrap();
        assert_eq!(fs::read(&out).unwrap(), first);
        write(&filter(2), &out).unwrap();
        assert_ne!(fs::read(&out).unwrap(), first);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
        for nowhere in [directory.path(), &directory.path().join("nowhere/filter"), Path::new("/")] {
            assert!(try_to_write(nowhere).unwrap_err().starts_with("cannot write"), "{nowhere:?}");
            assert!(write(&filter(1), nowhere).is_err(), "{nowhere:?}");
        }
    }
}
