//! Whether the service that publishes the keys is the issuer that the settings name, and whether its clock agrees.

use super::Finding;
use crate::agreement::{Disagreement, Metadata};
use jeton_verifier::keys::{Address, fetch::Client};
use shared::clock::Clock;

pub(super) async fn findings(client: &Client, address: &Address, issuer: &str, clock: &dyn Clock) -> Vec<Finding> {
    match Metadata::ask(client, address, clock).await {
        Ok(metadata) => of(&metadata, issuer),
        Err(reason) => vec![Finding::note(format!(
            "cannot check whether the issuer calls itself {issuer}: its metadata beside {address} cannot be read ({reason})"
        ))],
    }
}

fn of(metadata: &Metadata, issuer: &str) -> Vec<Finding> {
    let found = metadata.disagreements(issuer);
    let is_about = |about| found.iter().any(|disagreement: &Disagreement| disagreement.about() == about);
    let mut findings: Vec<Finding> = found.iter().map(|disagreement| Finding::error(disagreement.advice())).collect();
    if !is_about("issuer") {
        findings.push(Finding::ok(format!("the issuer calls itself {issuer}, as RESOURCE_ISSUER says")));
    }
    match metadata.date {
        Some(_) if !is_about("clock") => {
            findings.push(Finding::ok("the clock of the issuer agrees with this machine's"))
        }
        Some(_) => {}
        None => findings.push(Finding::note("cannot compare the clock of the issuer: a cache answered in its place")),
    }
    findings
}
