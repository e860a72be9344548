//! What has ended, exactly: by digest, each entry until the last token that it names has expired.

use super::page::Named;
use crate::access_token::{Digest, Names};
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

/// What is kept is kept this many seconds longer than necessary, so that reading it again, which takes now more and now less
/// time, is no news. Longer does no harm: what it names has expired.
const SLACK: u32 = 2;

/// A moment of this process, in whole seconds since it began: no clock that can be set tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) u32);

impl Moment {
    /// When something is dropped that must be kept until this moment, and may already be held for a while.
    fn or_later(self, held: Option<Self>) -> Self {
        held.filter(|held| *held >= self).unwrap_or(Self(self.0.saturating_add(SLACK)))
    }
}

/// Something that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) named: Named,
    /// When the last token that it names has expired.
    pub(super) until: Moment,
}

/// Mixes a secret of the process into names that are digests already, which is ten times as fast as a hash that is made for any
/// key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed([u64; 2]);

impl Seed {
    pub(super) fn fresh() -> Self {
        let source = RandomState::new();
        Self([source.hash_one(0), source.hash_one(1)])
    }
}

impl BuildHasher for Seed {
    type Hasher = Mixed;

    fn build_hasher(&self) -> Mixed {
        Mixed { seed: *self, hash: 0 }
    }
}

/// The hash of one name.
pub(super) struct Mixed {
    seed: Seed,
    hash: u64,
}

impl Hasher for Mixed {
    fn write_u64(&mut self, part: u64) {
        let [first, second] = self.seed.0;
        let product = u128::from(part ^ first) * u128::from(second | 1);
        let (high, low) = ((product >> 64) as u64, product as u64);
        self.hash = self.hash.rotate_left(5) ^ high ^ low;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

/// What ended of one user's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfUser {
    /// Tokens of an earlier epoch, except those of one session.
    pub(super) epoch: Option<(i64, Option<Digest>)>,
    /// Tokens with an earlier revision of the rights.
    pub(super) rev: Option<i64>,
    pub(super) until: Moment,
}

impl OfUser {
    /// Both together: the higher epoch, with its exception, and independently the higher revision. Of two exceptions from
    /// one epoch, neither holds, since each of the two endings ends the other's.
    fn and(self, other: Self) -> Self {
        let epoch = match (self.epoch, other.epoch) {
            (Some((ours, but)), Some((theirs, other_but))) if ours == theirs => {
                Some((ours, but.filter(|but| Some(*but) == other_but)))
            }
            (ours, theirs) => {
                if theirs.map(|(epoch, _)| epoch) > ours.map(|(epoch, _)| epoch) {
                    theirs
                } else {
                    ours
                }
            }
        };
        Self { epoch, rev: self.rev.max(other.rev), until: self.until.max(other.until) }
    }

    fn ends(&self, token: &Token) -> bool {
        let by_epoch = self.epoch.is_some_and(|(epoch, but)| token.epoch < epoch && but != Some(token.names.session));
        by_epoch || self.rev.is_some_and(|rev| token.rev < rev)
    }
}

/// What endings are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) names: Names,
    /// 0 for a token without one.
    pub(super) epoch: i64,
    /// 0 for a token without one.
    pub(super) rev: i64,
}

/// Endings by name. Cloned to be changed: readers never wait.
#[derive(Debug, Clone)]
pub(super) struct Map {
    /// Sessions and tokens.
    pub(super) whole: HashMap<Digest, Moment, Seed>,
    pub(super) users: HashMap<Digest, OfUser, Seed>,
}

impl Map {
    pub(super) fn empty(seed: Seed) -> Self {
        Self { whole: HashMap::with_hasher(seed), users: HashMap::with_hasher(seed) }
    }

    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.users.len()
    }

    fn has(&self, ending: &Ending) -> bool {
        match &ending.named {
            Named::Whole(name) => self.whole.contains_key(name),
            Named::User { name, .. } => self.users.contains_key(name),
            Named::Everybody { .. } => true,
        }
    }

    fn drop_expired(&mut self, now: Moment) {
        self.whole.retain(|_, until| now < *until);
        self.users.retain(|_, user| now < user.until);
    }
}

/// Everything that is held: a large map, which is shared by one version and the next, and a small one with what came since.
/// What stands in the small one has taken in what the large one says of the same name.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    pub(super) base: Arc<Map>,
    pub(super) delta: Map,
    /// Everybody's tokens of an earlier epoch.
    pub(super) everybody: Option<(i64, Moment)>,
}

impl Layers {
    pub(super) fn empty(seed: Seed) -> Self {
        Self { base: Arc::new(Map::empty(seed)), delta: Map::empty(seed), everybody: None }
    }

    /// How many names are held.
    pub(super) fn len(&self) -> usize {
        let twice = self.delta.whole.keys().filter(|name| self.base.whole.contains_key(*name)).count()
            + self.delta.users.keys().filter(|name| self.base.users.contains_key(*name)).count();
        self.base.len() + self.delta.len() - twice
    }

