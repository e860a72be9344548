//! E-mail addresses.

use std::fmt;

/// An e-mail address, in lower case: two spellings that differ only in case are one address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

/// The text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

impl EmailAddress {
    /// Reads `local@domain` in ASCII: at most 254 characters, no quoted local part, a domain of dotted labels.
    ///
    /// # Errors
    /// [`InvalidEmail`].
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim_matches(' ');
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let fits = text.len() <= 254 && is_local_part(local) && is_domain(domain);
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidEmail) }
    }

    /// What follows the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a log may contain of it: the first letter, and the domain.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        format!("{}***@{domain}", local.chars().next().unwrap_or_default())
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5322's dot-atom.
fn is_local_part(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(is_atom)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_in_lower_case() {
        assert_eq!(EmailAddress::parse(" Ada@Example.COM "), EmailAddress::parse("ada@example.com"));
    }

    #[test]
    fn a_masked_address_shows_one_letter_and_the_domain() {
        let masked = |text| EmailAddress::parse(text).map(|address| address.masked());
        assert_eq!(masked("ada.lovelace@example.com").as_deref(), Ok("a***@example.com"));
        assert_eq!(masked("a@example.com").as_deref(), Ok("a***@example.com"));
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for text in
            ["", "ada", "@a.b", "ada@", "a@b@c", "a b@c.d", "a@-b.c", "a@b..c", "a\0@b.c", "a@b.c\n", ".a@b.c", "é@b.c"]
        {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmail), "{text:?}");
        }
        assert_eq!(EmailAddress::parse(&format!("{}@b.c", "a".repeat(65))), Err(InvalidEmail));
    }
}
