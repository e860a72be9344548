//! A client that believes nothing but the standards: RFC 9110 (section 11.6.1) for the grammar of a challenge, RFC 6750 and
//! RFC 9470 for its parameters.

use crate::answer::Answer;

/// A challenge, read strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Lower case, as schemes are compared in any case.
    pub scheme: String,
    /// Name, in lower case, and value of each parameter, in order.
    parameters: Vec<(String, String)>,
}

/// What a challenge with `insufficient_user_authentication` asks of the next login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    /// Any of these, in order of preference; empty if any level will do.
    pub acr_values: Vec<String>,
    /// At most so many seconds ago, if it says so.
    pub max_age: Option<u64>,
}

impl Challenge {
    /// Of an answer: from exactly one header with exactly one challenge.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(answer: &Answer) -> Result<Self, String> {
        let mut values = answer.headers.get_all("www-authenticate").iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Self::parse(value.to_str().map_err(|error| error.to_string())?),
            _ => Err(format!("not exactly one challenge\n{answer}")),
        }
    }

    /// Reads one as a recipient may who demands all that senders must keep to: no whitespace beside `=`, no empty list elements,
    /// each parameter once.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, mut rest) = token(text)?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        let mut separator = " ";
        while !rest.is_empty() {
            rest = rest.strip_prefix(separator).ok_or_else(|| format!("no {separator:?} before {rest:?}"))?;
            rest = rest.trim_start_matches([' ', '\t']);
            let (name, after) = token(rest)?;
            let value = after.strip_prefix('=').ok_or_else(|| format!("no = after {name:?}"))?;
            let (value, after) = if value.starts_with('"') { quoted(value)? } else { token(value)? };
            let name = name.to_ascii_lowercase();
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(format!("{name} is repeated"));
            }
            parameters.push((name, value));
            (rest, separator) = (after.trim_start_matches([' ', '\t']), ",");
        }
        Ok(Self { scheme: scheme.to_ascii_lowercase(), parameters })
    }

    /// A parameter's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the user has to do, if this is a challenge of RFC 9470.
    ///
    /// # Errors
    /// What is wrong with a parameter.
    pub fn step_up(&self) -> Result<Option<StepUp>, String> {
        if self.scheme != "bearer" || self.get("error") != Some("insufficient_user_authentication") {
            return Ok(None);
        }
        // RFC 6750, section 3.
        let is_printable =
            |text: &str| text.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        if !self.get("error_description").is_none_or(is_printable) {
            return Err("error_description has characters that it may not have".to_owned());
        }
        let acr_values = self.get("acr_values").map(|values| values.split(' ').map(str::to_owned).collect::<Vec<_>>());
        if acr_values.as_ref().is_some_and(|values| values.iter().any(String::is_empty)) {
            return Err("acr_values is not a list with single spaces".to_owned());
        }
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let max_age = self.get("max_age").map(|text| digits(text).ok_or("max_age is not a number")).transpose()?;
        Ok(Some(StepUp { acr_values: acr_values.unwrap_or_default(), max_age }))
    }
}

/// A token (RFC 9110, section 5.6.2) and what follows.
fn token(text: &str) -> Result<(String, &str), String> {
    let is_token_char = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    let end = text.find(|letter| !is_token_char(letter)).unwrap_or(text.len());
    if end == 0 { Err(format!("no token at {text:?}")) } else { Ok((text[..end].to_owned(), &text[end..])) }
}

/// The content of a quoted string (RFC 9110, section 5.6.4) and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let (mut content, mut is_escaped) = (String::new(), false);
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !is_escaped => return Ok((content, &text[at + 1..])),
            '\\' if !is_escaped => is_escaped = true,
            '\t' | ' '..='~' => {
                content.push(letter);
                is_escaped = false;
            }
            _ => return Err(format!("{letter:?} in a quoted string")),
        }
    }
    Err(format!("{text:?} does not end"))
}
