//! What is not accepted.

use super::{
    ALGORITHMS,
    world::{DOMAIN, ORIGIN, World, authenticator, creation, request},
};
use auth_service::domain::{
    passkeys::{
        add::AddError,
        authenticate::{PasskeyError, Wanted},
    },
    sessions::caller::Caller,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::authenticator::{Algorithm, Authenticator, BACKED_UP, HONEST, PRESENT};
use serde_json::{Value, json};

fn decoded(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// Each single-bit change of a part.
fn flips(part: &Value) -> impl Iterator<Item = Value> {
    let bytes = decoded(part);
    (0..bytes.len() * 8).map(move |bit| {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        json!(URL_SAFE_NO_PAD.encode(changed))
    })
}

/// What an authenticator does otherwise.
type Change = fn(&mut Authenticator);

#[tokio::test]
async fn no_login_with_a_changed_bit_is_accepted() {
    let world = World::new().await;
    let mut tried = 0;
    for algorithm in ALGORITHMS {
        let mut device = world.added(&world.somebody().await, algorithm, 0).await;
        let offer = world.offer();
        let answer = device.get(&request(&offer));
        for part in ["/response/authenticatorData", "/response/clientDataJSON", "/response/signature"] {
            for flipped in flips(answer.pointer(part).unwrap()) {
                let mut changed = answer.clone();
                *changed.pointer_mut(part).unwrap() = flipped;
                let refused = world.show(&offer.challenge_id, &changed, Wanted::Anybody).await;
                let is_refused = matches!(refused, Err(PasskeyError::Refused { reason: "not_genuine", .. }));
                assert!(is_refused, "{algorithm:?} {part}: {refused:?}");
                tried += 1;
            }
        }
        // None of them has used it up.
        world.show(&offer.challenge_id, &answer, Wanted::Anybody).await.unwrap();
    }
    assert!(tried > 7000, "{tried}");
}

#[tokio::test]
async fn a_registration_with_a_changed_bit_in_what_the_browser_saw_is_refused() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let offer = world.passkeys.offer_to_add(&caller).await.unwrap();
    let answer = authenticator(Algorithm::Es256).create(&creation(&offer, &caller));
    // Without attestation nothing is signed: only what is compared is noticed.
    let data = decoded(&answer["response"]["clientDataJSON"]);
    let compared = [&b"webauthn.create"[..], ORIGIN.as_bytes()];
    for value in compared {
        let begin = data.windows(value.len()).position(|window| window == value).unwrap();
        for bit in begin * 8..(begin + value.len()) * 8 {
            let mut changed = data.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let mut answer = answer.clone();
            answer["response"]["clientDataJSON"] = json!(URL_SAFE_NO_PAD.encode(changed));
            assert!(matches!(world.add(&caller, &offer.challenge_id, &answer).await, Err(AddError::Invalid)), "{bit}");
        }
    }
    world.add(&caller, &offer.challenge_id, &answer).await.unwrap();
}

#[tokio::test]
async fn another_origin_domain_or_flag_is_refused_at_logins_and_registrations() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let changes: [(&str, Change); 9] = [
        ("origin", |it| it.origin = "https://auth.example.com.evil.example".to_owned()),
        ("scheme", |it| it.origin = "http://auth.example.com".to_owned()),
        ("port", |it| it.origin = "https://auth.example.com:8443".to_owned()),
        ("not allowed", |it| it.origin = "https://other.example.com".to_owned()),
        ("frame", |it| it.is_framed = true),
        ("domain", |it| it.rp_id = "auth.example.com".to_owned()),
        ("not verified", |it| it.flags = PRESENT),
        ("not present", |it| it.flags = HONEST & !PRESENT),
        ("backed up but not eligible", |it| it.flags = HONEST | BACKED_UP),
    ];
    for (name, change) in changes {
        let mut device = world.added(&caller, Algorithm::Es256, 0).await;
        change(&mut device);
        let refused = world.log_in(&mut device).await;
        assert!(matches!(refused, Err(PasskeyError::Refused { .. })), "{name}: {refused:?}");
        let mut device = authenticator(Algorithm::Es256);
        change(&mut device);
        let offer = world.passkeys.offer_to_add(&caller).await.unwrap();
        let answer = device.create(&creation(&offer, &caller));
        let refused = world.add(&caller, &offer.challenge_id, &answer).await;
        assert!(matches!(refused, Err(AddError::Invalid)), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_challenge_is_good_for_what_it_was_asked_for_only() {
    let world = World::new().await;
    let (ada, bob) = (world.somebody().await, world.somebody().await);
    let mut device = world.added(&ada, Algorithm::Es256, 0).await;
    let id = |caller: &Caller| caller.account.id;
    let (login, to_add) = (world.offer(), world.passkeys.offer_to_add(&ada).await.unwrap());
    let confirm = world.passkeys.offer_to_confirm(id(&ada)).await.unwrap();
    let of_bob = world.passkeys.offer_to_confirm(id(&bob)).await.unwrap();
    let cases = [
        (&to_add, Wanted::Anybody),
        (&to_add, Wanted::Again(id(&ada))),
        (&to_add, Wanted::SecondFactorOf(id(&ada))),
        (&confirm, Wanted::Anybody),
        (&login, Wanted::Again(id(&ada))),
        (&of_bob, Wanted::Again(id(&ada))),
        (&of_bob, Wanted::SecondFactorOf(id(&ada))),
    ];
    for (offer, wanted) in cases {
        let refused = world.show(&offer.challenge_id, &device.get(&request(offer)), wanted).await;
        assert!(matches!(refused, Err(PasskeyError::Expired)), "{wanted:?}: {refused:?}");
    }
    // The id of one challenge with the answer to another.
    let other = world.offer();
    let refused = world.show(&login.challenge_id, &device.get(&request(&other)), Wanted::Anybody).await;
    assert!(matches!(refused, Err(PasskeyError::Refused { .. })), "{refused:?}");
    // Registrations.
    let answer = authenticator(Algorithm::Es256).create(&creation(&to_add, &bob));
    assert!(matches!(world.add(&bob, &to_add.challenge_id, &answer).await, Err(AddError::Expired)));
    let answer = authenticator(Algorithm::Es256).create(&creation(&login, &ada));
    assert!(matches!(world.add(&ada, &login.challenge_id, &answer).await, Err(AddError::Expired)));
    // And what they are good for.
    for (offer, wanted) in [(&login, Wanted::SecondFactorOf(id(&ada))), (&confirm, Wanted::Again(id(&ada)))] {
        world.show(&offer.challenge_id, &device.get(&request(offer)), wanted).await.unwrap();
    }
}

#[tokio::test]
async fn a_late_answer_and_a_made_up_challenge_are_refused() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let mut device = world.added(&caller, Algorithm::Es256, 0).await;
    let (offer, to_add) = (world.offer(), world.passkeys.offer_to_add(&caller).await.unwrap());
    let (answer, new) =
        (device.get(&request(&offer)), authenticator(Algorithm::Es256).create(&creation(&to_add, &caller)));
    world.wait_for_the_end();
    assert!(matches!(world.show(&offer.challenge_id, &answer, Wanted::Anybody).await, Err(PasskeyError::Expired)));
    assert!(matches!(world.add(&caller, &to_add.challenge_id, &new).await, Err(AddError::Expired)));
    for id in ["", "x", &"A".repeat(119), &"A".repeat(10_000), "é"] {
        assert!(matches!(world.show(id, &answer, Wanted::Anybody).await, Err(PasskeyError::Expired)), "{id}");
    }
}

#[tokio::test]
async fn a_passkey_of_somebody_else_or_with_another_handle_is_refused() {
    let world = World::new().await;
    let (ada, bob) = (world.somebody().await, world.somebody().await);
    let (mut of_ada, mut of_bob) =
        (world.added(&ada, Algorithm::Es256, 0).await, world.added(&bob, Algorithm::Es256, 0).await);
    let offer = world.passkeys.offer_to_confirm(ada.account.id).await.unwrap();
    let again = Wanted::Again(ada.account.id);
    let refused = world.show(&offer.challenge_id, &of_bob.get(&request(&offer)), again).await;
    assert!(matches!(refused, Err(PasskeyError::Refused { reason: "other_user", .. })), "{refused:?}");
    let own = of_ada.user_handle.replace(of_bob.user_handle.clone().unwrap());
    for refused in
        [world.log_in(&mut of_ada).await, world.show(&offer.challenge_id, &of_ada.get(&request(&offer)), again).await]
    {
        assert!(matches!(refused, Err(PasskeyError::Refused { reason: "user_handle", .. })), "{refused:?}");
    }
    // A login without a handle says nobody's name; where it is known who it must be, none is needed.
    of_ada.user_handle = None;
    assert!(matches!(world.log_in(&mut of_ada).await, Err(PasskeyError::Refused { reason: "user_handle", .. })));
    world.show(&offer.challenge_id, &of_ada.get(&request(&offer)), again).await.unwrap();
    of_ada.user_handle = own;
    world.log_in(&mut of_ada).await.unwrap();
    // The id of one credential with the key of another.
    std::mem::swap(&mut of_ada.id, &mut of_bob.id);
    assert!(matches!(world.log_in(&mut of_ada).await, Err(PasskeyError::Refused { reason: "not_genuine", .. })));
    // A credential that nobody has.
    let refused = world.log_in(&mut authenticator(Algorithm::Es256)).await;
    assert!(matches!(refused, Err(PasskeyError::Unknown { ref rp_id, .. }) if rp_id == DOMAIN), "{refused:?}");
}

#[tokio::test]
async fn a_credential_is_not_added_twice_and_not_with_an_id_of_another() {
    let world = World::new().await;
    let (ada, bob) = (world.somebody().await, world.somebody().await);
    let mut device = world.added(&ada, Algorithm::Es256, 0).await;
    for caller in [&ada, &bob] {
        let offer = world.passkeys.offer_to_add(caller).await.unwrap();
        let again = device.create(&creation(&offer, caller));
        assert!(matches!(world.add(caller, &offer.challenge_id, &again).await, Err(AddError::Invalid)));
    }
    let offer = world.passkeys.offer_to_add(&bob).await.unwrap();
    let mut answer = authenticator(Algorithm::Es256).create(&creation(&offer, &bob));
    answer["rawId"] = json!("AQID");
    assert!(matches!(world.add(&bob, &offer.challenge_id, &answer).await, Err(AddError::Invalid)));
}

#[tokio::test]
async fn huge_and_odd_answers_are_refused_quickly() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let mut device = world.added(&caller, Algorithm::Es256, 0).await;
    let (offer, to_add) = (world.offer(), world.passkeys.offer_to_add(&caller).await.unwrap());
    let (login, new) =
        (device.get(&request(&offer)), authenticator(Algorithm::EdDsa).create(&creation(&to_add, &caller)));
    let nested = [&[0x81_u8; 4000][..], &[0]].concat();
    // An array, a text and a map that claim to be as long as can be.
    let claims = [0x9b_u8, 0x7b, 0xbb].map(|major| [&[major][..], &[0xff; 8]].concat());
    let bytes = [
        vec![],
        vec![0],
        vec![0xff; 37],
        vec![0; 200],
        b"{}".to_vec(),
        b"{\"type\":1}".to_vec(),
        vec![b'['; 4000],
        nested,
    ];
    let odd: Vec<Value> = bytes.iter().chain(&claims).map(|bytes| json!(URL_SAFE_NO_PAD.encode(bytes))).collect();
    let shapes = [json!(null), json!(1), json!([]), json!({}), json!("AA=="), json!("+/"), json!("A".repeat(1 << 20))];
    for value in odd.iter().chain(&shapes) {
        for part in
            ["/rawId", "/response/clientDataJSON", "/response/authenticatorData", "/response/signature", "/response"]
        {
            let mut login = login.clone();
            *login.pointer_mut(part).unwrap() = value.clone();
            assert!(world.show(&offer.challenge_id, &login, Wanted::Anybody).await.is_err(), "{part}");
        }
        for part in ["/rawId", "/response/clientDataJSON", "/response/attestationObject", "/response"] {
            let mut new = new.clone();
            *new.pointer_mut(part).unwrap() = value.clone();
            assert!(world.add(&caller, &to_add.challenge_id, &new).await.is_err(), "{part}");
        }
    }
    // Each beginning of an attestation object, and each with a changed byte.
    let object = decoded(&new["response"]["attestationObject"]);
    for length in 0..object.len() {
        let mut new = new.clone();
        new["response"]["attestationObject"] = json!(URL_SAFE_NO_PAD.encode(&object[..length]));
        assert!(world.add(&caller, &to_add.challenge_id, &new).await.is_err(), "{length}");
    }
    world.show(&offer.challenge_id, &login, Wanted::Anybody).await.unwrap();
    world.add(&caller, &to_add.challenge_id, &new).await.unwrap();
}
