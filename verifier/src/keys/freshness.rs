//! How long an answer may be used (RFC 9111, section 4.2).

use crate::clock::Timestamp;
use http::{
    HeaderMap, HeaderName,
    header::{AGE, CACHE_CONTROL, DATE, RETRY_AFTER},
};
use std::time::{Duration, UNIX_EPOCH};

/// What the headers of an answer say of its freshness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Freshness {
    max_age: Option<Duration>,
    /// How long caches say that they have had it.
    age: Duration,
    /// How old it looks by its date and our clock.
    apparent_age: Duration,
}

impl Freshness {
    pub(super) fn of(headers: &HeaderMap, now: Timestamp) -> Self {
        let apparent_age = date(headers).map_or(Duration::ZERO, |date| now.since(date));
        Self { max_age: max_age(headers), age: age(headers), apparent_age }
    }

    /// This, or the `max-age` that was given before if none is now.
    pub(super) fn or(self, before: Self) -> Self {
        Self { max_age: self.max_age.or(before.max_age), ..self }
    }

    /// What is left of `max-age` once the answer is there, which took a while; `None` if none was given. A date may be old
    /// because a cache keeps its age to itself, or because a clock is wrong, which must not cause a fetch every second, so
    /// at least a tenth is left.
    pub(super) fn remaining(&self, took: Duration) -> Option<Duration> {
        let max_age = self.max_age?;
        let by_age = max_age.saturating_sub(self.age.saturating_add(took));
        Some(by_age.min(max_age.saturating_sub(self.apparent_age).max(max_age / 10)))
    }
}

/// When an answer was made, by whoever made it (RFC 9110, section 6.6.1).
#[must_use]
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(i64::try_from(since.as_secs()).ok()?))
}

/// In how many seconds whoever answered wants to be asked again (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok().and_then(seconds).map(Duration::from_secs)
}

/// `max-age` of `Cache-Control` (RFC 9111, section 5.2.2.1).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    words(headers, CACHE_CONTROL)
        .filter_map(|directive| directive.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .and_then(|(_, seconds)| seconds.trim().parse().ok())
        .map(Duration::from_secs)
}

/// `Age` (RFC 9111, section 5.1). Of several, which only a broken cache sends, the largest counts: to ask too early does no
/// harm. Anything else is ignored.
fn age(headers: &HeaderMap) -> Duration {
    words(headers, AGE).filter_map(seconds).max().map_or(Duration::ZERO, Duration::from_secs)
}

/// A number of seconds. One that is too large to be counted is very large.
fn seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The members of a list, also of one that was sent in several headers.
fn words(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: i64 = 784_111_777;

    fn left(headers: &[(HeaderName, &'static str)]) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        let now = Timestamp::from_secs(NOW);
        Freshness::of(&map, now).remaining(Duration::ZERO).map(|left| left.as_secs())
    }

    #[test]
    fn max_age_is_found_among_other_directives() {
        assert_eq!(left(&[(CACHE_CONTROL, "public, Max-Age=300")]), Some(300));
        assert_eq!(left(&[(CACHE_CONTROL, "public"), (CACHE_CONTROL, "max-age=300")]), Some(300));
        assert_eq!(left(&[(CACHE_CONTROL, "no-store")]), None);
        for absurd in ["max-age=soon", "max-age=-1", "max-age=1e9", "max-age=99999999999999999999999", "max-age="] {
            assert_eq!(left(&[(CACHE_CONTROL, absurd)]), None, "{absurd}");
        }
    }

    #[test]
    fn what_a_cache_has_had_for_a_while_is_fresh_for_the_rest_of_its_time() {
        let aged = |age: &'static str| left(&[(CACHE_CONTROL, "max-age=300"), (AGE, age)]);
        assert_eq!(["0", "100", "299", "300", "301"].map(aged), [300, 200, 1, 0, 0].map(Some));
        assert_eq!(aged("99999999999999999999999"), Some(0), "a very large age");
        for nonsense in ["", "-5", "soon", "1.5", "+7", "1e3"] {
            assert_eq!(aged(nonsense), Some(300), "{nonsense}");
        }
        assert_eq!(left(&[(CACHE_CONTROL, "max-age=300"), (AGE, "10"), (AGE, "200, 5")]), Some(100), "the largest");
        assert_eq!(left(&[(AGE, "100")]), None);
    }

    #[test]
    fn an_old_date_counts_too_but_a_wrong_clock_does_not_cause_frequent_fetches() {
        let dated = |date: &'static str| left(&[(CACHE_CONTROL, "max-age=300"), (DATE, date)]);
        assert_eq!(dated("Sun, 06 Nov 1994 08:49:37 GMT"), Some(300));
        assert_eq!(dated("Sun, 06 Nov 1994 08:46:37 GMT"), Some(120));
        assert_eq!(dated("Sun, 06 Nov 1994 07:49:37 GMT"), Some(30));
        assert_eq!(dated("Sun, 06 Nov 1994 09:49:37 GMT"), Some(300), "from the future");
        assert_eq!(dated("yesterday"), Some(300));
    }

    #[test]
    fn the_time_that_an_answer_took_counts_and_an_earlier_max_age_holds_if_none_is_given() {
        let aged =
            Freshness { max_age: Some(Duration::from_secs(60)), age: Duration::from_secs(10), ..Freshness::default() };
        assert_eq!(aged.remaining(Duration::from_secs(5)), Some(Duration::from_secs(45)));
        let bare = Freshness { age: Duration::from_secs(20), ..Freshness::default() };
        assert_eq!(bare.or(aged).remaining(Duration::ZERO), Some(Duration::from_secs(40)));
    }
}
