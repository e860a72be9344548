use crate::domain::passwords::argon2id::*;

const PASSWORD: &str = "grumpy-otter-42";

/// Hashes of [`PASSWORD`], made by the reference implementation (argon2-cffi 25.1): every kind and version, outputs of 16 to 64
/// bytes, salts of 8 to 32.
const OF_OTHERS: [&str; 19] = [
    "$argon2id$v=16$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$vgOZZVQQIhOI2w4nJ7jprSeP4ukVJmTpd857ky29O7Y",
    "$argon2id$v=16$m=64,t=1,p=2$c2FsdHNhbHQ$fd8XSYpIVlavcQnJbA8U5w",
    "$argon2id$v=16$m=256,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$gGAWQuRSkArDLSTs1OQibLCtZ9wQMCuZC37SG4HT4eYbjfbZ+Wkmuar1YsSxHxsVzvzXcDSBwvNjZYa+jtLueA",
    "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY",
    "$argon2id$v=19$m=64,t=1,p=2$c2FsdHNhbHQ$vryrcckFz4sawl1SPKyhag",
    "$argon2id$v=19$m=256,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$RWmX36K4VV/Ajmy1+ysnH0H50NeC5Mq+ne5k8Haq/QP6d8SN3DMCVCcysQ5gEcTO2NV63f+PvveaKvU2OVY4Ww",
    "$argon2i$v=16$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$0mrGijpaVftxtCcFY1HuzAb95fzAVzy9BCbbc2Vxt6g",
    "$argon2i$v=16$m=64,t=1,p=2$c2FsdHNhbHQ$XkI/7LIbbxJNTYuPD9dKig",
    "$argon2i$v=16$m=256,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$ZKnul0F18QDhK8sZrSym79xi+nMq7SqvVGiOfDa15GvWYq2ZgkQ8FfFziXFKEcMJZ2BdrfhspcWiJmAm8KYemA",
    "$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$4mS3Iun5d1s98te4S6Ec8PACPfFumW4FAtwxa99hKms",
    "$argon2i$v=19$m=64,t=1,p=2$c2FsdHNhbHQ$u7WqKK5SOPHImmzNhBc0BQ",
    "$argon2i$v=19$m=256,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$zgUIbltHhurOEGx+DAhXSuyA+2nMywYxgY8l0vPOYtmDnZl/hdfEJSFi2oN3xP/a6DpgFhClFByN0NK/aX0pIA",
    "$argon2d$v=16$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$q043Ii5PJ+q5bNzjNWE0uQrEKe9HRIkdxEl3ZuwdhFY",
    "$argon2d$v=16$m=64,t=1,p=2$c2FsdHNhbHQ$+oJnm82cyRX/jHUVhiVYfw",
    "$argon2d$v=16$m=256,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$g53ESk42i4W1Siq/fjKyiZfpFZ6OpY+p8YV+mW4fBtzJ4A3sDXPtoqZDEDw8POIBgcZ2pt8TuiMMYhT07/kW/g",
    "$argon2d$v=19$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$nxUaDXg5fcZWRc7EYb1Y79/GfwePM3vREmeTrJ6QUbs",
    "$argon2d$v=19$m=64,t=1,p=2$c2FsdHNhbHQ$piUbgKw25AytsepkLsJD7A",
    "$argon2d$v=19$m=256,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$N8oU10jYPOwY/Gz1drD9FSmp30weCHfCFPDgVUAQL7PvHA2MwzLzQNb+wZcPIPeoFLVjUf+Ze0bAjg9HWBRDSA",
    "$argon2id$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$6139MmUrbzPl2z1A1UR1r/sByEPfLDxT",
];

/// Also made by the reference implementation, from "Gr\u{fc}\u{df}e, \u{c5}ngstr\u{f6}m-42" in decomposed form (NFD).
const OF_NFD: &str = "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$2ZA+uXtlcMuDvVOxDfFtyKadrFhfXIGUjEGIiinw7As";
const NFC: &str = "Gr\u{fc}\u{df}e, \u{c5}ngstr\u{f6}m-42";
const NFD: &str = "Gru\u{308}\u{df}e, A\u{30a}ngstro\u{308}m-42";

const DEARER: &str = "$argon2id$v=19$m=256,t=7,p=2$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY";
const CHEAPER: &str = "$argon2i$m=16,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY";

