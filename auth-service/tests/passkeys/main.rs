//! Passkeys against an authenticator of the harness: what is added and logs in, and everything that does not.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise, and its message is the error")]

mod recorded;
mod refused;
mod world;

use self::world::{DOMAIN, ORIGIN, World, authenticator, creation, request};
use auth_service::domain::{
    audit::Action,
    mail::MailKind,
    passkeys::{
        MAX_PASSKEYS,
        add::AddError,
        authenticate::{Authenticated, Kind, PasskeyError, Wanted},
    },
};
use harness::authenticator::{Algorithm, Authenticator, BACKED_UP, ELIGIBLE};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

#[tokio::test]
async fn hundreds_of_passkeys_are_added_and_log_in() {
    let world = World::new().await;
    for round in 0_usize..120 {
        let caller = world.somebody().await;
        // Keys of RSA take long to make.
        let algorithm = ALGORITHMS[if round % 30 == 0 { 2 } else { round % 2 }];
        let further = [0, ELIGIBLE, ELIGIBLE | BACKED_UP][round % 3];
        let mut authenticator = world.added(&caller, algorithm, further).await;
        for counter in 1..=3 {
            authenticator.counter = if round % 2 == 0 { counter } else { 0 };
            let kind = if further == 0 { Kind::Hardware } else { Kind::Synced };
            let expected = Authenticated { sub: caller.account.id, kind };
            assert_eq!(world.log_in(&mut authenticator).await.unwrap(), expected, "{round}");
        }
    }
    assert_eq!(world.events(Action::PasskeyCloned).await, []);
}

#[tokio::test]
async fn a_passkey_that_is_added_is_reported_to_its_user() {
    let world = World::new().await;
    let caller = world.somebody().await;
    world.added(&caller, Algorithm::Es256, 0).await;
    let passkey = world.passkey_of(&caller).await;
    assert_eq!((passkey.name.as_str(), passkey.transports.join(" ")), ("Passkey", "hybrid internal".to_owned()));
    let events = world.events(Action::PasskeyAdd).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["passkey"], passkey.id.to_string());
    assert_eq!(world.mails(MailKind::PasskeyChanged).await, 1);
}

#[tokio::test]
async fn a_user_has_twenty_passkeys_at_most_and_the_browser_hears_of_all_of_them() {
    let world = World::new().await;
    let caller = world.somebody().await;
    for number in 0..MAX_PASSKEYS {
        assert_eq!(world.passkeys.offer_to_add(&caller).await.unwrap().passkeys.len(), number);
        world.added(&caller, Algorithm::EdDsa, 0).await;
    }
    assert!(matches!(world.passkeys.offer_to_add(&caller).await, Err(AddError::TooMany)));
    let confirming = world.passkeys.offer_to_confirm(caller.account.id).await.unwrap();
    assert_eq!(confirming.passkeys.len(), MAX_PASSKEYS);
    assert_eq!(world.offer().passkeys, [], "whoever logs in is not known yet");
}

#[tokio::test]
async fn every_page_of_the_domain_and_every_related_one_may_ask() {
    let world = World::new().await;
    let caller = world.somebody().await;
    for origin in [ORIGIN, "https://app.example.com", "https://example.de"] {
        let mut authenticator = Authenticator::new(Algorithm::Es256, origin, DOMAIN);
        let offer = world.passkeys.offer_to_add(&caller).await.unwrap();
        let answer = authenticator.create(&creation(&offer, &caller));
        world.add(&caller, &offer.challenge_id, &answer).await.unwrap();
        world.log_in(&mut authenticator).await.unwrap();
    }
}

#[tokio::test]
async fn a_challenge_is_good_for_one_success_also_at_the_same_time() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let mut device = world.added(&caller, Algorithm::Es256, ELIGIBLE).await;
    let offer = world.offer();
    let answers: Vec<_> = (0..8).map(|_| device.get(&request(&offer))).collect();
    let logins = answers.iter().map(|answer| world.show(&offer.challenge_id, answer, Wanted::Anybody));
    let outcomes = futures_util::future::join_all(logins).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Err(PasskeyError::Expired))).count(), 7);
    // A registration too.
    let offer = world.passkeys.offer_to_add(&caller).await.unwrap();
    for is_first in [true, false] {
        let answer = authenticator(Algorithm::Es256).create(&creation(&offer, &caller));
        assert_eq!(world.add(&caller, &offer.challenge_id, &answer).await.is_ok(), is_first);
    }
}

#[tokio::test]
async fn a_login_that_is_replayed_raises_no_alarm() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let mut device = world.added(&caller, Algorithm::Es256, 0).await;
    device.counter = 5;
    let offer = world.offer();
    let answer = device.get(&request(&offer));
    world.show(&offer.challenge_id, &answer, Wanted::Anybody).await.unwrap();
    let replayed = world.show(&offer.challenge_id, &answer, Wanted::Anybody).await;
    assert!(matches!(replayed, Err(PasskeyError::Expired)), "{replayed:?}");
    assert_eq!(world.events(Action::PasskeyCloned).await, []);
}

#[tokio::test]
async fn of_two_copies_the_one_that_is_behind_is_refused_and_reported_once_a_day() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let mut device = world.added(&caller, Algorithm::Es256, 0).await;
    for (counter, is_accepted) in [(5, true), (5, false), (4, false), (0, false), (6, true)] {
        device.counter = counter;
        assert_eq!(world.log_in(&mut device).await.is_ok(), is_accepted, "{counter}: never locked out");
    }
    assert_eq!(world.events(Action::PasskeyCloned).await.len(), 3);
    assert_eq!(world.mails(MailKind::PasskeyCloned).await, 1);
    assert_eq!(world.passkey_of(&caller).await.counter, 6);
    // Whoever has not even the key can make no noise.
    let stranger = authenticator(Algorithm::Es256);
    let id = std::mem::replace(&mut device.id, stranger.id);
    let mut forger = authenticator(Algorithm::Es256);
    (forger.id, forger.user_handle, forger.counter) = (id, device.user_handle.clone(), 1);
    let refused = world.log_in(&mut forger).await;
    assert!(matches!(refused, Err(PasskeyError::Refused { reason: "not_genuine", .. })), "{refused:?}");
    assert_eq!(world.events(Action::PasskeyCloned).await.len(), 3);
}

#[tokio::test]
async fn the_state_of_the_backup_is_kept_and_eligibility_never_changes() {
    let world = World::new().await;
    let caller = world.somebody().await;
    let mut synced = world.added(&caller, Algorithm::Es256, ELIGIBLE).await;
    for is_backed_up in [true, false, true] {
        synced.flags = if is_backed_up { synced.flags | BACKED_UP } else { synced.flags & !BACKED_UP };
        world.log_in(&mut synced).await.unwrap();
        assert_eq!(world.passkey_of(&caller).await.is_backed_up, is_backed_up);
    }
    synced.flags &= !(ELIGIBLE | BACKED_UP);
    let refused = world.log_in(&mut synced).await;
    assert!(matches!(refused, Err(PasskeyError::Refused { reason: "backup_eligibility", .. })), "{refused:?}");
    let mut bound = world.added(&world.somebody().await, Algorithm::Es256, 0).await;
    bound.flags |= ELIGIBLE;
    let refused = world.log_in(&mut bound).await;
    assert!(matches!(refused, Err(PasskeyError::Refused { reason: "backup_eligibility", .. })), "{refused:?}");
}
