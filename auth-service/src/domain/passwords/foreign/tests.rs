use crate::domain::passwords::{
    Password, PasswordHash,
    argon2id::{Argon, Grant, Memory, OUTPUT_BYTES, Verdict},
    foreign::*,
    signer_keys::SignerKey,
};
use argon2::Params;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

/// Known passwords, hashed by the tools of other systems: tests/fixtures/foreign_hashes/make.py says how.
const HASHES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/foreign_hashes/hashes.jsonl"));

fn argon() -> Argon {
    let today = Params::new(64, 2, 1, Some(OUTPUT_BYTES)).expect("valid parameters");
    Argon::new(today, Grant { memory: 64 * 1024, at_once: 1 })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn foreign(argon: &Argon, form: &str, hash: &Value) -> Result<Foreign, Unusable> {
    match form {
        "described" => described(hash.as_str().expect("a text")).inspect(|found| {
            if let Foreign::Keyed(KeyedHash { key, .. }) = found {
                argon.add_key(key.clone());
            }
        }),
        "keycloak" => of_keycloak(text(hash, "credentialData"), text(hash, "secretData")),
        "firebase" => {
            let bytes = |name| STANDARD.decode(text(hash, name)).expect("base64");
            let key = SignerKey::new(Zeroizing::new(bytes("signer_key")));
            let keyid = key.id();
            argon.add_key(key);
            let hashing = FirebaseHashing { keyid, salt_separator: bytes("salt_separator"), rounds: 8, mem_cost: 14 };
            of_firebase(&hashing, text(hash, "hash"), text(hash, "salt"))
        }
        other => panic!("{other}"),
    }
}

/// Every hash of the fixtures: its line, the password, and the stored form.
fn all(argon: &Argon) -> Vec<(Value, String, PasswordHash)> {
    let stored = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let stored = match foreign(argon, text(&line, "form"), &line["hash"])
            .unwrap_or_else(|error| panic!("{error}: {line}"))
        {
            Foreign::Stored(hash) | Foreign::Keyed(KeyedHash { hash, .. }) => hash,
            Foreign::Weak(weak) => argon.wrap(&weak, &mut Memory::default()),
        };
        (line.clone(), text(&line, "password").to_owned(), stored)
    };
    HASHES.lines().map(stored).collect()
}

fn compare(argon: &Argon, text: &str, hash: Option<&PasswordHash>) -> (Verdict, u64) {
    let before = argon.work();
    let verdict = argon.compare(&Password::new(text.to_owned()), hash, &mut Memory::default());
    (verdict, argon.work() - before)
}

#[test]
fn passwords_are_compared_with_the_hashes_of_other_systems() {
    let argon = argon();
    let all = all(&argon);
    assert!(all.len() > 80);
    for (line, password, hash) in &all {
        let (right, _) = compare(&argon, password, Some(hash));
        assert_eq!(right, Verdict { matches: true, is_outdated: true, flaw: None }, "{line} {}", hash.0);
        for wrong in [format!("x{password}"), password.to_uppercase(), String::new()] {
            let (verdict, _) = compare(&argon, &wrong, Some(hash));
            assert_eq!(verdict, Verdict { matches: false, is_outdated: true, flaw: None }, "{line} {}", hash.0);
        }
    }
}

#[test]
fn an_unknown_user_costs_what_the_dearest_hash_of_another_system_costs_and_so_do_all_others() {
    for (line, _, hash) in all(&argon()) {
        let argon = argon();
        foreign(&argon, text(&line, "form"), &line["hash"]).expect("as before");
        argon.observe_stored_costs([&hash], true);
        let own = argon.make(&Password::new("grumpy-otter-42".to_owned()), &mut Memory::default());
        let (_, costliest) = compare(&argon, "wrong", Some(&hash));
        assert!(costliest >= 128, "{line}");
        for other in [None, Some(&own), Some(&PasswordHash("garbage".to_owned()))] {
            let (_, work) = compare(&argon, "wrong", other);
            // Argon2 cannot make up for less than 8 KiB.
            assert!(costliest.abs_diff(work) <= 8, "{costliest} {work} {line}");
        }
        argon.observe_stored_costs([], true);
        assert_eq!(compare(&argon, "wrong", None).1, 128, "{line}");
    }
}

