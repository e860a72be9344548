//! How many mails anybody may cause: to one address, from one network, and in all. Mail servers suspend whoever sends
//! too much, and addresses are bombed with mails of many sites at once.

use super::counters::{Count, CounterKey, Counters};
use crate::domain::{Client, Unavailable, accounts::EmailAddress, client::network, mail::MailKind, secrets::KeyRing};
use shared::seldom::Seldom;
use std::{sync::Arc, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// To one address, of one kind, from one network.
const TO_ADDRESS_FROM_NETWORK: [(u64, Duration); 3] = [(1, MINUTE), (5, HOUR), (10, DAY)];
/// To one address, of one kind, from everywhere: more, so that a stranger elsewhere does not use up what its user needs.
const TO_ADDRESS: [(u64, Duration); 3] = [(3, MINUTE), (15, HOUR), (30, DAY)];
/// From one network.
const FROM_NETWORK: (u64, Duration) = (30, HOUR);

/// At which part of the budget of all it is reported, in percent.
const WARN_AT: u64 = 80;

/// Whether the budget was reported lately.
static SAID: Seldom = Seldom::new();

/// A mail that a request asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What it is about.
    pub kind: MailKind,
    /// Where it goes.
    pub to: &'a EmailAddress,
    /// Who asks for it; `None`: an admin, whom no limit of a network stops.
    pub by: Option<&'a Client>,
    /// Whether there is somebody to send it to.
    pub is_sent: bool,
}

/// Counts the mails that requests cause.
pub struct MailBudget {
    counters: Arc<dyn Counters>,
    keys: Arc<KeyRing>,
    in_all: usize,
}

impl MailBudget {
    /// With `in_all` mails an hour from the whole installation.
    #[must_use]
    pub fn new(counters: Arc<dyn Counters>, keys: Arc<KeyRing>, in_all: usize) -> Self {
        Self { counters, keys, in_all }
    }

    /// Whether this mail may be sent; if so, it is counted. The answer to the client must not depend on it: it would
    /// reveal what others have asked for.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn allows(&self, mail: &Wanted<'_>) -> Result<bool, Unavailable> {
        let Wanted { kind, to, by, is_sent } = *mail;
        // What is not sent is counted apart: it takes as long, and uses up nothing.
        let (mail, mailbox) = (if is_sent { "mail" } else { "no mail" }, mailbox(to));
        let to_address = |origin: &str, bounds: [(u64, Duration); 3]| {
            bounds.map(|(most, within)| (format!("{mail} {kind} {} {mailbox}{origin}", within.as_secs()), most, within))
        };
        let mut bounds = Vec::new();
        if let Some(client) = by {
            // A client whose address is a crowd's would use up the mails of all others there.
            let place = network(client.named.filter(|_| !client.has_own_address).unwrap_or(client.address));
            // First what one network may do: whoever is refused there uses up nothing of others.
            bounds.extend(to_address(&format!(" from {place}"), TO_ADDRESS_FROM_NETWORK));
            let (most, within) = FROM_NETWORK;
            bounds.push((format!("{mail} from {place}"), most, within));
        }
        bounds.extend(to_address("", if by.is_some() { TO_ADDRESS } else { TO_ADDRESS_FROM_NETWORK }));
        for (name, most, within) in bounds {
            if self.count(&name, within).await?.value > most {
                return Ok(false);
            }
        }
        let whose = match (is_sent, kind) {
            (false, _) => "no mail in all",
            (true, MailKind::Registration | MailKind::AlreadyRegistered) => "mail in all",
            // Strangers who register any number of addresses take nothing from those who have accounts.
            (true, _) => "mail of accounts in all",
        };
        let (in_all, budget) = (self.count(whose, HOUR).await?.value, self.in_all as u64);
        if is_sent && is_nearly_used_up(in_all, budget) && SAID.is_due(whose) {
            tracing::warn!(
                in_all,
                budget,
                "most of the mails of this hour are used up: beyond AUTH_MAIL_BUDGET, none are sent"
            );
        }
        Ok(in_all <= budget)
    }

    async fn count(&self, name: &str, within: Duration) -> Result<Count, Unavailable> {
        let key = CounterKey(self.keys.current().throttle_name(name));
        let counts = self.counters.add(&[key], within).await?;
        Ok(counts.first().copied().unwrap_or(Count { value: 0, resets_in: Duration::ZERO }))
    }
}

