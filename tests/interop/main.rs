//! Jeton's tokens in other languages: libraries verify them, and mint bad ones that must be refused.
//! `cargo xtask interop` prepares the programs and runs this; a line for each check, and failure if one fails.

mod browser;
mod mail;
mod minters;
mod peer;
mod publisher;
mod report;
mod revocations;
mod tokens;
mod verifiers;
mod web;

use report::Report;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut report = Report::default();
    verifiers::check(&mut report).await;
    revocations::check(&mut report).await;
    minters::check(&mut report).await;
    browser::check(&mut report).await;
    mail::check(&mut report).await;
    web::check(&mut report).await;
    report.conclude()
}
