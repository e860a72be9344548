//! `cargo xtask demo`: the whole story against running services, step by step.

mod client;
mod story;

use clap::Args;
use std::time::Duration;

/// Where the services are.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// auth-service
    #[arg(long, default_value = "http://localhost:8080", value_name = "URL")]
    auth: String,
    /// resource-service
    #[arg(long, default_value = "http://localhost:8081", value_name = "URL")]
    resource: String,
    /// The services' AUTH_REPLAY_WINDOW, in seconds: the theft is shown after waiting for it twice
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    replay_window: u64,
}

/// Tells the story.
///
/// # Errors
/// One sentence that names the step which went differently.
pub(crate) async fn run(options: Options) -> Result<(), String> {
    let Options { auth, resource, replay_window } = options;
    let base = |url: String| url.trim_end_matches('/').to_owned();
    let mut demo = client::Demo::new(base(auth), base(resource))?;
    let told = story::tell(&mut demo, Duration::from_secs(replay_window)).await;
    told.map_err(|difference| format!("step {}: {difference}", demo.step()))?;
    println!("\nAll {} steps went as they must.", demo.steps());
    Ok(())
}
