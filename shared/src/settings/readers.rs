//! Readers that several settings use.

use std::{str::FromStr, time::Duration};

/// The longest duration of any setting: added to a time, it does not overflow.
const MAX_DURATION: &str = "3650d";

/// Reads a duration such as `10s`, `15m`, `7d`, of ten years at most; `0` is zero.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn duration(text: &str) -> Result<Duration, String> {
    let value = any_duration(text)?;
    if value <= any_duration(MAX_DURATION)? { Ok(value) } else { Err(format!("must be at most {MAX_DURATION}")) }
}

fn any_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "not a duration: write it as 10s, 15m or 7d".to_owned())
}

/// Reads a duration within bounds.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn duration_within(text: &str, min: &str, max: &str) -> Result<Duration, String> {
    let value = any_duration(text)?;
    let bounds = duration(min)?..=duration(max)?;
    if bounds.contains(&value) { Ok(value) } else { Err(format!("must be from {min} to {max}")) }
}

/// Reads anything that parses, with one sentence for when it does not.
///
/// # Errors
/// That it is not `wanted`.
pub fn parsed<T: FromStr>(text: &str, wanted: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not {wanted}"))
}

/// Reads a number within bounds.
///
/// # Errors
/// What would be right.
pub fn number_within(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("must be a number from {min} to {max}"))
}

/// Accepts any text.
///
/// # Errors
/// Never.
pub fn any_text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Reads one of a few words.
///
/// # Errors
/// The words that are allowed.
pub fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let (last, others) = words.split_last().expect("there are words to choose from");
        format!("must be {} or {last}", others.join(", "))
    })
}

/// Reads a switch.
///
/// # Errors
/// What would be right.
pub fn on_off(text: &str) -> Result<bool, String> {
    one_of(text, &[("on", true), ("off", false)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration_within("2h", "1s", "1h"), Err("must be from 1s to 1h".to_owned()));
        assert!(duration("soon").is_err());
    }

    #[test]
    fn no_duration_is_longer_than_ten_years() {
        assert_eq!(duration("3650d"), Ok(Duration::from_secs(3650 * 86_400)));
        for long in ["3651d", "18446744073709551615s"] {
            assert_eq!(duration(long), Err("must be at most 3650d".to_owned()));
            assert_eq!(duration_within(long, "1s", "1h"), Err("must be from 1s to 1h".to_owned()));
        }
    }

    #[test]
    fn refusals_name_the_allowed_words_and_numbers() {
        assert_eq!(on_off("yes"), Err("must be on or off".to_owned()));
        assert_eq!(one_of("b", &[("a", 1), ("b", 2), ("c", 3)]), Ok(2));
        assert_eq!(one_of("d", &[("a", 1), ("b", 2), ("c", 3)]), Err("must be a, b or c".to_owned()));
        assert_eq!(number_within("7", 1, 6), Err("must be a number from 1 to 6".to_owned()));
    }
}