    fn whole(&self, name: &Digest) -> Option<Moment> {
        self.delta.whole.get(name).or_else(|| self.base.whole.get(name)).copied()
    }

    fn user(&self, name: &Digest) -> Option<OfUser> {
        self.delta.users.get(name).or_else(|| self.base.users.get(name)).copied()
    }

    /// All sessions and tokens.
    pub(super) fn all_whole(&self) -> impl Iterator<Item = (&Digest, Moment)> {
        let older = self.base.whole.iter().filter(|(name, _)| !self.delta.whole.contains_key(*name));
        older.chain(&self.delta.whole).map(|(name, until)| (name, *until))
    }

    /// All users.
    pub(super) fn all_users(&self) -> impl Iterator<Item = (&Digest, &OfUser)> {
        let older = self.base.users.iter().filter(|(name, _)| !self.delta.users.contains_key(*name));
        older.chain(&self.delta.users)
    }

    /// Whether the token has ended. The time is asked for only if something is found.
    pub(super) fn end(&self, token: &Token, now: impl Fn() -> Moment) -> bool {
        let Names { session, token: itself, user } = &token.names;
        let is_named = |name| self.whole(name).is_some_and(|until| now() < until);
        is_named(session)
            || is_named(itself)
            || self.user(user).is_some_and(|user| user.ends(token) && now() < user.until)
            || self.everybody.is_some_and(|(epoch, until)| token.epoch < epoch && now() < until)
    }

    /// What an ending changes about what is held: nothing if that says as much, for as long.
    fn news(&self, ending: &Ending, now: Moment) -> Option<Change> {
        let is_held = |until: &Moment| now < *until;
        let until = ending.until;
        match ending.named {
            _ if until <= now => None,
            Named::Whole(name) => {
                let held = self.whole(&name).filter(is_held);
                let until = until.or_later(held);
                (held != Some(until)).then_some(Change::Whole(name, until))
            }
            Named::User { name, epoch, rev } => {
                let held = self.user(&name).filter(|held| is_held(&held.until));
                let new = OfUser { epoch, rev, until: until.or_later(held.map(|held| held.until)) };
                let both = held.map_or(new, |held| held.and(new));
                (held != Some(both)).then_some(Change::User(name, both))
            }
            Named::Everybody { epoch } => {
                let held = self.everybody.filter(|(_, until)| is_held(until));
                let until = until.or_later(held.map(|(_, until)| until));
                let both = (held.map_or(epoch, |(held, _)| held.max(epoch)), until);
                (held != Some(both)).then_some(Change::Everybody(both))
            }
        }
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Whole(name, until) => drop(self.delta.whole.insert(name, until)),
            Change::User(name, user) => drop(self.delta.users.insert(name, user)),
            Change::Everybody(all) => self.everybody = Some(all),
        }
    }

    /// With these endings as well; `None` if they are no news. At most `limit` names are held: others are left out, and
    /// counted. More than `delta_limit` names that came since are merged into the large map.
    pub(super) fn with(&self, endings: &[Ending], now: Moment, limits: Limits) -> Addition {
        let mut next: Option<Self> = None;
        let (mut held, mut left_out) = (self.len(), 0);
        for ending in endings {
            let current = next.as_ref().unwrap_or(self);
            let Some(change) = current.news(ending, now) else { continue };
            let is_new = !(current.delta.has(ending) || current.base.has(ending));
            if is_new && held >= limits.entries {
                left_out += 1;
                continue;
            }
            held += usize::from(is_new);
            next.get_or_insert_with(|| self.clone()).make(change);
        }
        let layers = next.map(|next| if next.delta.len() > limits.delta { next.merged(now) } else { next });
        Addition { layers, left_out }
    }

    /// The same in one map, without what has expired.
    pub(super) fn merged(self, now: Moment) -> Self {
        let Self { base, mut delta, everybody } = self;
        let mut whole = Arc::unwrap_or_clone(base);
        delta.drop_expired(now);
        whole.whole.extend(delta.whole.drain());
        whole.users.extend(delta.users.drain());
        whole.drop_expired(now);
        let everybody = everybody.filter(|(_, until)| now < *until);
        Self { base: Arc::new(whole), delta, everybody }
    }
}

/// What is written in place of what was held.
enum Change {
    Whole(Digest, Moment),
    User(Digest, OfUser),
    Everybody((i64, Moment)),
}

/// How much is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Names.
    pub(super) entries: usize,
    /// Names in the small map.
    pub(super) delta: usize,
}

/// What has become of endings.
pub(super) struct Addition {
    /// What is held now; `None` if that is the same as before.
    pub(super) layers: Option<Layers>,
    /// How many there was no room for.
    pub(super) left_out: usize,
}
