//! The session protocol: what a presented refresh token is worth, given what the store remembers about its session.
//!
//! A *family* is the set of refresh tokens issued in exchange for the same token, their *parent*; it is named by the
//! parent's id. [`decide`] is the only place that holds the rules. It knows no clock, no store and no token format.

use shared::{clock::Timestamp, ids::TokenId};
use std::time::Duration;

/// What the store remembers about a session's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lineage {
    /// How many tokens the session has had.
    pub generation: u64,
    /// The newest family.
    pub family: TokenId,
    /// The two families before it, the later one first.
    pub earlier: [Option<TokenId>; 2],
    /// When the newest family got its first member, or another by a late retry; `None` after a login.
    pub rotated_at: Option<Timestamp>,
    /// When the session was last adopted, that is, restored from a token because the store had lost something.
    pub adopted_at: Option<Timestamp>,
    /// Whether the adopted token was recent then, so that the one before it, however old, may still have been in
    /// flight.
    pub adopted_recent: bool,
    /// How often the newest family got another member by a late retry.
    pub retries: u8,
}

/// The part of a refresh token that the rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Presented {
    /// The token's own id.
    pub id: TokenId,
    /// The token's family.
    pub family: TokenId,
    /// The token's number within its session.
    pub generation: u64,
    /// When it was issued, rounded down to the second.
    pub issued_at: Timestamp,
}

/// The rules' settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How long after a rotation the tokens before it still get the same answer. Zero: never.
    pub replay_window: Duration,
    /// How often a client whose responses are lost may retry with the same token after the window; zero: never.
    pub late_retries: u8,
}

/// How often a client may retry late with the same token unless [`Policy::late_retries`] is off. A client that loses
/// 40% of its responses reaches this limit once in six million exchanges (0.4^17). A thief who keeps asking reaches it
/// within 17 windows: less than five minutes, in which no client refreshes by itself.
pub const LATE_RETRIES: u8 = 16;

/// By how many tokens an old token may lag behind an adoption of a recent one. Both were in a client's hands within two
/// windows, in which a session does not get more tokens than this.
const CLOSE: u64 = 4;

/// By how much the time in a token may lag behind the store's: it is cut to the second.
const CUT: Duration = Duration::from_secs(1);

/// What to do. The lineage, if there is one, is to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Outcome {
    /// Return the newest token again; nothing is written.
    Replay,
    /// Return the first token of a new family, whose parent is the presented token.
    Rotate(Lineage),
    /// The response was lost: return another member of the newest family. This begins a window too. Otherwise, of
    /// several tabs that retry together, each would get a member of its own, and the use of one would kill the others.
    Retry(Lineage),
    /// The store has lost writes that it acknowledged, and the signature proves that the token is genuine: restore the
    /// session from the token, and rotate.
    Adopt(Lineage),
    /// The token was used before, and not by a client that follows the rules: a theft.
    Reuse,
}

/// A row of the table of rules: a situation, and what to do in it. The first row that applies decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    /// The store has lost the session's record.
    RecordLost,
    /// The token is of the newest family.
    NewestFamily,
    /// The token is the parent of the newest family, whose members are all unused: the response was lost.
    ResponseLost,
    /// The token is of one of the two families before: a slow tab, or a response that arrived late.
    EarlierFamily,
    /// The token's number is at least that of the record's newest, but the record does not know it: the store has lost
    /// writes that it acknowledged.
    WritesLost,
    /// Any other token, soon after an adoption, that an honest client may still have had in flight when the store lost
    /// its state: one issued at most two windows before, or one of the last few before an adopted token that was that
    /// recent.
    JustAdopted,
}

/// The rules, in order. A token to which no row applies is a [`Outcome::Reuse`].
pub const TABLE: [Row; 6] =
    [Row::RecordLost, Row::NewestFamily, Row::ResponseLost, Row::EarlierFamily, Row::WritesLost, Row::JustAdopted];

/// Decides what `token`, whose signature and expiry have been checked, is worth at `now` on the store's clock.
pub fn decide(record: Option<&Lineage>, token: &Presented, now: Timestamp, policy: &Policy) -> Outcome {
    decide_by(&TABLE, record, token, now, policy)
}

/// [`decide`] with other rules than [`TABLE`]: the model checker shows that each of them is needed.
pub fn decide_by(
    table: &[Row],
    record: Option<&Lineage>,
    token: &Presented,
    now: Timestamp,
    policy: &Policy,
) -> Outcome {
    table.iter().find_map(|row| row.outcome(record, token, now, policy)).unwrap_or(Outcome::Reuse)
}

