//! `passwords …`.

use super::{Failure, report::Report};
use auth_service::breached_passwords::{self, Filter};
use clap::ArgMatches;
use serde_json::json;
use shared::{files, output::complain, server::StopSignal};
use std::{
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;

/// Builds a filter file.
pub async fn build(arguments: &ArgMatches) -> Result<Report, Failure> {
    let mut stop_signal = StopSignal::listen();
    let path = |name| arguments.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let (list, out) = (path("in"), path("out"));
    let min_count = arguments.get_one("min-count").copied().unwrap_or(1);
    breached_passwords::try_to_write(&out).map_err(|error| format!("--out: {error}"))?;
    let building = spawn_blocking(move || {
        let filter = breached_passwords::build(open(&list)?, min_count, |lines, kept| {
            complain(format_args!("{lines} lines read, {kept} passwords kept"));
        });
        filter.map_err(|error| format!("--in: {error}"))
    });
    let filter = tokio::select! {
        filter = building => filter.map_err(|error| error.to_string())??,
        () = stop_signal.received() => return Err("stopped: nothing was written".to_owned().into()),
    };
    // Once it has begun to write, it does not stop.
    breached_passwords::write(&filter, &out)?;
    Ok(report(&filter, &out))
}

/// A regular file, or standard input.
fn open(list: &Path) -> Result<Box<dyn BufRead>, String> {
    if list == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = files::open_regular(list).map_err(|error| format!("--in: cannot read {}: {error}", list.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 20, file)))
}

fn report(filter: &Filter, out: &Path) -> Report {
    let header = filter.header();
    Report {
        text: format!("{}: {header}", out.display()),
        json: json!({
            "file": out.display().to_string(),
            "passwords": header.count,
            "min_count": header.min_count,
            "one_false_alarm_in": header.one_false_alarm_in,
        }),
    }
}
