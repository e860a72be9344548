//! The life of signing keys, from their timestamps alone: pure functions, so that replicas agree without a leader.
//!
//! *pending* (published, before it signs) → *active* → *retired* (still published until the last token that it signed has
//! expired) → *gone*. A *revoked* key is neither used nor published.

use super::table::StoredKey;
use shared::clock::Timestamp;
use std::time::Duration;

/// How long verifiers accept a token after its expiry (5 s), plus how late a replica may notice that the next key signs
/// (60 s).
const MARGIN: Duration = Duration::from_secs(5 + 60);

/// The state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and will sign.
    Pending,
    /// It signs.
    Active,
    /// No longer signs; published as long as its tokens live.
    Retired,
    /// All its tokens have expired.
    Gone,
    /// Withdrawn by command.
    Revoked,
}

impl KeyState {
    /// Its name for operators.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Gone => "gone",
            Self::Revoked => "revoked",
        }
    }
}

/// The keys at one moment.
pub struct Schedule<'a> {
    keys: &'a [StoredKey],
    now: Timestamp,
}

impl<'a> Schedule<'a> {
    /// For keys in the order of their slots.
    #[must_use]
    pub const fn at(keys: &'a [StoredKey], now: Timestamp) -> Self {
        Self { keys, now }
    }

