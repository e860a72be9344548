//! The languages that mails are written in.

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    English,
    /// Ukrainian.
    Ukrainian,
    /// Russian.
    Russian,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::English, Self::Ukrainian, Self::Russian];

    /// Its code in ISO 639.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Ukrainian => "uk",
            Self::Russian => "ru",
        }
    }

    /// The language of a tag such as `uk` or `uk-UA` (BCP 47), in any case.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The one that an `Accept-Language` header (RFC 9110, section 12.5.4) prefers; of equals, the first.
    #[must_use]
    pub fn preferred_in(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for item in header.split(',') {
            let (tag, parameters) = item.split_once(';').unwrap_or((item, ""));
            let Some(language) = Self::of_tag(tag.trim()) else { continue };
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse().ok());
            let Some(weight) = weight.filter(|weight: &f32| *weight > 0.0) else { continue };
            if best.is_none_or(|(heaviest, _)| weight > heaviest) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_of_those_that_mails_are_written_in_is_found() {
        let preferred = Language::preferred_in;
        assert_eq!(preferred("uk-UA,uk;q=0.9,en;q=0.8"), Some(Language::Ukrainian));
        assert_eq!(preferred("de, ru;q=0.5, en;q=0.7"), Some(Language::English));
        assert_eq!(preferred("en;q=0.5, RU;q=0.5"), Some(Language::English));
        assert_eq!(preferred("de-AT, *;q=0.1"), None);
        assert_eq!(preferred("en;q=0, uk;q=x, ru;q=nan"), None);
        assert_eq!(preferred(""), None);
    }
}
