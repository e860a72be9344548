//! User agents in session records. They would be half of a record, and those of browsers are much alike, so they are
//! shortened.

use std::borrow::Cow;

/// Phrases of browsers: each is written as one byte, its position in this list counted from one. Stored records contain
/// those bytes, so only append to the list. The first phrase that fits is taken: a phrase must come before those that
/// it begins with.
const PHRASES: [&str; 18] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/",
    "Mozilla/5.0 (iPhone; CPU iPhone OS ",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:",
    "Mozilla/5.0 (X11; Linux x86_64; rv:",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:",
    "Mozilla/5.0 (",
    " like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/",
    " AppleWebKit/537.36 (KHTML, like Gecko) ",
    ".0.0.0 Safari/537.36",
    ".0.0.0 Mobile Safari/537.36",
    " Safari/605.1.15",
    " Mobile/15E148 Safari/604.1",
    ".0) Gecko/20100101 Firefox/",
];

/// The user agent with each phrase as one byte; `None` if it contains such bytes itself.
pub(in crate::domain) fn shortened(agent: &str) -> Option<Vec<u8>> {
    if agent.bytes().any(|byte| usize::from(byte) <= PHRASES.len()) {
        return None;
    }
    let mut short = Vec::with_capacity(agent.len());
    let mut rest = agent;
    while let Some(letter) = rest.chars().next() {
        let phrase = (1..).zip(PHRASES).find_map(|(code, phrase)| Some((code, rest.strip_prefix(phrase)?)));
        if let Some((code, after)) = phrase {
            short.push(code);
            rest = after;
        } else {
            let (first, after) = rest.split_at(letter.len_utf8());
            short.extend_from_slice(first.as_bytes());
            rest = after;
        }
    }
    Some(short)
}

/// The text that was [`shortened`]; `None` if it was not made that way.
pub(in crate::domain) fn restored(short: &[u8]) -> Option<String> {
    let pieces =
        short.iter().map(|byte| match usize::from(*byte).checked_sub(1).and_then(|place| PHRASES.get(place)) {
            Some(phrase) => Cow::Borrowed(phrase.as_bytes()),
            None => Cow::Owned(vec![*byte]),
        });
    String::from_utf8(pieces.collect::<Vec<_>>().concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSERS: [&str; 6] = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ];

    #[test]
    fn user_agents_of_browsers_become_short_and_are_restored_exactly() {
        for browser in BROWSERS {
            let short = shortened(browser).unwrap();
            assert!(short.len() <= 24, "{} bytes of {browser}", short.len());
            assert_eq!(restored(&short).as_deref(), Some(browser));
        }
    }

    #[test]
    fn other_user_agents_are_restored_exactly_too() {
        for agent in ["", "curl/8.14.1", "Фокс/1.0 Mozilla/5.0 (", "Mozilla/5.0 (Mozilla/5.0 (Linux", "🦊"] {
            assert_eq!(restored(&shortened(agent).unwrap()).as_deref(), Some(agent));
        }
    }

    #[test]
    fn a_text_that_could_be_taken_for_a_phrase_is_not_shortened() {
        assert_eq!(shortened("a\u{1}b"), None);
        assert_eq!(shortened("a\u{12}b"), None);
    }
}