    fn live(&self) -> impl DoubleEndedIterator<Item = &'a StoredKey> {
        self.keys.iter().filter(|key| key.revoked_at.is_none_or(|revoked| self.now < revoked))
    }

    /// The key that signs: the newest of those whose time has come. If the clock was set back to before all of them,
    /// the oldest: as long as one key is not revoked, one signs.
    #[must_use]
    pub fn signing(&self) -> Option<&'a StoredKey> {
        self.live().rev().find(|key| key.active_at <= self.now).or_else(|| self.live().next())
    }

    /// The newest key that is not revoked.
    #[must_use]
    pub fn newest(&self) -> Option<&'a StoredKey> {
        self.live().next_back()
    }

    /// The key that signs next, if there is one already.
    #[must_use]
    pub fn pending(&self) -> Option<&'a StoredKey> {
        let signing = self.signing()?;
        self.live().find(|key| key.slot > signing.slot)
    }

    /// The state of a key.
    #[must_use]
    pub fn state(&self, key: &StoredKey) -> KeyState {
        let signing = self.signing().map_or(i64::MAX, |signing| signing.slot);
        if key.revoked_at.is_some_and(|revoked| revoked <= self.now) {
            KeyState::Revoked
        } else if key.slot == signing {
            KeyState::Active
        } else if key.slot > signing {
            KeyState::Pending
        } else if self.gone_at(key).is_some_and(|gone| gone <= self.now) {
            KeyState::Gone
        } else {
            KeyState::Retired
        }
    }

    /// When the last token of a key has expired for every verifier; `None` until another key follows it.
    #[must_use]
    pub fn gone_at(&self, key: &StoredKey) -> Option<Timestamp> {
        let successor = self.live().find(|later| later.slot > key.slot)?;
        Some(successor.active_at.plus(key.token_life).plus(MARGIN))
    }

    /// The keys that verifiers are shown.
    #[must_use]
    pub fn published(&self) -> Vec<&'a StoredKey> {
        let is_shown = |key: &&StoredKey| match self.state(key) {
            KeyState::Pending => key.published_at <= self.now,
            KeyState::Active | KeyState::Retired => true,
            KeyState::Gone | KeyState::Revoked => false,
        };
        self.keys.iter().filter(is_shown).collect()
    }

    /// When the next key must be created, so that it is published for `lead` before this one has signed for `lifetime`.
    /// `None`: it exists already, or (zero lifetime) only a command creates it.
    #[must_use]
    pub fn next_due(&self, lifetime: Duration, lead: Duration) -> Option<Timestamp> {
        let is_automatic = !lifetime.is_zero() && self.pending().is_none();
        let due = |key: &StoredKey| key.active_at.plus(lifetime.saturating_sub(lead));
        self.signing().filter(|_| is_automatic).map(due)
    }

    /// When a known key next starts or stops being published or signing.
    #[must_use]
    pub fn next_change(&self) -> Option<Timestamp> {
        let moments =
            |key: &StoredKey| [Some(key.published_at), Some(key.active_at), self.gone_at(key), key.revoked_at];
        self.keys.iter().flat_map(moments).flatten().filter(|change| *change > self.now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn key(slot: i64, published: i64, active: i64) -> StoredKey {
        StoredKey {
            slot,
            kid: format!("key {slot}"),
            jwk: "{}".to_owned(),
            sealed: Vec::new(),
            published_at: Timestamp::from_secs(published),
            active_at: Timestamp::from_secs(active),
            revoked_at: None,
            token_life: HOUR,
        }
    }

    fn slots(keys: &[StoredKey], now: i64) -> (Option<i64>, Vec<i64>, Option<i64>) {
        let schedule = Schedule::at(keys, Timestamp::from_secs(now));
        let published = schedule.published().iter().map(|key| key.slot).collect();
        (schedule.signing().map(|key| key.slot), published, schedule.next_change().map(Timestamp::secs))
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after_it_last_signed() {
        let keys = [key(0, 0, 0), key(1, 10_000, 20_000)];
        assert_eq!(slots(&keys, 9_999), (Some(0), vec![0], Some(10_000)));
        assert_eq!(slots(&keys, 10_000), (Some(0), vec![0, 1], Some(20_000)));
        assert_eq!(slots(&keys, 20_000), (Some(1), vec![0, 1], Some(23_665)));
        assert_eq!(slots(&keys, 23_665), (Some(1), vec![1], None));
    }

    #[test]
    fn a_key_stays_published_as_long_as_its_own_tokens_live() {
        let mut keys = [key(0, 0, 0), key(1, 0, 100)];
        keys[0].token_life = Duration::from_secs(10);
        assert_eq!(slots(&keys, 174).1, vec![0, 1]);
        assert_eq!(slots(&keys, 175).1, vec![1]);
    }

    #[test]
    fn a_revoked_key_neither_signs_nor_is_published() {
        let mut keys = [key(0, 0, 0), key(1, 0, 0)];
        keys[1].revoked_at = Some(Timestamp::from_secs(50));
        assert_eq!(slots(&keys, 49).0, Some(1));
        assert_eq!(slots(&keys, 50), (Some(0), vec![0], None));
        let schedule = Schedule::at(&keys, Timestamp::from_secs(50));
        assert_eq!(schedule.state(&keys[1]), KeyState::Revoked);
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_a_key_to_sign_with() {
        let keys = [key(0, 1_000, 1_000), key(1, 2_000, 3_000)];
        assert_eq!(slots(&keys, 5), (Some(0), vec![0], Some(1_000)));
    }

    #[test]
    fn the_next_key_is_due_a_lead_before_the_current_one_reaches_its_lifetime() {
        let due = |keys: &[StoredKey], now: i64, lifetime: u64| {
            let lifetime = Duration::from_secs(lifetime);
            let due = Schedule::at(keys, Timestamp::from_secs(now)).next_due(lifetime, Duration::from_secs(10));
            due.map(Timestamp::secs)
        };
        let keys = [key(0, 0, 0), key(1, 90, 100)];
        assert_eq!(due(&keys[..1], 5, 100), Some(90));
        assert_eq!(due(&keys, 95, 100), None, "it exists already");
        assert_eq!(due(&keys, 105, 100), Some(190));
        assert_eq!(due(&keys[..1], 5, 0), None, "only by command");
    }

    #[test]
    fn keys_pass_through_their_states_in_time() {
        let keys = [key(0, 0, 0), key(1, 10_000, 20_000)];
        let states = |now: i64| {
            let schedule = Schedule::at(&keys, Timestamp::from_secs(now));
            keys.each_ref().map(|key| schedule.state(key))
        };
        assert_eq!(states(15_000), [KeyState::Active, KeyState::Pending]);
        assert_eq!(states(20_000), [KeyState::Retired, KeyState::Active]);
        assert_eq!(states(23_665), [KeyState::Gone, KeyState::Active]);
        let names = [KeyState::Pending, KeyState::Active, KeyState::Retired, KeyState::Gone, KeyState::Revoked];
        assert_eq!(names.map(KeyState::name), ["pending", "active", "retired", "gone", "revoked"]);
    }

    #[test]
    fn the_newest_key_is_the_last_that_is_not_revoked() {
        let mut keys = [key(0, 0, 0), key(1, 0, 0)];
        let newest = |keys: &[StoredKey]| Schedule::at(keys, Timestamp::from_secs(50)).newest().map(|key| key.slot);
        assert_eq!((newest(&keys), newest(&[])), (Some(1), None));
        keys[1].revoked_at = Some(Timestamp::from_secs(50));
        assert_eq!(newest(&keys), Some(0));
    }
}
