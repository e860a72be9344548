use super::*;
use crate::{breached_passwords::build, domain::passwords::Password};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::fs;
use tempfile::NamedTempFile;

fn line(password: &str, count: u64) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let digits: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{digits}:{count}\r\n")
}

fn built(list: &str, min_count: u64) -> Result<Filter, String> {
    build::build(list.as_bytes(), min_count, |_, _| {})
}

/// A file of this filter, with `change` made to its bytes.
fn file_of(filter: &Filter, change: impl FnOnce(&mut Vec<u8>)) -> NamedTempFile {
    let mut bytes = Vec::new();
    filter.write(&mut bytes).unwrap();
    change(&mut bytes);
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

fn is_in(filter: &Filter, password: &str) -> bool {
    filter.contains(&PasswordSha1::of(&Password::new(password.to_owned())))
}

#[test]
fn a_file_misses_none_of_its_passwords_and_takes_few_others_for_them() {
    const PASSWORDS: u64 = 100_000;
    let list: String = (0..PASSWORDS).map(|number| line(&format!("breached-{number}"), 1 + number % 20)).collect();
    let filter = built(&list, 5).unwrap();
    let file = file_of(&filter, |_| {});
    let filter = Filter::read(file.path()).unwrap();
    assert_eq!((filter.header().count, filter.header().min_count), (PASSWORDS * 16 / 20, 5));
    assert_eq!(check_header(file.path()).as_ref(), Ok(filter.header()));
    let seen = |number: u64| 1 + number % 20;
    let missed = (0..PASSWORDS).filter(|number| seen(*number) >= 5 && !is_in(&filter, &format!("breached-{number}")));
    assert_eq!(missed.count(), 0);
    let false_alarms = (0..PASSWORDS).filter(|number| is_in(&filter, &format!("unheard-of-{number}"))).count();
    let rare =
        (0..PASSWORDS).filter(|number| seen(*number) < 5 && is_in(&filter, &format!("breached-{number}"))).count();
    // 1.8 are expected of 120,000.
    assert!(false_alarms + rare < 12, "{false_alarms} + {rare}");
    let bits = file.as_file().metadata().unwrap().len() * 8 / filter.header().count;
    assert!((16..=20).contains(&bits), "{bits} bits a password");
}

#[test]
fn a_filter_may_be_of_any_size() {
    for passwords in [1, 2, 3, 4, 5, 10, 100, 1000] {
        let names: Vec<String> = (0..passwords).map(|number| format!("breached-{number}")).collect();
        let list: String = names.iter().map(|name| line(name, 1)).collect();
        let file = file_of(&built(&list, 1).unwrap(), |_| {});
        let filter = Filter::read(file.path()).unwrap();
        assert!(names.iter().all(|name| is_in(&filter, name)), "{passwords}");
        assert!(!is_in(&filter, "unheard-of"), "{passwords}");
    }
}

#[test]
fn a_file_with_any_bit_flipped_cut_or_extended_is_refused() {
    let list: String = (0..40).map(|number| line(&format!("breached-{number}"), 1)).collect();
    let filter = built(&list, 1).unwrap();
    let length = {
        let mut bytes = Vec::new();
        filter.write(&mut bytes).unwrap();
        bytes.len()
    };
    let refusal = |change: &dyn Fn(&mut Vec<u8>)| Filter::read(file_of(&filter, change).path()).err();
    for bit in 0..8 * length {
        assert!(refusal(&|bytes| bytes[bit / 8] ^= 1 << (bit % 8)).is_some(), "bit {bit}");
    }
    for cut in 0..length {
        assert!(refusal(&|bytes| bytes.truncate(cut)).is_some(), "{cut} bytes");
    }
    let longer = refusal(&|bytes| bytes.push(0)).unwrap();
    assert!(longer.contains("instead of") && longer.contains("build it again"), "{longer}");
    assert_eq!(refusal(&|_| {}), None);
}

#[test]
fn a_file_that_is_no_filter_is_named_as_such() {
    let filter = built(&line("breached", 1), 1).unwrap();
    let refusal = |change: &dyn Fn(&mut Vec<u8>)| check_header(file_of(&filter, change).path()).unwrap_err();
    assert_eq!(refusal(&|bytes| *bytes = line("breached", 1).repeat(3).into_bytes()), NOT_A_FILTER);
    assert_eq!(refusal(&Vec::clear), NOT_A_FILTER);
    assert!(refusal(&|bytes| bytes[8] = 2).contains("version 2"));
    assert!(
        refusal(&|bytes| bytes[88 - CHECKSUM - 1] = 0xff).contains("bytes instead of"),
        "a length beyond all bounds"
    );
    assert!(check_header(Path::new("/nowhere")).unwrap_err().contains("No such file"));
    assert!(check_header(Path::new("/dev/zero")).unwrap_err().contains("must be a file"));
}
