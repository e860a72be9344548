//! `cargo xtask up`: both services on this machine, nothing to install.

use crate::{
    addresses::{Addresses, Ports},
    commands::{self, SERVICES},
    services::{Plan, Running},
};
use std::{
    future::poll_fn,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::PathBuf,
    pin::Pin,
    task::Poll,
};
use tokio::signal::unix::{SignalKind, signal};

/// Builds, starts, prints how to try it, and stops both when asked to or when one of them fails. If somebody else stops
/// one, the other goes on.
///
/// # Errors
/// One sentence.
pub(crate) async fn run(release: bool, ports: Ports) -> Result<(), String> {
    let addresses = Addresses::gather(ports)?;
    addresses.check()?;
    let [auth, resource] = addresses.urls();
    println!("auth-service will be at {auth}, resource-service at {resource}; Ctrl-C stops both.");
    let plans = Plan::of_both(&build(release)?, &addresses);

    let mut running = Vec::new();
    let outcome = tokio::select! {
        outcome = start_and_watch(&plans, &addresses, &mut running) => outcome,
        stopped = asked_to_stop() => stopped,
    };
    println!("stopping");
    let mut stopped = Ok(());
    for service in running.into_iter().rev() {
        stopped = stopped.and(service.stop().await);
    }
    outcome.and(stopped)
}

/// Builds both services, with cargo's progress, and returns where they are.
///
/// # Errors
/// One sentence.
fn build(release: bool) -> Result<PathBuf, String> {
    let profile = if release { "release" } else { "debug" };
    if !commands::binaries(profile)?.join("auth-service").exists() {
        println!("Building both, which takes one to three minutes the first time, and seconds later.");
    }
    commands::build(profile, &SERVICES)
}

/// Ends when something goes wrong, or somebody else has stopped both.
async fn start_and_watch(plans: &[Plan], addresses: &Addresses, running: &mut Vec<Running>) -> Result<(), String> {
    // auth-service first, so that resource-service finds the keys at once.
    for plan in plans {
        let service = running.push_mut(plan.start()?);
        service.ready().await?;
    }
    print_how_to_try_it(addresses);
    let mut watched: Vec<_> = running.iter_mut().zip(plans).collect();
    while !watched.is_empty() {
        let (index, ended) = first(watched.iter_mut().map(|(service, _)| Box::pin(service.end()))).await;
        ended?;
        let (service, plan) = watched.swap_remove(index);
        println!(
            "{} was stopped; the other service goes on if it runs. To start it again: {}",
            service.name(),
            plan.by_hand()
        );
    }
    Ok(())
}

/// Waits for whichever ends first: its index, and its outcome.
async fn first<T>(futures: impl Iterator<Item = Pin<Box<impl Future<Output = T>>>>) -> (usize, T) {
    let mut futures: Vec<_> = futures.collect();
    poll_fn(|context| {
        let mut polled = futures.iter_mut().map(|future| future.as_mut().poll(context)).enumerate();
        let ready = polled.find_map(|(index, polled)| match polled {
            Poll::Ready(outcome) => Some((index, outcome)),
            Poll::Pending => None,
        });
        ready.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// Waits for Ctrl-C, or for another signal to stop.
///
/// # Errors
/// One sentence, when signals cannot be handled.
async fn asked_to_stop() -> Result<(), String> {
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

fn print_how_to_try_it(addresses: &Addresses) {
    let ([auth, resource], [auth_admin, resource_admin]) = (addresses.urls(), addresses.admin_urls());
    // Another name at every start, so that the lines work however often they are tried.
    let number = RandomState::new().build_hasher().finish();
    let email = format!("ada-{number:016x}@example.org");
    let who = format!(r#""email":"{email}","password":"a lighthouse above the fog""#);
    let json = "-H 'content-type: application/json'";
    println!(
        r#"
auth-service      {auth}   health: {auth_admin}/health/ready   mails: {auth_admin}/mailbox
                  in a browser: {auth}/register   how sessions work: {auth}/playground
resource-service  {resource}   health: {resource_admin}/health/ready

Try it:

  curl -s {auth}/auth/register {json} -d '{{{who}}}'
  TOKEN=$(curl -s {auth}/auth/login {json} -d '{{{who},"transport":"body"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s {resource}/whoami -H "Authorization: Bearer $TOKEN"

or, in another terminal, `cargo xtask demo --auth {auth} --resource {resource}`. `cargo xtask demo` alone also shows what goes on
without auth-service, with its own pair. Ctrl-C stops both services.
"#
    );
}
