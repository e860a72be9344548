//! What a running service does beside answering requests.

use crate::domain::{
    accounts::Accounts,
    admin::users::Users,
    keys::{KeyError, SigningKeys},
    operator::housekeeping::Housekeeping,
    sessions::live::LiveSessions,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

/// How long to wait after the keys could not be read.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is tried to make searches fast, where rights may be missing.
const INDEXES: Duration = Duration::from_secs(3600);
/// How often what has expired is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// What the chores are about.
pub struct Chores {
    /// What can no longer matter.
    pub housekeeping: Arc<Housekeeping>,
    pub(super) keys: Arc<SigningKeys>,
    pub(super) users: Arc<Users>,
    pub(super) accounts: Arc<dyn Accounts>,
    pub(super) live: Arc<LiveSessions>,
}

/// Starts the tasks that run until they are aborted.
pub(super) fn start(chores: Chores) -> [JoinHandle<()>; 7] {
    let Chores { housekeeping, keys, users, accounts, live } = chores;
    [
        tokio::spawn(keep_house(housekeeping.clone())),
        tokio::spawn(follow_keys(keys.clone())),
        tokio::spawn(make_keys(keys)),
        tokio::spawn(report_lost_roles(users)),
        tokio::spawn(report_unusable_hashes(housekeeping)),
        tokio::spawn(make_indexes(accounts)),
        tokio::spawn(try_sessions(live)),
    ]
}
/// Follows what other processes do with the signing keys, and what the time does.
async fn follow_keys(keys: Arc<SigningKeys>) {
    loop {
        sleep(keys.next_reload()).await;
        if let Err(error) = keys.reload().await {
            tracing::warn!(%error, "failed to reload the signing keys; keeping the current ones");
            sleep(RETRY).await;
        }
    }
}

/// Makes each key in time, beside [`follow_keys`]: it takes seconds, in which others may do something.
async fn make_keys(keys: Arc<SigningKeys>) {
    loop {
        sleep(keys.next_reload()).await;
        match keys.make_due().await {
            Ok(()) => continue,
            // Reported where the keys are followed.
            Err(KeyError::Unavailable(_)) => {}
            Err(error) => tracing::warn!(%error, "failed to make the next signing key; will retry"),
        }
        sleep(RETRY).await;
    }
}

/// In the background: nothing has to wait for it.
async fn report_lost_roles(users: Arc<Users>) {
    match users.lost_roles().await {
        Ok(lost) => lost.iter().for_each(|(role, users)| {
            tracing::warn!(role, users, "users have a role that does not exist: it gives them nothing (docs/roles.md)");
        }),
        Err(error) => tracing::warn!(%error, "whether all roles of the users are known could not be read"),
    }
}

async fn report_unusable_hashes(housekeeping: Arc<Housekeeping>) {
    match housekeeping.unusable_hashes().await {
        Ok(unusable) => unusable.iter().for_each(|(reason, users)| {
            tracing::warn!(
                users,
                reason,
                "users cannot log in: their stored password hash cannot be used (docs/operate.md)"
            );
        }),
        Err(error) => tracing::warn!(%error, "whether all stored password hashes can be used could not be read"),
    }
}

/// Where there is no right to it, searches take longer: `doctor` says what to run.
async fn make_indexes(accounts: Arc<dyn Accounts>) {
    loop {
        if let Err(error) = accounts.make_indexes().await {
            tracing::debug!(%error, "an index is missing");
        }
        sleep(INDEXES).await;
    }
}

/// Once: what refuses us should not wait for the first login to be reported.
async fn try_sessions(live: Arc<LiveSessions>) {
    if let Err(error) = live.probe().await {
        tracing::warn!(%error, "the session store does not take what is written; until it does, nobody can log in or refresh");
    }
}

async fn keep_house(housekeeping: Arc<Housekeeping>) {
    let mut rounds = interval(HOUSEKEEPING);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds.tick().await;
    loop {
        rounds.tick().await;
        match housekeeping.tidy().await {
            Ok(true) => rounds.reset_immediately(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "failed to purge what has expired; will retry"),
        }
    }
}