#[test]
fn only_weak_hashes_are_wrapped_and_nothing_of_them_is_stored() {
    let argon = argon();
    for line in HASHES.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        let is_weak =
            ["{SSHA", "$P$"].iter().any(|begin| line["hash"].as_str().is_some_and(|hash| hash.starts_with(begin)));
        let found = foreign(&argon, text(&line, "form"), &line["hash"]).expect("as before");
        let Foreign::Weak(weak) = found else {
            assert!(!is_weak, "{line}");
            continue;
        };
        assert!(is_weak, "{line}");
        let stored = argon.wrap(&weak, &mut Memory::default()).0;
        assert!(stored.starts_with("$wrap-") && stored.contains("$argon2id$v=19$m=64,t=2,p=1$"), "{stored}");
        assert!(!stored.contains(&STANDARD_NO_PAD.encode(&weak.output)[..16]), "{stored}");
    }
}

#[test]
fn hashes_that_take_too_long_are_refused_with_the_reason_and_not_computed() {
    const REST: &str = "$c2FsdHNhbHRzYWx0c2FsdA$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY";
    let bcrypt = "R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let sha_crypt = format!("saltsalt${}", "x".repeat(86));
    let cases = [
        (format!("$2b$13${bcrypt}"), format!("$2b$14${bcrypt}")),
        (format!("$wp$2y$12${bcrypt}"), format!("$wp$2y$31${bcrypt}")),
        (format!("$pbkdf2-sha256$i=2000000{REST}"), format!("$pbkdf2-sha256$i=2000001{REST}")),
        (format!("$pbkdf2-sha1$i=1000000{REST}"), format!("$pbkdf2-sha1$i=1000001{REST}")),
        (format!("$scrypt$ln=16,r=8,p=4{REST}"), format!("$scrypt$ln=16,r=8,p=5{REST}")),
        (format!("$scrypt$ln=16,r=8,p=1{REST}"), format!("$scrypt$ln=17,r=8,p=1{REST}")),
        (format!("$scrypt-nfkc$ln=14,r=16,p=1{REST}"), format!("$scrypt-nfkc$ln=30,r=16,p=1{REST}")),
        (format!("$6$rounds=1000000${sha_crypt}"), format!("$6$rounds=1000001${sha_crypt}")),
        (
            format!("$wrap-phpass$BIVCOrC0z$argon2id$m=64,t=1,p=1{REST}"),
            format!("$wrap-phpass$FIVCOrC0z$argon2id$m=64,t=1,p=1{REST}"),
        ),
    ];
    let argon = argon();
    for (taken, refused) in cases {
        assert_eq!(argon.flaw(&PasswordHash(taken.clone())), None, "{taken}");
        let (verdict, work) = compare(&argon, "wrong", Some(&PasswordHash(refused.clone())));
        assert_eq!(verdict.flaw.map(Unusable::name), Some("too_costly"), "{refused}");
        assert_eq!((verdict.matches, work), (false, 128), "{refused}");
    }
}

/// With a key of as many bytes, which is not known here, and a hash of 64.
fn in_supabase(parameters: &str, key: usize) -> String {
    let [key, hash] = [vec![7; key], vec![9; 64]].map(|bytes: Vec<u8>| STANDARD.encode(bytes));
    format!("$fbscrypt${parameters},sk={key}$C0sHCg9ek77hsg==${hash}")
}

#[test]
fn the_secret_key_in_a_hash_of_supabase_is_taken_out_of_it() {
    let hash = in_supabase("v=1,n=14,r=8,p=1,ss=Bw==", 64);
    let found = described(&hash).expect("a hash");
    assert!(!format!("{found:?}").contains("Bwc"), "{found:?}");
    let Foreign::Keyed(KeyedHash { hash: stored, key }) = found else { panic!("another kind") };
    assert_eq!(key.expose(), [7; 64]);
    assert!(!stored.0.contains(&STANDARD_NO_PAD.encode([7; 16])), "{}", stored.0);
    assert_eq!(stored.0.split('$').nth(2), Some(format!("ln=14,r=8,p=1,keyid={}", key.id()).as_str()));
    let urlsafe = hash.replace('/', "_").replace('+', "-");
    assert_eq!(described(&urlsafe).map_err(|_| ()), described(&hash).map_err(|_| ()));
}

