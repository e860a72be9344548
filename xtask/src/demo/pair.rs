//! A pair of services of the demonstration's own, which it may stop and start.

use crate::{
    addresses::Addresses,
    services::{self, Plan, Running, Surroundings},
};
use reqwest::Client;
use std::{env, fs, path::Path, path::PathBuf};
use uuid::Uuid;

/// auth-service and resource-service on free ports, with everything in a directory that goes with them.
pub(crate) struct Pair {
    /// Where clients reach the two.
    pub(crate) urls: [String; 2],
    client: Client,
    plans: [Plan; 2],
    running: [Option<Running>; 2],
    directory: PathBuf,
}

/// One of the two.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    Auth,
    Resource,
}

impl Pair {
    /// Starts both.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) async fn start(binaries: &Path, replay_window: u64) -> Result<Self, String> {
        let directory = env::temp_dir().join(format!("jeton-demo-{}", Uuid::new_v4().simple()));
        fs::create_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let addresses = Addresses::free()?;
        let mut plans = Plan::of_both(binaries, &addresses, &Surroundings::Own(directory.clone()));
        plans[0].set("AUTH_REPLAY_WINDOW", format!("{replay_window}s"));
        let client = services::client()?;
        let mut pair = Self { urls: addresses.urls(), client, plans, running: [None, None], directory };
        pair.start_one(Which::Auth).await?;
        pair.start_one(Which::Resource).await?;
        Ok(pair)
    }

    /// Starts one, and waits until it is ready.
    ///
    /// # Errors
    /// One sentence, with the end of its log.
    pub(crate) async fn start_one(&mut self, which: Which) -> Result<(), String> {
        let running = self.running[which as usize].insert(self.plans[which as usize].start()?);
        running.ready(&self.client).await.map_err(|error| format!("{error}\n{}", self.logs()))
    }

    /// Stops one, and waits for its end.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) async fn stop_one(&mut self, which: Which) -> Result<(), String> {
        match self.running[which as usize].take() {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    /// Stops both.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        let resource = self.stop_one(Which::Resource).await;
        self.stop_one(Which::Auth).await.and(resource)
    }

    fn logs(&self) -> String {
        let logs = ["auth-service.log", "resource-service.log"].map(|name| self.directory.join(name));
        logs.iter().filter_map(|log| fs::read_to_string(log).ok()).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.directory));
    }
}