fn is_nearly_used_up(in_all: u64, budget: u64) -> bool {
    in_all * 100 >= budget * WARN_AT
}

/// The mailbox that an address leads to, for counting only: whoever asks for mails to `ada+1@`, `ada+2@`, … fills one.
fn mailbox(address: &EmailAddress) -> String {
    let (local, domain) = address.as_str().split_once('@').unwrap_or((address.as_str(), ""));
    let local = local.split('+').next().unwrap_or(local);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        domain => format!("{local}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::Tally, *};
    use crate::domain::secrets::RootSecret;

    /// A budget whose time a test moves.
    struct Clocked {
        counters: Arc<Tally>,
        budget: MailBudget,
    }

    impl Clocked {
        fn of(in_all: usize) -> Self {
            let root = RootSecret::parse(&RootSecret::generate()).map_err(|error| error.to_string()).unwrap();
            let counters = Arc::new(Tally::default());
            let budget = MailBudget::new(counters.clone(), Arc::new(KeyRing::new(&root, None)), in_all);
            Self { counters, budget }
        }

        /// How many of so many mails are sent at once.
        async fn sent(&self, mails: u32, mail: &Wanted<'_>) -> u32 {
            let mut sent = 0;
            for _ in 0..mails {
                sent += u32::from(self.budget.allows(mail).await.unwrap());
            }
            sent
        }
    }

    fn email(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn client(address: &str) -> Client {
        Client {
            address: address.parse().unwrap(),
            has_own_address: true,
            named: None,
            user_agent: String::new(),
            language: None,
            device: None,
        }
    }

    fn reset<'a>(to: &'a EmailAddress, by: Option<&'a Client>) -> Wanted<'a> {
        Wanted { kind: MailKind::PasswordReset, to, by, is_sent: true }
    }

    #[tokio::test]
    async fn one_network_gets_an_address_a_mail_a_minute_five_an_hour_and_ten_a_day() {
        let (clocked, ada, here) = (Clocked::of(1000), email("ada@example.com"), client("192.0.2.7"));
        let mail = reset(&ada, Some(&here));
        let mut sent = Vec::new();
        // Two days and the beginning of a third, in steps in which each window ends now and then.
        for hour in 0..50 {
            let mut in_hour = 0;
            for _ in 0..60 {
                let now = clocked.sent(3, &mail).await;
                assert!(now <= 1, "{hour}: one a minute");
                in_hour += now;
                clocked.counters.pass(MINUTE);
            }
            sent.push(in_hour);
        }
        assert_eq!(sent[..3], [5, 5, 0], "five an hour, ten a day");
        assert_eq!(sent[..24].iter().sum::<u32>(), 10);
        assert_eq!(sent[24..48].iter().sum::<u32>(), 10);
        assert!(sent[48] > 0);
    }

    #[tokio::test]
    async fn a_stranger_elsewhere_does_not_use_up_what_a_user_needs() {
        let (clocked, ada) = (Clocked::of(1000), email("ada@example.com"));
        let networks: Vec<Client> = (0..40).map(|index| client(&format!("10.0.{index}.1"))).collect();
        let from_all = async |count: usize| {
            let mut sent = 0;
            for client in &networks[..count] {
                sent += clocked.sent(1, &reset(&ada, Some(client))).await;
            }
            sent
        };
        assert_eq!(from_all(5).await, 3, "three a minute from everywhere");
        let mut sent = 3;
        for _ in 1..60 {
            clocked.counters.pass(MINUTE);
            sent += from_all(40).await;
        }
        assert_eq!(sent, 15, "fifteen an hour");
        for _ in 1..24 {
            clocked.counters.pass(HOUR);
            sent += from_all(40).await;
        }
        assert_eq!(sent, 30, "thirty a day");
        clocked.counters.pass(HOUR);
        assert_eq!(from_all(40).await, 3, "another day");
    }

    #[tokio::test]
    async fn a_network_causes_thirty_mails_an_hour_to_whomever() {
        let (clocked, here) = (Clocked::of(1000), client("192.0.2.7"));
        let mut sent = 0;
        for index in 0..40 {
            sent += clocked.sent(1, &reset(&email(&format!("user{index}@example.com")), Some(&here))).await;
        }
        assert_eq!(sent, 30);
        let somebody = email("somebody@example.com");
        assert_eq!(clocked.sent(1, &reset(&somebody, Some(&client("192.0.2.99")))).await, 0, "the same network");
        assert_eq!(clocked.sent(1, &reset(&somebody, Some(&client("198.51.100.1")))).await, 1);
        clocked.counters.pass(HOUR);
        assert_eq!(clocked.sent(1, &reset(&email("next@example.com"), Some(&here))).await, 1);
    }

    #[tokio::test]
    async fn clients_behind_one_proxy_are_told_apart_by_the_names_that_it_gives_them() {
        let clocked = Clocked::of(1000);
        let behind =
            |name: &str| Client { has_own_address: false, named: Some(name.parse().unwrap()), ..client("10.0.0.1") };
        for index in 0..30 {
            let to = email(&format!("user{index}@example.com"));
            assert_eq!(clocked.sent(1, &reset(&to, Some(&behind("198.51.100.1")))).await, 1);
        }
        let ada = email("ada@example.com");
        assert_eq!(clocked.sent(1, &reset(&ada, Some(&behind("198.51.100.2")))).await, 0, "the same network");
        assert_eq!(clocked.sent(1, &reset(&ada, Some(&behind("203.0.113.8")))).await, 1);
        // A client that has an address of its own is not what a proxy calls it.
        let own = Client { named: Some("203.0.113.99".parse().unwrap()), ..client("192.0.2.7") };
        for index in 30..60 {
            clocked.sent(1, &reset(&email(&format!("user{index}@example.com")), Some(&own))).await;
        }
        assert_eq!(clocked.sent(1, &reset(&email("eve@example.com"), Some(&client("192.0.2.8")))).await, 0);
    }

    #[tokio::test]
    async fn an_admin_is_stopped_by_no_network_and_still_sends_an_address_one_mail_a_minute() {
        let clocked = Clocked::of(1000);
        for index in 0..40 {
            assert_eq!(clocked.sent(2, &reset(&email(&format!("user{index}@example.com")), None)).await, 1);
        }
    }

    #[tokio::test]
    async fn all_spellings_of_a_mailbox_count_as_one_and_each_kind_of_mail_by_itself() {
        let clocked = Clocked::of(1000);
        let sent = async |to: &str, kind| clocked.sent(1, &Wanted { kind, ..reset(&email(to), None) }).await;
        assert_eq!(sent("ada@example.com", MailKind::PasswordReset).await, 1);
        assert_eq!(sent("ada+1@example.com", MailKind::PasswordReset).await, 0);
        assert_eq!(sent("a.da@example.com", MailKind::PasswordReset).await, 1);
        assert_eq!(sent("ada@example.com", MailKind::LoginCode).await, 1);
        assert_eq!(sent("a.d.a+x@gmail.com", MailKind::PasswordReset).await, 1);
        assert_eq!(sent("ada@googlemail.com", MailKind::PasswordReset).await, 0);
    }

    #[tokio::test]
    async fn the_installation_has_a_budget_an_hour_and_registrations_one_of_their_own() {
        let clocked = Clocked::of(3);
        let sent = async |kind, is_sent| {
            let mut sent = 0;
            for index in 0..5 {
                let to = email(&format!("{kind}-{is_sent}-{index}@example.com"));
                sent += clocked.sent(1, &Wanted { kind, is_sent, ..reset(&to, None) }).await;
            }
            sent
        };
        assert_eq!(sent(MailKind::PasswordReset, false).await, 3, "what is not sent looks the same");
        assert_eq!(sent(MailKind::Registration, true).await, 3);
        assert_eq!(sent(MailKind::AlreadyRegistered, true).await, 0, "as one who registers");
        assert_eq!(sent(MailKind::PasswordReset, true).await, 3);
        assert_eq!(sent(MailKind::LoginCode, true).await, 0);
        clocked.counters.pass(HOUR);
        assert_eq!(sent(MailKind::LoginCode, true).await, 3);
    }

    #[test]
    fn operators_hear_of_it_from_four_fifths_of_the_budget_on() {
        assert!(!is_nearly_used_up(79, 100) && is_nearly_used_up(80, 100) && is_nearly_used_up(101, 100));
        assert!(!is_nearly_used_up(7, 10) && is_nearly_used_up(8, 10));
    }
}
