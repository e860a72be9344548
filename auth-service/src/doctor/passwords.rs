//! Whether new passwords are looked up among breached ones.

use super::Finding;
use crate::{
    breached_passwords::{BreachList, Filter, Header, RangeApi},
    domain::passwords::{
        Password,
        breached::{BreachedPasswords as _, NoAnswer, PasswordSha1},
    },
};
use std::path::Path;
use url::Url;

/// A password that every list has.
const LISTED: &str = "password";

/// What was seen of the list.
pub(super) enum ListSeen {
    Off,
    /// The host of the API, and whether it knows [`LISTED`].
    RangeApi(String, Result<bool, NoAnswer>),
    /// What a file says of itself, or why it is refused.
    File(Result<Header, String>),
}

pub(super) async fn look(list: &BreachList) -> ListSeen {
    match list {
        BreachList::Off => ListSeen::Off,
        BreachList::RangeApi(url) => ListSeen::RangeApi(url.host_str().unwrap_or_default().to_owned(), ask(url).await),
        BreachList::File(path) => ListSeen::File(read(path)),
    }
}

async fn ask(url: &Url) -> Result<bool, NoAnswer> {
    let api = RangeApi::at(url.clone()).map_err(NoAnswer)?;
    api.contain(&PasswordSha1::of(&Password::new(LISTED.to_owned()))).await
}

fn read(path: &Path) -> Result<Header, String> {
    let filter = Filter::read(path).map_err(|reason| format!("{}: {reason}", path.display()))?;
    Ok(filter.header().clone())
}

pub(super) fn finding(seen: &ListSeen) -> Finding {
    match seen {
        ListSeen::Off => Finding::note(
            "new passwords are not looked up among those known from breaches, which attackers try first: set AUTH_BREACHED_PASSWORDS to hibp, or to a filter file (docs/deploy.md)",
        ),
        ListSeen::RangeApi(host, Ok(true)) => {
            Finding::ok(format!("new passwords are looked up among the breached ones of {host}"))
        }
        ListSeen::RangeApi(host, Ok(false)) => Finding::warning(format!(
            "AUTH_BREACHED_PASSWORDS_URL: {host} does not list {LISTED:?}, which every list of breached passwords does: is it a whole mirror?"
        )),
        ListSeen::RangeApi(host, Err(NoAnswer(reason))) => Finding::warning(format!(
            "AUTH_BREACHED_PASSWORDS: {host} cannot be asked about breached passwords: {reason}; until it answers, passwords are set unchecked"
        )),
        ListSeen::File(Ok(header)) => Finding::ok(format!("new passwords are looked up among breached ones: {header}")),
        ListSeen::File(Err(reason)) => Finding::error(format!("AUTH_BREACHED_PASSWORDS: {reason}")),
    }
}
