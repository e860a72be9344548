//! `cargo xtask demo`: the whole story, step by step, and what goes on without auth-service.

mod autonomy;
mod client;
mod pair;
mod story;

use crate::up;
use clap::Args;
use client::Demo;
use pair::Pair;
use std::time::Duration;

/// Where the services are that `cargo xtask up` starts.
const USUAL: [&str; 2] = ["http://localhost:8080", "http://localhost:8081"];

/// Where the services are.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// auth-service; without both, the usual ones if they run, or a pair that is started for it
    #[arg(long, value_name = "URL", requires = "resource")]
    auth: Option<String>,
    /// resource-service
    #[arg(long, value_name = "URL", requires = "auth")]
    resource: Option<String>,
    /// Start a pair for it, even where one runs
    #[arg(long, conflicts_with = "auth")]
    own: bool,
    /// The services' AUTH_REPLAY_WINDOW, in seconds: the theft is shown after waiting for it twice
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    replay_window: u64,
}

/// Tells the story.
///
/// # Errors
/// One sentence that names the step which went differently.
pub(crate) async fn run(options: Options) -> Result<(), String> {
    tokio::select! {
        told = tell(options) => told,
        stopped = up::told_to_stop() => stopped.and(Err("broken off".to_owned())),
    }
}

async fn tell(options: Options) -> Result<(), String> {
    let window = options.replay_window;
    let base = |url: String| url.trim_end_matches('/').to_owned();
    if let (Some(auth), Some(resource)) = (options.auth, options.resource) {
        let mut demo = Demo::new(base(auth), base(resource))?;
        let told = story::tell(&mut demo, Duration::from_secs(window), None).await;
        with_step(&demo, told)?;
        println!("\nWhat goes on without auth-service was not shown: these services are not ours to stop.");
        return conclude(&demo);
    }
    let binaries = up::build(false)?;
    let mut demo = Demo::new(USUAL[0].to_owned(), USUAL[1].to_owned())?;
    let is_there = !options.own && demo.meets_a_pair().await;
    if is_there {
        println!("Against the services at {} and {}.", USUAL[0], USUAL[1]);
        let told = story::tell(&mut demo, Duration::from_secs(window), None).await;
        with_step(&demo, told)?;
        println!("\nNow without auth-service. Those at {} are not ours to stop: another pair is started.", USUAL[0]);
    }
    let mut pair = Pair::start(&binaries, window).await?;
    println!("Started for this: auth-service at {}, resource-service at {}.", pair.urls[0], pair.urls[1]);
    demo.turn_to(&pair.urls);
    let told = if is_there {
        autonomy::show(&mut demo, &mut pair).await
    } else {
        story::tell(&mut demo, Duration::from_secs(window), Some(&mut pair)).await
    };
    let stopped = pair.stop().await;
    with_step(&demo, told)?;
    stopped?;
    conclude(&demo)
}

fn with_step(demo: &Demo, told: Result<(), String>) -> Result<(), String> {
    told.map_err(|difference| format!("step {}: {difference}", demo.step()))
}

fn conclude(demo: &Demo) -> Result<(), String> {
    println!("\nAll {} steps went as they must.", demo.steps());
    Ok(())
}
