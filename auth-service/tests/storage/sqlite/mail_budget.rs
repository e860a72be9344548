//! How many mails anybody may cause, counted in a real store whose clock is moved by hand.

use crate::{samples::now, servers::sqlite_url};
use auth_service::{
    domain::{
        Client,
        accounts::EmailAddress,
        mail::MailKind,
        secrets::{KeyRing, RootSecret},
        throttling::mail_budget::{MailBudget, Wanted},
    },
    storage::sql::Sql,
};
use shared::clock::ManualClock;
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

struct Post {
    budget: MailBudget,
    clock: ManualClock,
    _directory: TempDir,
}

impl Post {
    async fn with(in_all: usize) -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), ManualClock::at(now()));
        let store = Sql::connect(&sqlite_url(directory.path()), Arc::new(clock.clone())).await.unwrap();
        let root = RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap();
        let budget = MailBudget::new(Arc::new(store), Arc::new(KeyRing::new(&root, None)), in_all);
        Self { budget, clock, _directory: directory }
    }

    async fn allows(&self, to: &str, from: &str) -> bool {
        self.allows_of(MailKind::PasswordChanged, to, from).await
    }

    async fn allows_of(&self, kind: MailKind, to: &str, from: &str) -> bool {
        let client = client(from);
        self.wanted(kind, to, Some(&client), true).await
    }

    async fn wanted(&self, kind: MailKind, to: &str, by: Option<&Client>, is_sent: bool) -> bool {
        let to = &EmailAddress::parse(to).unwrap();
        self.budget.allows(&Wanted { kind, to, by, is_sent }).await.unwrap()
    }
}

#[tokio::test]
async fn an_address_gets_one_mail_of_a_kind_a_minute_and_five_an_hour_and_ten_a_day() {
    let post = Post::with(1000).await;
    for (of_hour, expected) in [(1, 5), (2, 5), (3, 0)] {
        let mut allowed = 0;
        for _ in 0..10 {
            allowed += usize::from(post.allows("ada@example.com", "192.0.2.7").await);
            assert!(!post.allows("ada@example.com", "192.0.2.7").await, "a second one in the same minute");
            post.clock.advance(MINUTE);
        }
        assert_eq!(allowed, expected, "hour {of_hour}");
        post.clock.advance(HOUR);
    }
    assert!(post.allows_of(MailKind::TheftFound, "ada@example.com", "192.0.2.7").await, "another kind");
    assert!(post.allows("bob@example.com", "192.0.2.7").await, "another address");
    post.clock.advance(24 * HOUR);
    assert!(post.allows("ada@example.com", "192.0.2.7").await, "another day");
}

fn client(from: &str) -> Client {
    Client {
        address: from.parse().unwrap(),
        has_own_address: true,
        named: None,
        user_agent: String::new(),
        language: None,
        device: None,
    }
}

#[tokio::test]
async fn what_is_not_sent_and_what_strangers_register_uses_up_nothing_of_those_who_have_accounts() {
    let post = Post::with(5).await;
    let from = client("192.0.2.7");
    for number in 0..40 {
        // More than a network may cause, if they were sent.
        post.wanted(MailKind::PasswordReset, &format!("nobody{number}@example.com"), Some(&from), false).await;
    }
    for _ in 0..3 {
        // There is no account with this address, though its mails would go to one that there is.
        post.wanted(MailKind::PasswordReset, "ada+1@example.com", Some(&from), false).await;
    }
    for number in 0..9 {
        let to = format!("somebody{number}@example.com");
        let allowed = post.allows_of(MailKind::Registration, &to, &format!("10.0.{number}.1")).await;
        assert_eq!(allowed, number < 5, "{number}");
    }
    assert!(post.allows_of(MailKind::PasswordReset, "ada@example.com", "192.0.2.7").await);
}

#[tokio::test]
async fn an_admin_is_bound_by_the_address_and_not_by_the_network() {
    let post = Post::with(1000).await;
    for number in 0..40 {
        assert!(post.wanted(MailKind::Invitation, &format!("somebody{number}@example.com"), None, true).await);
    }
    assert!(!post.wanted(MailKind::Invitation, "somebody0@example.com", None, true).await, "twice in a minute");
}

