//! `cargo xtask up`: both services on this machine, nothing to install.

use crate::{
    commands,
    services::{self, AUTH, RESOURCE, Running},
};
use futures_util::future::select_all;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

/// Builds, starts, prints how to try it, and stops both when it is told to or when one of them dies.
///
/// # Errors
/// One sentence.
pub(crate) async fn run(release: bool) -> Result<(), String> {
    AUTH.check_addresses()?;
    RESOURCE.check_addresses()?;
    let mut build = commands::cargo(&["build", "-p", "auth-service", "-p", "resource-service"]);
    if release {
        build.arg("--release");
    }
    commands::run(&mut build)?;
    let binaries = commands::binaries(if release { "release" } else { "debug" })?;

    let mut running = Vec::new();
    let outcome = tokio::select! {
        outcome = start_and_watch(&binaries, &mut running) => outcome,
        stopped = told_to_stop() => stopped,
    };
    println!("stopping");
    let mut stopped = Ok(());
    for service in running.into_iter().rev() {
        stopped = stopped.and(service.stop().await);
    }
    outcome.and(stopped)
}

/// Ends only when something goes wrong.
async fn start_and_watch(binaries: &Path, running: &mut Vec<Running>) -> Result<(), String> {
    let client = services::client()?;
    // auth-service first, so that resource-service finds the keys at once.
    for plan in [AUTH, RESOURCE] {
        let service = running.push_mut(plan.start(binaries)?);
        service.ready(&client).await?;
    }
    print_how_to_try_it();
    let deaths = running.iter_mut().map(|service| Box::pin(service.death()));
    Err(select_all(deaths).await.0)
}

async fn told_to_stop() -> Result<(), String> {
    let listen = |kind| signal(kind).map_err(|error| format!("no signal handler: {error}"));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

fn print_how_to_try_it() {
    let (auth, resource) = (AUTH.url(), RESOURCE.url());
    // Another name at every start, so that the lines work however often they are tried.
    let name = Uuid::new_v4().simple().to_string();
    let email = format!("ada-{}@example.org", &name[..8]);
    let who = format!(r#""email":"{email}","password":"a lighthouse above the fog""#);
    let json = "-H 'content-type: application/json'";
    println!(
        r#"
auth-service      {auth}   health: {}/health/ready
resource-service  {resource}   health: {}/health/ready

Try it:

  curl -s {auth}/auth/register {json} -d '{{{who}}}'
  TOKEN=$(curl -s {auth}/auth/login {json} -d '{{{who},"transport":"body"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s {resource}/whoami -H "Authorization: Bearer $TOKEN"

or, in another terminal, `cargo xtask demo`. Ctrl-C stops both services.
"#,
        AUTH.admin_url(),
        RESOURCE.admin_url(),
    );
}
