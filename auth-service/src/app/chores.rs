//! The background tasks of a running service.

use crate::{
    domain::{
        accounts::Accounts,
        admin::users::Users,
        keys::{KeyError, SigningKeys},
        operator::housekeeping::Housekeeping,
        revocations::Feed,
        sessions::live::LiveSessions,
    },
    mailing::Postman,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// Delay before the next attempt to read or make keys.
const RETRY: Duration = Duration::from_secs(1);
/// How often to try to make the indexes for searches, where rights may be missing.
const INDEXES: Duration = Duration::from_secs(3600);
/// How often expired rows are purged.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// How long the mails that are being sent get to finish once the process was asked to stop.
const LAST_MAILS: Duration = Duration::from_secs(3);

/// What the background tasks work on.
pub struct Chores {
    /// Purges what has expired.
    pub housekeeping: Arc<Housekeeping>,
    pub(super) keys: Arc<SigningKeys>,
    pub(super) users: Arc<Users>,
    pub(super) accounts: Arc<dyn Accounts>,
    pub(super) live: Arc<LiveSessions>,
    pub(super) feed: Arc<Feed>,
    pub(super) postman: Arc<Postman>,
}

/// Tasks that run until they are stopped.
pub(super) struct Running {
    tasks: [JoinHandle<()>; 8],
    postman: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Running {
    /// Stops them, and lets the mails that are being sent finish: they would be sent again.
    pub(super) async fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.stop.send_replace(true);
        drop(timeout(LAST_MAILS, self.postman).await);
    }
}

/// Starts the tasks.
pub(super) fn start(chores: Chores) -> Running {
    let Chores { housekeeping, keys, users, accounts, live, feed, postman } = chores;
    let (stop, stopped) = watch::channel(false);
    let postman = tokio::spawn(async move { postman.work(stopped).await });
    let tasks = [
        tokio::spawn(keep_house(housekeeping.clone())),
        tokio::spawn(follow_keys(keys.clone())),
        tokio::spawn(make_keys(keys)),
        tokio::spawn(report_lost_roles(users)),
        tokio::spawn(report_unusable_hashes(housekeeping)),
        tokio::spawn(make_indexes(accounts)),
        tokio::spawn(try_sessions(live)),
        tokio::spawn(async move { feed.follow().await }),
    ];
    Running { tasks, postman, stop }
}

/// Follows the signing keys: what other processes change, and what becomes due.
async fn follow_keys(keys: Arc<SigningKeys>) {
    loop {
        sleep(keys.next_reload()).await;
        if let Err(error) = keys.reload().await {
            tracing::warn!(%error, "failed to reload the signing keys; keeping the current ones");
            sleep(RETRY).await;
        }
    }
}

/// Makes each key when it is due. Apart from [`follow_keys`], because it takes seconds in which other processes may
/// change keys.
async fn make_keys(keys: Arc<SigningKeys>) {
    loop {
        sleep(keys.next_reload()).await;
        match keys.make_due().await {
            Ok(()) => continue,
            // `follow_keys` reports it.
            Err(KeyError::Unavailable(_)) => {}
            Err(error) => tracing::warn!(%error, "failed to make the next signing key; will retry"),
        }
        sleep(RETRY).await;
    }
}

async fn report_lost_roles(users: Arc<Users>) {
    match users.lost_roles().await {
        Ok(lost) => lost.iter().for_each(|(role, users)| {
            tracing::warn!(role, users, "users have a role that does not exist: it gives them nothing (docs/roles.md)");
        }),
        Err(error) => tracing::warn!(%error, "failed to check the roles of users"),
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
        Err(error) => tracing::warn!(%error, "failed to check the stored password hashes"),
    }
}

/// Without the right to make them, searches take longer; `doctor` says what to run.
async fn make_indexes(accounts: Arc<dyn Accounts>) {
    loop {
        if let Err(error) = accounts.make_indexes().await {
            tracing::debug!(%error, "an index is missing");
        }
        sleep(INDEXES).await;
    }
}

/// Once, so that a store that refuses writes is reported before the first login.
async fn try_sessions(live: Arc<LiveSessions>) {
    if let Err(error) = live.probe().await {
        tracing::warn!(%error, "the session store accepts no writes; until it does, nobody can log in or refresh");
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