fn argon() -> Argon {
    let today = Params::new(64, 2, 1, Some(OUTPUT_BYTES)).expect("valid parameters");
    Argon::new(today, Grant { memory: 512, at_once: 1 })
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn compare(argon: &Argon, text: &str, hash: Option<&str>) -> (Verdict, u64) {
    let before = argon.work();
    let hash = hash.map(|hash| PasswordHash(hash.to_owned()));
    let verdict = argon.compare(&password(text), hash.as_ref(), &mut Memory::default());
    (verdict, argon.work() - before)
}

#[test]
fn passwords_are_compared_with_hashes_of_every_kind_version_and_length() {
    let argon = argon();
    for hash in OF_OTHERS {
        let (verdict, _) = compare(&argon, PASSWORD, Some(hash));
        assert!(verdict.matches, "{hash}");
        let is_todays = hash.starts_with("$argon2id$v=19$m=64,t=2,p=1$");
        assert_eq!(verdict.is_outdated, !is_todays, "{hash}");
        let (wrong, _) = compare(&argon, "grumpy-otter-43", Some(hash));
        assert!(!wrong.matches && wrong.flaw.is_none(), "{hash}");
    }
}

#[test]
fn a_wrong_password_costs_the_same_whatever_hash_is_stored() {
    let argon = argon();
    let own = argon.make(&password(PASSWORD), &mut Memory::default()).0;
    let kinds = [None, Some(own.as_str()), Some(CHEAPER), Some("garbage"), Some("$2b$12$x"), Some(OF_OTHERS[0])];
    let costs = |text: &str, kinds: &[Option<&str>]| -> Vec<u64> {
        kinds.iter().map(|hash| compare(&argon, text, *hash).1).collect()
    };
    assert_eq!(costs("wrong", &kinds), [128; 6]);
    assert_eq!(costs(NFD, &kinds), [256; 6], "a text with two forms is tried twice, whatever hash is stored");
    // As soon as a more expensive hash is met, every attempt costs as much.
    let with_dearer = [&kinds[..], &[Some(DEARER)]].concat();
    let (first, work) = compare(&argon, "wrong", Some(DEARER));
    assert!(!first.matches && work == 256 * 7);
    assert_eq!(costs("wrong", &with_dearer), [256 * 7; 7]);
    assert_eq!(costs(NFD, &with_dearer), [2 * 256 * 7; 7]);
}

#[test]
fn expensive_hashes_count_from_when_they_are_read_until_there_are_none() {
    let argon = argon();
    let unknown = || compare(&argon, "wrong", None).1;
    argon.observe_stored_costs(&[PasswordHash(DEARER.to_owned()), PasswordHash("garbage".to_owned())], true);
    assert_eq!(unknown(), 256 * 7);
    argon.observe_stored_costs(&[PasswordHash(CHEAPER.to_owned())], false);
    assert_eq!(unknown(), 256 * 7, "there may be others");
    argon.observe_stored_costs(&[PasswordHash(CHEAPER.to_owned())], true);
    assert_eq!(unknown(), 128);
}

#[test]
fn a_hash_that_costs_too_much_is_refused_with_the_reason_and_not_computed() {
    let argon = argon();
    let hash = DEARER.replace("m=256", "m=1048576");
    let (verdict, work) = compare(&argon, PASSWORD, Some(&hash));
    assert_eq!(verdict.flaw.map(Unusable::name), Some("too_costly"));
    assert_eq!((verdict.matches, work), (false, 128));
}

#[test]
fn a_password_is_the_same_however_its_letters_are_composed() {
    let argon = argon();
    let hash = argon.make(&password(NFD), &mut Memory::default()).0;
    for text in [NFC, NFD] {
        let (verdict, _) = compare(&argon, text, Some(&hash));
        assert!(verdict.matches && !verdict.is_outdated, "{text}");
    }
}

#[test]
fn a_hash_of_a_password_as_it_was_typed_matches_and_is_outdated() {
    let argon = argon();
    let (verdict, _) = compare(&argon, NFD, Some(OF_NFD));
    assert!(verdict.matches && verdict.is_outdated);
    assert!(!compare(&argon, NFC, Some(OF_NFD)).0.matches, "nothing says how it was typed");
}

#[test]
fn memory_of_expensive_hashes_is_not_kept() {
    let argon = argon();
    let mut memory = Memory::default();
    argon.compare(&password("wrong"), Some(&PasswordHash(DEARER.to_owned())), &mut memory);
    argon.compare(&password("wrong"), None, &mut memory);
    assert!(memory.0.len() <= 64, "{} blocks", memory.0.len());
}
