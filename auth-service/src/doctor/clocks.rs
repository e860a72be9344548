//! Clocks that must agree: this machine's and the stores'.

use super::Finding;
use shared::clock::{Clock, Timestamp};
use std::{future::Future, time::Duration};

/// Beyond this offset, replicas and verifiers begin to disagree.
const TOLERABLE: Duration = Duration::from_secs(2);
/// The leeway that verifiers allow for `iat` and `nbf`.
const FORGIVEN: Duration = Duration::from_secs(60);

/// An answer, and when it was asked for and received, by this machine's clock.
pub(super) struct Reading<T> {
    pub(super) value: T,
    pub(super) asked: Timestamp,
    pub(super) had: Timestamp,
}

impl<T> Reading<T> {
    pub(super) async fn of<E, F>(clock: &dyn Clock, ask: impl FnOnce() -> F) -> Result<Self, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let asked = clock.now();
        let value = ask().await?;
        Ok(Self { value, asked, had: clock.now() })
    }
}

/// How far a clock is off at least, whenever it was read between the question and the answer.
fn apart(asked: Timestamp, had: Timestamp, theirs: Timestamp) -> (Duration, &'static str) {
    if theirs < asked { (asked.since(theirs), "behind") } else { (theirs.since(had), "ahead") }
}

pub(super) fn offset<T>(whose: &str, reading: &Reading<T>, theirs: Timestamp) -> Finding {
    let (apart, direction) = apart(reading.asked, reading.had, theirs);
    let words = format!("the clock of {whose} is {:.1} s {direction} of this machine's", apart.as_secs_f32());
    if apart > FORGIVEN {
        Finding::error(format!("{words}: verifiers refuse tokens with such dates; set both by NTP"))
    } else if apart > TOLERABLE {
        Finding::warning(format!("{words}: lifetimes and the replay window are off by as much; set both by NTP"))
    } else {
        Finding::ok(format!("the clock of {whose} agrees with this machine's"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    fn reading() -> Reading<()> {
        Reading { value: (), asked: Timestamp::from_secs(1000), had: Timestamp::from_secs(1003) }
    }

    fn severity(theirs: i64) -> Severity {
        offset("PostgreSQL", &reading(), Timestamp::from_secs(theirs)).severity
    }

    #[test]
    fn a_slow_answer_is_not_an_offset() {
        assert_eq!([1000, 1003, 1005, 998].map(severity), [Severity::Ok; 4]);
    }

    #[test]
    fn the_severity_depends_on_the_offset() {
        assert_eq!(
            [1006, 997, 1064, 900].map(severity),
            [Severity::Warning, Severity::Warning, Severity::Error, Severity::Error]
        );
        let text = offset("Redis", &reading(), Timestamp::from_secs(990)).text;
        assert!(text.contains("Redis is 10.0 s behind"), "{text}");
    }
}