#[test]
fn forms_that_are_not_understood_are_refused_with_their_reason() {
    let argon = argon();
    let long = "B".repeat(100);
    for (hash, reason) in [
        ("plain text", "form"),
        ("", "form"),
        ("{MD5}X03MO1qnZdYdgyfeuILPmQ==", "algorithm"),
        ("{SSHA}c2hvcnQ=", "output"),
        ("{SSHA}!", "output"),
        ("md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "algorithm"),
        ("pbkdf2_sha256$many$salt$aGFzaA==", "salt"),
        ("scrypt$1000$saltsalt$8$1$aGFzaA==", "parameters"),
        ("00ff:nothex", "output"),
        ("$P$short", "form"),
        ("$P$B1234567890123456789012345678", "output"),
        ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "algorithm"),
        ("$2x$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "algorithm"),
        ("$2b$5$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "parameters"),
        ("$2b$03$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "parameters"),
        ("$2b$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMU", "output"),
        ("$2b$05$tooshort", "form"),
        ("$wp$2a$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "form"),
        ("$pbkdf2-sha256$i=0$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "parameters"),
        ("$pbkdf2-sha256$i=9,l=31$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "parameters"),
        ("$scrypt$ln=200,r=8,p=1$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "parameters"),
        ("$scrypt$ln=4,r=8,p=1,keyid=x$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "parameters"),
        (
            "$scrypt-firebase$ln=4,r=8,p=1,keyid=x$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY",
            "unknown_key",
        ),
        ("$scrypt-firebase$ln=4,r=8,p=1$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "keyed"),
        ("$5$rounds=999$salt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "parameters"),
        ("$5$rounds=-1000$salt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "parameters"),
        ("$5$$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "salt"),
        ("$5$salt$5B8vYYiY", "output"),
        ("$wrap-md5$c2FsdA$argon2id$m=64,t=1,p=1$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "algorithm"),
        ("$wrap-ssha$$argon2id$m=64,t=1,p=1$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "salt"),
        ("$wrap-ssha$c2FsdA$argon2d$m=64,t=1,p=1$c2FsdHNhbHQ$AF7m1NQgmCuIu0SLyDb2/4grVlb2oKNu69tYVZhkteY", "form"),
        (long.as_str(), "version"),
        ("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=c2hvcnQ=$C0sHCg9ek77hsg==$AF7m1NQg", "parameters"),
        ("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==$C0sHCg9ek77hsg==$AF7m1NQg", "parameters"),
        ("$fbscrypt$v=1,n=14$C0sHCg9ek77hsg==", "form"),
        (&in_supabase("v=2,n=14,r=8,p=1,ss=Bw==", 64), "parameters"),
        (&in_supabase("v=1,n=14,r=8,p=2,ss=Bw==", 64), "parameters"),
        (&in_supabase("v=1,n=14,r=8,p=1,ss=!", 64), "parameters"),
        (&in_supabase("v=1,n=14,r=8,p=1,ss=Bw==", 63), "parameters"),
        (&in_supabase("v=1,n=30,r=8,p=1,ss=Bw==", 64), "too_costly"),
        (&in_supabase("v=1,n=14,r=8,p=1,ss=Bw==", 64), "unknown_key"),
    ] {
        let flaw = match described(hash) {
            Ok(Foreign::Stored(hash) | Foreign::Keyed(KeyedHash { hash, .. })) => argon.flaw(&hash),
            Ok(Foreign::Weak(_)) => None,
            Err(flaw) => Some(flaw),
        };
        assert_eq!(flaw.map(Unusable::name), Some(reason), "{hash}");
    }
}

#[test]
fn bcrypt_counts_72_bytes_and_what_grows_with_the_length_takes_512() {
    let argon = argon();
    for (_, password, hash) in all(&argon).iter().filter(|(_, password, _)| password.len() > 72) {
        let longer = format!("{password}{}", "x".repeat(600));
        let is_plain_bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|begin| hash.0.starts_with(begin));
        assert_eq!(compare(&argon, &longer, Some(hash)).0.matches, is_plain_bcrypt, "{}", hash.0);
    }
}
