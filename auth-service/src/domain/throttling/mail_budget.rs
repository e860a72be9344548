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
    use super::*;

    #[test]
    fn operators_hear_of_it_from_four_fifths_of_the_budget_on() {
        assert!(!is_nearly_used_up(79, 100) && is_nearly_used_up(80, 100) && is_nearly_used_up(101, 100));
        assert!(!is_nearly_used_up(7, 10) && is_nearly_used_up(8, 10));
    }
}
