//! What an error of Redis means to operators, and what to do.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::{
    collections::BTreeSet,
    error::Error as _,
    io,
    sync::{Mutex, PoisonError},
};

/// The rights that the user in the URL needs, as a command of Redis.
const RIGHTS: &str = "give the user the rights that auth-service needs: ACL SETUSER … ~jeton:* +@read +@write +@scripting +@connection +time +info";

/// The advice about an error that waiting does not cure.
fn lasting(error: &RedisError) -> Option<&'static str> {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => Some(
            "give the user and password that the server knows; in the URL, a password's @ is written as %40, # as %23, / as %2F, ? as %3F, : as %3A and % as %25",
        ),
        (_, Some("NOAUTH")) => {
            Some("the server asks for a password, and the URL has none: redis://:password@host:port")
        }
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) => Some(RIGHTS),
        (_, Some("ERR")) if error.to_string().contains("executing the script can't run") => Some(RIGHTS),
        (_, Some("ERR")) if error.to_string().contains("DB index") => {
            Some("the server has no database with that number: remove it from the URL")
        }
        (ErrorKind::Io, _) if is_about_tls(error) => {
            Some("TLS fails: rediss:// requires it, and this machine must trust the server's certificate")
        }
        (ErrorKind::MasterNameNotFoundBySentinel, _) => Some("the Sentinels know no master of that name"),
        _ => None,
    }
}

fn is_about_tls(error: &RedisError) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
}

fn passing(error: &RedisError) -> Option<&'static str> {
    match (error.kind(), error.code()) {
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
            Some("a replica takes no writes: point AUTH_REDIS_URL at the master, or at its Sentinels")
        }
        (_, Some("OOM")) => Some("it takes nothing more: raise maxmemory"),
        (_, Some("MISCONF")) => Some("it cannot save to disk, and accepts no writes: look at its log"),
        _ => None,
    }
}

/// An error in the words of Redis, and what an operator can do.
pub(in crate::storage) fn told(error: &RedisError) -> String {
    match lasting(error).or_else(|| passing(error)) {
        Some(advice) => format!("{error}: {advice}"),
        None => error.to_string(),
    }
}

/// Refusals that waiting does not cure. Each is reported once, and again if it comes back.
#[derive(Debug)]
pub(in crate::storage) struct Refusals {
    /// The hosts of the URL, and nothing else of it.
    place: String,
    reported: Mutex<BTreeSet<&'static str>>,
}

impl Refusals {
    pub(in crate::storage) fn of(place: String) -> Self {
        Self { place, reported: Mutex::default() }
    }

    pub(in crate::storage) fn hear(&self, error: &RedisError) {
        let Some(advice) = lasting(error) else { return };
        if self.reported.lock().unwrap_or_else(PoisonError::into_inner).insert(advice) {
            tracing::error!(
                "AUTH_REDIS_URL: Redis at {} refuses auth-service, and waiting will not help: {error}: {advice}",
                self.place
            );
        }
    }

    /// Redis refuses nothing any more.
    pub(in crate::storage) fn are_over(&self) {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    /// The commands of a script.
    fn commands(script: &str) -> BTreeSet<&str> {
        script.split("redis.call('").skip(1).filter_map(|rest| rest.split('\'').next()).collect()
    }

    #[test]
    fn the_probe_tries_everything_that_a_script_does() {
        let tried = commands(include_str!("../probe.lua"));
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage/redis");
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "lua") {
                let text = fs::read_to_string(&path).unwrap();
                let untried: Vec<_> = commands(&text).difference(&tried).copied().collect();
                assert!(untried.is_empty(), "{}: probe.lua does not try {untried:?}", path.display());
            }
        }
    }
}
