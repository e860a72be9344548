//! The whole story, step by step, and what goes on without auth-service. `cargo xtask demo` builds what is needed and becomes
//! this.
//!
//! Arguments: the services' replay window in seconds; then `own` for services that are started for it, the URLs of
//! auth-service and resource-service, or nothing: the usual ones if they run, or else its own.

mod autonomy;
mod client;
mod story;

use client::Demo;
use harness::{Stack, Storage};
use std::{env, process::ExitCode, time::Duration};

/// Where the services are that `cargo xtask up` starts.
const USUAL: [&str; 2] = ["http://localhost:8080", "http://localhost:8081"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match tell(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn tell(arguments: &[&str]) -> Result<(), String> {
    let [window, services @ ..] = arguments else { return Err("the replay window is missing".to_owned()) };
    let window = window.parse().map_err(|error| format!("{window}: {error}"))?;
    let window = Duration::from_secs(window);
    match services {
        [auth, resource] => tell_with(auth, resource, window).await,
        ["own"] => tell_with_own(window).await,
        [] => tell_with_whatever_is_there(window).await,
        other => Err(format!("{other:?} is neither `own` nor two URLs")),
    }
}

/// With services of somebody else.
async fn tell_with(auth: &str, resource: &str, window: Duration) -> Result<(), String> {
    let mut demo = Demo::with([auth, resource])?;
    let told = story::tell(&mut demo, window, None).await;
    with_step(&demo, told)?;
    println!("\nWhat goes on without auth-service was not shown: these services are not ours to stop.");
    conclude(&demo)
}

/// With what `cargo xtask up` has started, and a pair of its own for the part that stops auth-service; or with the latter only.
async fn tell_with_whatever_is_there(window: Duration) -> Result<(), String> {
    let mut demo = Demo::with(USUAL)?;
    if !demo.meets_a_pair().await {
        return tell_with_own(window).await;
    }
    println!("Against the services at {} and {}.", USUAL[0], USUAL[1]);
    let told = story::tell(&mut demo, window, None).await;
    with_step(&demo, told)?;
    println!("\nNow without auth-service. Those at {} are not ours to stop: another pair is started.", USUAL[0]);
    let mut pair = start(window).await;
    demo.turn_to(&pair);
    let told = autonomy::show(&mut demo, &mut pair).await;
    with_step(&demo, told)?;
    conclude(&demo)
}

async fn tell_with_own(window: Duration) -> Result<(), String> {
    let mut pair = start(window).await;
    let mut demo = Demo::with(USUAL)?;
    demo.turn_to(&pair);
    let told = story::tell(&mut demo, window, Some(&mut pair)).await;
    with_step(&demo, told)?;
    conclude(&demo)
}

/// A pair of services that may be stopped, on free ports, with everything in a directory that goes with them.
async fn start(window: Duration) -> Stack {
    let window = format!("{}s", window.as_secs());
    let pair = Stack::on(Storage::Embedded).auth("AUTH_REPLAY_WINDOW", &window).start().await;
    println!("Started for this: auth-service at {}, resource-service at {}.", pair.auth.url(), pair.resource.url());
    pair
}

fn with_step(demo: &Demo, told: Result<(), String>) -> Result<(), String> {
    told.map_err(|difference| format!("step {}: {difference}", demo.step()))
}

fn conclude(demo: &Demo) -> Result<(), String> {
    println!("\nAll {} steps went as they must.", demo.steps());
    Ok(())
}
