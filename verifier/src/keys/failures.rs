//! Failures in a row, of which each reason is said once.

/// After this many different reasons of failures in a row, more are not said.
const MAX_COMPLAINTS: usize = 16;

/// Failures since the last success.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: u32,
    /// The reasons that were said.
    said: Vec<String>,
}

impl Failures {
    /// How many there were.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Counts one. Returns whether its reason is to be said: it was not yet, and not too many were.
    pub(crate) fn add(&mut self, reason: &str) -> bool {
        self.count = self.count.saturating_add(1);
        let is_news = self.said.len() < MAX_COMPLAINTS && !self.said.iter().any(|said| said == reason);
        if is_news {
            self.said.push(reason.to_owned());
        }
        is_news
    }

    /// Begins anew after a success; returns how many there were, if there were any.
    pub(crate) fn end(&mut self) -> Option<u32> {
        let Self { count, .. } = std::mem::take(self);
        (count > 0).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_sixteen_reasons_is_said_once_until_something_succeeds() {
        let mut failures = Failures::default();
        for number in 0..20 {
            assert_eq!(failures.add(&number.to_string()), number < 16, "{number}");
            assert!(!failures.add(&number.to_string()));
        }
        assert_eq!((failures.count(), failures.end(), failures.end()), (40, Some(40), None));
        assert!(failures.add("0"));
    }
}