#[tokio::test]
async fn a_stranger_elsewhere_does_not_use_up_what_the_user_of_an_address_needs() {
    let post = Post::with(1000).await;
    let mut sent = 0;
    for _ in 0..24 * 60 {
        sent += usize::from(post.allows("ada@example.com", "192.0.2.7").await);
        post.clock.advance(MINUTE);
    }
    assert_eq!(sent, 10);
    assert!(post.allows("ada@example.com", "198.51.100.1").await, "the user asks from another network");
    let bombed = Post::with(1000).await;
    let mut sent = 0;
    for minute in 0..60 {
        let mut at_once = 0;
        // None of them has asked before.
        for network in 0..4 {
            at_once += usize::from(bombed.allows("eve@example.com", &format!("10.{}.{network}.1", 100 + minute)).await);
        }
        assert!(at_once <= 3, "three a minute");
        sent += at_once;
        bombed.clock.advance(MINUTE);
    }
    assert_eq!(sent, 15, "fifteen an hour");
    let mut sent = 0;
    for minute in 0..24 * 60 {
        for network in 0..4 {
            sent += usize::from(bombed.allows("ada@example.com", &format!("10.0.{network}.{}", minute % 200)).await);
        }
        bombed.clock.advance(MINUTE);
    }
    assert_eq!(sent, 30, "from however many networks");
}

#[tokio::test]
async fn spellings_that_lead_to_one_mailbox_count_as_one_address() {
    let post = Post::with(1000).await;
    assert!(post.allows("ada+1@example.com", "192.0.2.7").await);
    assert!(!post.allows("ada+2@example.com", "192.0.2.7").await);
    assert!(post.allows("a.da@example.com", "192.0.2.7").await, "elsewhere a dot matters");
    assert!(post.allows("a.d.a+x@gmail.com", "192.0.2.7").await);
    assert!(!post.allows("ada@googlemail.com", "192.0.2.7").await);
}

#[tokio::test]
async fn a_network_causes_thirty_mails_an_hour_and_leaves_others_alone() {
    let post = Post::with(1000).await;
    for number in 0..40 {
        let to = format!("somebody{number}@example.com");
        assert_eq!(post.allows(&to, &format!("192.0.2.{number}")).await, number < 30, "{number}");
    }
    assert!(post.allows("ada@example.com", "198.51.100.1").await);
    post.clock.advance(HOUR);
    assert!(post.allows("bob@example.com", "192.0.2.7").await);
}

#[tokio::test]
async fn the_whole_installation_sends_no_more_than_its_budget() {
    let post = Post::with(3).await;
    for number in 0..5 {
        let (to, from) = (format!("somebody{number}@example.com"), format!("10.0.{number}.1"));
        assert_eq!(post.allows(&to, &from).await, number < 3, "{number}");
    }
    post.clock.advance(HOUR);
    assert!(post.allows("ada@example.com", "192.0.2.7").await);
    for number in 0..5 {
        // An address that is taken looks like one that is free, and so do its mails.
        let kind = if number % 2 == 0 { MailKind::Registration } else { MailKind::AlreadyRegistered };
        let (to, from) = (format!("nobody{number}@example.com"), format!("10.2.{number}.1"));
        assert_eq!(post.allows_of(kind, &to, &from).await, number < 3, "{number}");
    }
}

#[tokio::test]
async fn clients_behind_one_proxy_are_told_apart_by_the_names_that_it_gives_them() {
    let post = Post::with(1000).await;
    let behind =
        |name: &str| Client { has_own_address: false, named: Some(name.parse().unwrap()), ..client("10.0.0.1") };
    let own = Client { named: Some("203.0.113.99".parse().unwrap()), ..client("192.0.2.7") };
    for number in 0..30 {
        for (whose, from) in [("theirs", behind("198.51.100.1")), ("own", own.clone())] {
            let to = format!("{whose}{number}@example.com");
            assert!(post.wanted(MailKind::PasswordChanged, &to, Some(&from), true).await);
        }
    }
    let may = async |from: Client| post.wanted(MailKind::TheftFound, "ada@example.com", Some(&from), true).await;
    assert!(!may(behind("198.51.100.2")).await, "the same network");
    assert!(!may(client("192.0.2.8")).await, "an address of its own counts, whatever a proxy calls it");
    assert!(may(behind("203.0.113.8")).await);
}
