//! What has ended, in a file, so that it stays refused after a restart without the issuer.

use super::{
    map::{Ending, Layers, Moment},
    page::{MAX_LIFE, Named},
    state::Revocations,
};
use crate::{
    access_token::Digest,
    clock::{Clock, Timestamp},
    keys::{
        Address, files,
        snapshot::file::{self, Form},
    },
};
use serde::{Deserialize, Serialize, Serializer};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// As large as it becomes with as many entries as can be held.
const FORM: Form = Form {
    beginning: br#"{"kept_at":"#,
    max_bytes: 256 * 1024 * 1024,
    not_ours: "it is not a snapshot of what has ended, and is left alone: name another file for the keys' snapshot",
};
/// What is added to the name of the keys' snapshot.
const SUFFIX: &str = ".revocations";

/// A file that keeps what one issuer has ended.
pub(crate) struct Snapshot {
    path: PathBuf,
    address: Address,
    issuer: String,
    /// The last warning about the file.
    said: Option<String>,
}

/// What the file holds. Seconds are those since 1970 by the clock of this machine.
#[derive(Serialize, Deserialize)]
struct Stored<Whole, Users> {
    /// Milliseconds since 1970.
    kept_at: Timestamp,
    /// The address, without its secrets. What another one says is not used.
    url: String,
    issuer: String,
    /// Everybody's tokens of an earlier epoch have ended, and until when that matters.
    everybody: Option<(i64, i64)>,
    /// Sessions and tokens, and until when they matter.
    whole: Whole,
    users: Users,
}

#[derive(Serialize, Deserialize)]
struct StoredUser {
    h: Digest,
    until: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    but: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rev: Option<i64>,
}

impl Snapshot {
    /// Beside the snapshot of the keys, for the feed at this address.
    pub(crate) fn beside(keys: &Path, address: Address, issuer: String) -> Self {
        let mut path = keys.as_os_str().to_owned();
        path.push(SUFFIX);
        Self { path: path.into(), address, issuer, said: None }
    }

    /// What is in the file, if it is there, sound, and of the same issuer and address.
    pub(super) fn load(&self, revocations: &Revocations, now: Timestamp) -> Vec<Ending> {
        let path = self.path.display();
        match self.read(revocations, now) {
            Ok(endings) => endings,
            Err(reason) => {
                tracing::warn!(%path, reason, "the snapshot of what has ended is not used");
                Vec::new()
            }
        }
    }

    fn read(&self, revocations: &Revocations, now: Timestamp) -> Result<Vec<Ending>, String> {
        let bytes = match FORM.read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.to_string()),
        };
        if !FORM.is_ours(&bytes) {
            return Err(FORM.not_ours.to_owned());
        }
        if files::warn_if_anybody_may_write(&self.path) {
            return Err("every user of this machine may write it".to_owned());
        }
        let stored: Stored<Vec<(Digest, i64)>, Vec<StoredUser>> =
            serde_json::from_slice(&bytes).map_err(|_| "it is damaged")?;
        if stored.url != self.address.shown() {
            return Err("it is from another address".to_owned());
        }
        if stored.issuer != self.issuer {
            return Err("it is another issuer's".to_owned());
        }
        let kept_at = stored.kept_at;
        let ending =
            |named, until| remaining(until, kept_at, now).map(|left| Ending { named, until: revocations.after(left) });
        let everybody = stored.everybody.map(|(epoch, until)| (Named::Everybody { epoch }, until));
        let whole = stored.whole.into_iter().map(|(name, until)| (Named::Whole(name), until));
        let users = stored.users.into_iter().map(|StoredUser { h, until, epoch, but, rev }| {
            (Named::User { name: h, epoch: epoch.map(|epoch| (epoch, but)), rev }, until)
        });
        Ok(everybody.into_iter().chain(whole).chain(users).filter_map(|(named, until)| ending(named, until)).collect())
    }

    /// Writes what is held. If that fails, it is logged, and tried again when something has ended.
    pub(super) fn keep(&mut self, revocations: &Revocations, clock: &dyn Clock) {
        match self.write(&revocations.layers(), revocations.now(), clock.now()) {
            Ok(()) => self.said = None,
            Err(error) => self.complain(error.to_string()),
        }
    }

    fn complain(&mut self, reason: String) {
        if self.said.as_ref() != Some(&reason) {
            tracing::warn!(path = %self.path.display(), error = reason, "cannot keep what has ended for a restart");
            self.said = Some(reason);
        }
    }

    fn write(&self, layers: &Layers, at: Moment, now: Timestamp) -> io::Result<()> {
        FORM.may_replace(&self.path, None)?;
        let until = |moment: Moment| now.secs().saturating_add(i64::from(moment.0) - i64::from(at.0));
        let is_held = |moment: &Moment| at < *moment;
        let everybody = layers.everybody.filter(|(_, moment)| is_held(moment));
        let stored = Stored {
            kept_at: now,
            url: self.address.shown(),
            issuer: self.issuer.clone(),
            everybody: everybody.map(|(epoch, moment)| (epoch, until(moment))),
            whole: Sequence(|| {
                layers.all_whole().filter(|(_, moment)| is_held(moment)).map(|(name, moment)| (name, until(moment)))
            }),
            users: Sequence(|| {
                layers.all_users().filter(|(_, user)| is_held(&user.until)).map(|(name, user)| StoredUser {
                    h: *name,
                    until: until(user.until),
                    epoch: user.epoch.map(|(epoch, _)| epoch),
                    but: user.epoch.and_then(|(_, but)| but),
                    rev: user.rev,
                })
            }),
        };
        file::replace(&self.path, &serde_json::to_vec(&stored)?).map(|_| ())
    }
}

/// A list that is written without being made first.
struct Sequence<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for Sequence<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// How long an ending is kept that was read from a file: as long as it had left when it was written, since either clock may
/// be wrong, and longer does no harm. What should have ended hours ago by both clocks is dropped.
fn remaining(until: i64, kept_at: Timestamp, now: Timestamp) -> Option<Duration> {
    if now.since(Timestamp::from_secs(until)) > MAX_LIFE {
        return None;
    }
    let left = Timestamp::from_secs(until).since(kept_at).min(MAX_LIFE);
    (!left.is_zero()).then_some(left)
}