impl Row {
    /// What to do, if the row applies.
    fn outcome(self, record: Option<&Lineage>, token: &Presented, now: Timestamp, policy: &Policy) -> Option<Outcome> {
        if self == Self::RecordLost {
            return record.is_none().then(|| Outcome::Adopt(adopted(token, now, policy)));
        }
        let record = record?;
        let is_young = is_within_window(record.rotated_at, now, policy);
        let young_or = |later: Outcome| if is_young { Outcome::Replay } else { later };
        match self {
            Self::RecordLost => None,
            Self::NewestFamily => {
                (token.family == record.family).then(|| young_or(Outcome::Rotate(rotated(record, token, now))))
            }
            Self::ResponseLost => (token.id == record.family).then(|| {
                let generation = next_generation(record, token);
                let retries = record.retries.saturating_add(1);
                let retried = Lineage { generation, rotated_at: Some(now), retries, ..*record };
                young_or(if retries <= policy.late_retries { Outcome::Retry(retried) } else { Outcome::Reuse })
            }),
            Self::EarlierFamily => record.earlier.contains(&Some(token.family)).then(|| young_or(Outcome::Reuse)),
            Self::WritesLost => {
                (token.generation >= record.generation).then(|| Outcome::Adopt(adopted(token, now, policy)))
            }
            Self::JustAdopted => {
                let adopted_at = record.adopted_at.filter(|_| is_within_window(record.adopted_at, now, policy))?;
                let is_close = record.adopted_recent && token.generation.saturating_add(CLOSE) >= record.generation;
                (is_close || is_recent(token, adopted_at, policy)).then_some(Outcome::Replay)
            }
        }
    }
}

impl Lineage {
    /// The lineage of a new session, whose first token is of this family.
    #[must_use]
    pub fn begin(family: TokenId) -> Self {
        Self {
            generation: 1,
            family,
            earlier: [None; 2],
            rotated_at: None,
            adopted_at: None,
            adopted_recent: false,
            retries: 0,
        }
    }
}

fn rotated(record: &Lineage, token: &Presented, now: Timestamp) -> Lineage {
    Lineage {
        generation: next_generation(record, token),
        family: token.id,
        earlier: [Some(record.family), record.earlier[0]],
        rotated_at: Some(now),
        adopted_at: record.adopted_at,
        adopted_recent: record.adopted_recent,
        retries: 0,
    }
}

fn adopted(token: &Presented, now: Timestamp, policy: &Policy) -> Lineage {
    Lineage {
        generation: token.generation + 1,
        family: token.id,
        earlier: [Some(token.family), None],
        rotated_at: Some(now),
        adopted_at: Some(now),
        adopted_recent: is_recent(token, now, policy),
        retries: 0,
    }
}

/// Whether the token was issued so shortly before the adoption that it, or the one before it, may have been in flight:
/// a response may replay a token that is one window old, and a request and its response take half a window each.
fn is_recent(token: &Presented, adopted_at: Timestamp, policy: &Policy) -> bool {
    token.issued_at.plus(policy.replay_window * 2 + CUT) >= adopted_at
}

/// The token's own number counts too: a store that lost a retry may know a lower one.
fn next_generation(record: &Lineage, token: &Presented) -> u64 {
    record.generation.max(token.generation) + 1
}

