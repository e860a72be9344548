//! What runs a service: a process here, or a container.

use crate::command::Run;
use std::{collections::BTreeMap, fmt::Debug, process::ExitStatus, time::Duration};

/// Starts and ends one service, again and again.
pub(crate) trait Runner: Debug + Send + Sync {
    /// Starts it with these settings.
    fn start(&mut self, settings: &BTreeMap<String, String>);

    /// Sets the soft and the hard limit of open files, from the next start on.
    fn limit_open_files(&mut self, soft: u64, hard: u64);

    /// How it ended, if it was started and has ended.
    fn ended(&mut self) -> Option<ExitStatus>;

    /// The id of its process, while it runs.
    fn process_id(&self) -> u32;

    /// SIGTERM, and waits for the end; panics when it takes longer.
    fn stop(&mut self, patience: Duration) -> ExitStatus;

    /// SIGKILL.
    fn kill(&mut self);

    /// Freezes it.
    fn pause(&self);

    /// Undoes [`Runner::pause`].
    fn resume(&self);

    /// Everything that it has logged, over all its starts.
    fn log(&self) -> String;

    /// A subcommand of the same program, where it runs.
    fn command(&self, arguments: &[&str]) -> Run;
}
