//! `users import`.

mod arguments;
mod progress;
mod reader;
mod refusals;

pub use self::arguments::command;

use self::{arguments::Wishes, progress::Progress, reader::Reading, refusals::Refusals};
use super::{EXIT_FAILED, EXIT_SETTINGS, Failure, report::Report, settings};
use auth_service::{
    app::Installation,
    domain::{
        operator::transfer::import::{Import, ImportError, Tally},
        passwords::pool::Hasher,
    },
    storage::sql::Opening,
};
use clap::ArgMatches;
use serde_json::json;
use shared::server::StopSignal;
use std::{
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Between two batches, so that the service's own statements get their turn: a third of the time that the batch took,
/// within these bounds.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(200)];

/// How an import ended.
enum End {
    /// All files were read.
    Complete,
    /// Ctrl-C or SIGTERM.
    Stopped,
    /// One sentence.
    Failed(String),
}

/// Imports users, or tells what would happen. Returns the exit status.
pub async fn import(matches: &ArgMatches, arguments: &ArgMatches) -> Result<(Report, Option<Failure>), Failure> {
    let stop = StopSignal::listen();
    let wishes = Wishes::read(arguments).map_err(|reason| Failure { code: EXIT_SETTINGS, reason })?;
    let opening = if wishes.apply { Opening::Update } else { Opening::Look };
    let installation = Installation::open(settings(matches)?, opening).await?;
    let threads = available_parallelism().map_or(1, usize::from);
    let hasher = Arc::new(installation.hasher_with(threads));
    let mut import = Import::new(
        installation.import_means(Arc::clone(&hasher), threads),
        wishes.source_name.clone(),
        wishes.on_conflict,
        wishes.apply,
    );
    let mut refusals = Refusals::to(wishes.report.as_deref())?;
    let end = run(&installation, &wishes, hasher, &mut import, &mut refusals, stop).await?;
    let tally = import.tally().clone();
    import.finish().await;
    refusals.end()?;
    Ok((report(&tally, &wishes), failure(&end, &tally, &wishes)))
}

async fn run(
    installation: &Installation,
    wishes: &Wishes,
    hasher: Arc<Hasher>,
    import: &mut Import,
    refusals: &mut Refusals,
    mut stop: StopSignal,
) -> Result<End, Failure> {
    for key in installation.hash_facts().signer_keys().await.map_err(|error| error.to_string())? {
        hasher.add_key(key);
    }
    if let Some(config) = &wishes.hash_config {
        let key = config.signer_key();
        if wishes.apply {
            installation.hash_facts().add_signer_key(&key).await.map_err(|error| error.to_string())?;
        }
        hasher.add_key(key);
    }
    let source = (wishes.source, wishes.source_name.clone());
    let rules = installation.import_rules(hasher, source, wishes.role_map.clone(), wishes.verified);
    let mut reading = Reading::begin(wishes, rules)?;
    let mut progress = Progress::begin(reading.bytes());
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.received() => return Ok(End::Stopped),
            batch = reading.next() => batch,
        };
        let Some(batch) = batch else { break };
        let begun = Instant::now();
        match import.batch(batch.entries).await {
            Ok(refused) => refusals.add(&batch.file, &refused)?,
            Err(error @ ImportError::Conflict { .. }) => return Ok(End::Failed(format!("{}, {error}", batch.file))),
            Err(error) => return Ok(End::Failed(error.to_string())),
        }
        progress.show(import.tally().total(), reading.bytes_read());
        if wishes.apply {
            let [shortest, longest] = PAUSES;
            sleep((begun.elapsed() / 3).clamp(shortest, longest)).await;
        }
    }
    Ok(reading.end().map_or_else(End::Failed, |()| End::Complete))
}

fn report(tally: &Tally, wishes: &Wishes) -> Report {
    let Tally { created, updated, skipped, refused, kinds } = tally;
    let kinds_text: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let (did, would) =
        if wishes.apply { ("", "") } else { ("nothing was written: run it with --apply\n", "would be ") };
    let text = format!(
        "{did}{would}created  {created}{}\n{would}updated  {updated}\nthere already  {skipped}\n{would}refused  {refused}",
        if kinds_text.is_empty() { String::new() } else { format!(" (hashes: {})", kinds_text.join(", ")) },
    );
    let json = json!({
        "applied": wishes.apply, "created": created, "updated": updated, "skipped": skipped, "refused": refused, "hashes": kinds,
    });
    Report { text, json }
}

fn failure(end: &End, tally: &Tally, wishes: &Wishes) -> Option<Failure> {
    let reason = match end {
        End::Failed(reason) => reason.clone(),
        End::Stopped => format!("stopped after {} users: run it again, and it goes on", tally.total()),
        End::Complete if tally.refused > 0 => match &wishes.report {
            Some(path) => format!("{} users were refused: see {path}", tally.refused),
            None => format!("{} users were refused: --report FILE lists them", tally.refused),
        },
        End::Complete => return None,
    };
    Some(Failure { code: EXIT_FAILED, reason })
}
