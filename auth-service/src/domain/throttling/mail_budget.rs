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

    /// Whether a client may cause a mail of a kind to an address; if so, it is counted. The answer to the client must
    /// not depend on it: it would reveal what others have asked for.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn allows(&self, kind: MailKind, to: &EmailAddress, client: &Client) -> Result<bool, Unavailable> {
        let mailbox = mailbox(to);
        // A client whose address is a crowd's would use up the mails of all others there.
        let (most, within) = FROM_NETWORK;
        let place = network(client.named.filter(|_| !client.has_own_address).unwrap_or(client.address));
        let from_network = (format!("mail from {place}"), most, within);
        let to_address = |origin: &str, bounds: [(u64, Duration); 3]| {
            bounds.map(|(most, within)| (format!("mail {kind} {} {mailbox}{origin}", within.as_secs()), most, within))
        };
        // First what one network may do: whoever is refused there uses up nothing of others.
        let bounds = to_address(&format!(" from {place}"), TO_ADDRESS_FROM_NETWORK).into_iter();
        let bounds = bounds.chain([from_network]).chain(to_address("", TO_ADDRESS));
        for (name, most, within) in bounds {
            if self.count(&name, within).await?.value > most {
                return Ok(false);
            }
        }
        let (in_all, budget) = (self.count("mail in all", HOUR).await?.value, self.in_all as u64);
        if in_all * 100 >= budget * WARN_AT && SAID.is_due("budget") {
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

/// The mailbox that an address leads to, for counting only: whoever asks for mails to `ada+1@`, `ada+2@`, … fills one.
fn mailbox(address: &EmailAddress) -> String {
    let (local, domain) = address.as_str().split_once('@').unwrap_or((address.as_str(), ""));
    let local = local.split('+').next().unwrap_or(local);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        domain => format!("{local}@{domain}"),
    }
}