/// The window is anchored at its beginning and never extended.
fn is_within_window(began: Option<Timestamp>, now: Timestamp, policy: &Policy) -> bool {
    began.is_some_and(|began| !policy.replay_window.is_zero() && now <= began.plus(policy.replay_window))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { replay_window: Duration::from_secs(10), late_retries: 3 };
    const STRICT: Policy = Policy { replay_window: Duration::ZERO, late_retries: 0 };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn token(id: u128, family: u128, generation: u64) -> Presented {
        Presented { id: TokenId::from_u128(id), family: TokenId::from_u128(family), generation, issued_at: at(0) }
    }

    fn family(name: u128) -> TokenId {
        TokenId::from_u128(name)
    }

    /// Token 1 of the session's first family 100 was exchanged at 50 s for token 2, and that at 100 s for token 3.
    fn third() -> Lineage {
        Lineage {
            generation: 3,
            family: family(2),
            earlier: [Some(family(1)), Some(family(100))],
            rotated_at: Some(at(100)),
            adopted_at: None,
            adopted_recent: false,
            retries: 0,
        }
    }

    #[test]
    fn the_token_of_a_login_rotates_at_once() {
        let login = Lineage::begin(family(100));
        let Outcome::Rotate(next) = decide(Some(&login), &token(1, 100, 1), at(0), &POLICY) else {
            panic!("no rotation")
        };
        assert_eq!((next.generation, next.family, next.rotated_at), (2, family(1), Some(at(0))));
        assert_eq!(next.earlier, [Some(family(100)), None]);
    }

    #[test]
    fn a_member_of_the_newest_family_is_replayed_while_young_and_rotates_later() {
        assert_eq!(decide(Some(&third()), &token(3, 2, 3), at(110), &POLICY), Outcome::Replay);
        let Outcome::Rotate(next) = decide(Some(&third()), &token(3, 2, 3), at(111), &POLICY) else {
            panic!("no rotation")
        };
        assert_eq!((next.generation, next.family), (4, family(3)));
        assert_eq!(next.earlier, [Some(family(2)), Some(family(1))]);
    }

    #[test]
    fn the_parent_of_the_newest_family_is_replayed_while_young_and_retried_later() {
        assert_eq!(decide(Some(&third()), &token(2, 1, 2), at(110), &POLICY), Outcome::Replay);
        let Outcome::Retry(next) = decide(Some(&third()), &token(2, 1, 2), at(9_999), &POLICY) else {
            panic!("no retry")
        };
        assert_eq!(next, Lineage { generation: 4, rotated_at: Some(at(9_999)), retries: 1, ..third() });
    }

    /// Two tabs wake up after a response was lost. If each got a token of its own, and a third tab used one of them at
    /// once, this would kill the other, which may be the one left in the cookie jar.
    #[test]
    fn tabs_that_retry_late_together_get_the_same_token() {
        let Outcome::Retry(retried) = decide(Some(&third()), &token(2, 1, 2), at(200), &POLICY) else {
            panic!("no retry")
        };
        assert_eq!(decide(Some(&retried), &token(2, 1, 2), at(200), &POLICY), Outcome::Replay);
        assert_eq!(decide(Some(&retried), &token(4, 2, 4), at(210), &POLICY), Outcome::Replay);
        assert!(matches!(decide(Some(&retried), &token(4, 2, 4), at(211), &POLICY), Outcome::Rotate(_)));
    }

    #[test]
    fn without_late_retries_a_late_parent_is_a_reuse() {
        let policy = Policy { late_retries: 0, ..POLICY };
        assert_eq!(decide(Some(&third()), &token(2, 1, 2), at(111), &policy), Outcome::Reuse);
        assert_eq!(decide(Some(&third()), &token(2, 1, 2), at(110), &policy), Outcome::Replay);
    }

    #[test]
    fn using_one_member_of_a_family_kills_the_others() {
        let Outcome::Retry(two_members) = decide(Some(&third()), &token(2, 1, 2), at(200), &POLICY) else {
            panic!("no retry")
        };
        let Outcome::Rotate(used) = decide(Some(&two_members), &token(4, 2, 4), at(300), &POLICY) else {
            panic!("no rotation")
        };
        assert_eq!(decide(Some(&used), &token(3, 2, 3), at(310), &POLICY), Outcome::Replay);
        assert_eq!(decide(Some(&used), &token(3, 2, 3), at(311), &POLICY), Outcome::Reuse);
    }

    #[test]
    fn a_token_of_the_two_earlier_families_is_replayed_while_young_and_a_reuse_later() {
        for slow in [token(20, 1, 2), token(1, 100, 1)] {
            assert_eq!(decide(Some(&third()), &slow, at(110), &POLICY), Outcome::Replay);
            assert_eq!(decide(Some(&third()), &slow, at(111), &POLICY), Outcome::Reuse);
        }
    }

    #[test]
    fn an_older_token_is_a_reuse_even_while_young() {
        assert_eq!(decide(Some(&third()), &token(70, 60, 1), at(100), &POLICY), Outcome::Reuse);
    }

    #[test]
    fn a_parent_may_be_retried_late_a_few_times_and_then_it_is_a_reuse() {
        let mut record = third();
        for time in [200, 300, 400] {
            let Outcome::Retry(next) = decide(Some(&record), &token(2, 1, 2), at(time), &POLICY) else {
                panic!("no retry at {time}")
            };
            record = next;
        }
        assert_eq!(decide(Some(&record), &token(2, 1, 2), at(410), &POLICY), Outcome::Replay);
        assert_eq!(decide(Some(&record), &token(2, 1, 2), at(411), &POLICY), Outcome::Reuse);
        let Outcome::Rotate(used) = decide(Some(&record), &token(6, 2, 6), at(500), &POLICY) else {
            panic!("no rotation")
        };
        assert_eq!(used.retries, 0, "the next parent may be retried as often");
    }

    /// Token 2 of family 1 was adopted at 100 s.
    fn adopted_at_100() -> Lineage {
        let Outcome::Adopt(adopted) = decide(None, &token(2, 1, 2), at(100), &POLICY) else { panic!("no adoption") };
        adopted
    }

    #[test]
    fn a_token_that_may_have_been_in_flight_is_replayed_within_the_window_of_an_adoption() {
        let recent = Presented { issued_at: at(79), ..token(70, 60, 1) };
        assert_eq!(decide(Some(&adopted_at_100()), &recent, at(110), &POLICY), Outcome::Replay);
        assert_eq!(decide(Some(&adopted_at_100()), &recent, at(111), &POLICY), Outcome::Reuse);
    }

    #[test]
    fn a_token_issued_long_before_an_adoption_is_a_reuse_even_within_its_window() {
        let old = Presented { issued_at: at(78), ..token(70, 60, 1) };
        assert_eq!(decide(Some(&adopted_at_100()), &old, at(100), &POLICY), Outcome::Reuse);
        assert_eq!(decide(Some(&adopted_at_100()), &token(1, 100, 1), at(100), &POLICY), Outcome::Reuse, "the parent");
    }

    /// A tab had sent it before the response with its successor arrived.
    #[test]
    fn the_last_few_tokens_before_an_adopted_recent_one_are_replayed_however_old() {
        let recent = Presented { issued_at: at(90), ..token(8, 7, 8) };
        let Outcome::Adopt(adopted) = decide(None, &recent, at(100), &POLICY) else { panic!("no adoption") };
        assert_eq!(decide(Some(&adopted), &token(7, 6, 7), at(110), &POLICY), Outcome::Replay);
        assert_eq!(decide(Some(&adopted), &token(5, 4, 5), at(110), &POLICY), Outcome::Replay);
        assert_eq!(decide(Some(&adopted), &token(7, 6, 7), at(111), &POLICY), Outcome::Reuse);
        assert_eq!(decide(Some(&adopted), &token(4, 3, 4), at(110), &POLICY), Outcome::Reuse);
    }

    #[test]
    fn a_session_that_the_store_has_lost_is_adopted_from_its_token() {
        let Outcome::Adopt(next) = decide(None, &token(7, 6, 9), at(5), &POLICY) else { panic!("no adoption") };
        assert_eq!(
            next,
            Lineage {
                generation: 10,
                family: family(7),
                earlier: [Some(family(6)), None],
                rotated_at: Some(at(5)),
                adopted_at: Some(at(5)),
                adopted_recent: true,
                retries: 0,
            }
        );
    }

    #[test]
    fn a_token_that_the_store_has_lost_is_adopted_whatever_the_window() {
        for now in [at(100), at(500)] {
            let Outcome::Adopt(next) = decide(Some(&third()), &token(7, 6, 9), now, &STRICT) else {
                panic!("no adoption")
            };
            assert_eq!(next.generation, 10);
        }
    }

    /// Found by the model checker: a late retry was committed on a store that had just lost a rotation.
    #[test]
    fn of_two_tokens_with_the_same_number_the_one_unknown_to_the_record_is_adopted() {
        let Outcome::Adopt(next) = decide(Some(&third()), &token(7, 6, 3), at(500), &POLICY) else {
            panic!("no adoption")
        };
        assert_eq!(next.generation, 4);
    }

    #[test]
    fn a_window_of_zero_is_strict_even_within_the_same_millisecond() {
        assert_eq!(decide(Some(&third()), &token(2, 1, 2), at(100), &STRICT), Outcome::Reuse);
    }

    #[test]
    fn a_member_that_a_rolled_back_store_does_not_know_keeps_the_count_rising() {
        let Outcome::Rotate(next) = decide(Some(&third()), &token(8, 2, 12), at(500), &POLICY) else {
            panic!("no rotation")
        };
        assert_eq!(next.generation, 13);
    }
}
