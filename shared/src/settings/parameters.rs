//! The query parameters of a URL that is a setting.

use url::form_urlencoded;

/// Refuses a URL with a parameter that is not among the `known` ones: misspelt, it would have no effect, and a library that ignores
/// it may log it, password and all. `options[]` stands for `options[anything]`.
///
/// # Errors
/// The name of the parameter, and what was meant; never its value.
pub fn known_parameters(url: &str, known: &[&str]) -> Result<(), String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name =
            form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned());
        if !known.contains(&without_index(&name)) {
            return Err(unknown(&name, pair.contains('='), known));
        }
    }
    Ok(())
}

/// Refuses a URL with a password that is not percent-encoded: it makes another URL, with another host, which might even be looked
/// up. An `@` or `#` where none belongs, or a lone `%`, gives it away.
///
/// # Errors
/// How to write it; never a part of the URL.
pub fn percent_encoded(url: &str) -> Result<(), String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let is_lone = |(at, _): (usize, &str)| {
        let code = authority.as_bytes().get(at + 1..at + 3);
        !code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    };
    let several = authority.matches('@').count() > 1;
    if several || after.contains(['@', '#']) || authority.match_indices('%').any(is_lone) {
        return Err(
            "its user or password contains a character with another meaning in URLs: write @ as %40, # as %23, / as %2F, ? as %3F, : as %3A and % as %25"
                .to_owned(),
        );
    }
    Ok(())
}

/// `options[]` for `options[search_path]`.
fn without_index(name: &str) -> &str {
    let is_indexed = name.starts_with("options[") && name.ends_with(']');
    if is_indexed { "options[]" } else { name }
}

/// A name without a value, or that is not a word, may be a piece of a password: it is not repeated.
fn unknown(name: &str, has_value: bool, known: &[&str]) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = has_value && (1..=40).contains(&name.len()) && name.bytes().all(is_word);
    let named = if is_name { format!("unknown parameter {name}") } else { "unknown parameter".to_owned() };
    let distance = |other: &&&str| strsim::damerau_levenshtein(name, other);
    match known.iter().min_by_key(distance).filter(|other| distance(other) <= 3) {
        Some(meant) => format!("{named}; did you mean {meant}?"),
        None if known.is_empty() => format!("{named}: this URL takes none"),
        None => format!("{named}: it takes {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Option<String> {
        known_parameters(url, &["host", "password", "options[]"]).err()
    }

    #[test]
    fn a_misspelt_parameter_is_named_with_what_was_meant_and_without_its_value() {
        assert_eq!(
            refusal("postgres://h/d?host=x&pasword=hunter2").as_deref(),
            Some("unknown parameter pasword; did you mean password?")
        );
        assert_eq!(
            refusal("postgres://h/d?nonsense=hunter2").as_deref(),
            Some("unknown parameter nonsense: it takes host, password, options[]")
        );
        assert_eq!(
            known_parameters("redis+cluster://a?x=1", &[]),
            Err("unknown parameter x: this URL takes none".to_owned())
        );
    }

    #[test]
    fn possible_pieces_of_a_password_are_not_repeated() {
        for url in
            ["postgres://h/d?hunter2", "postgres://h/d?hunter2!=x", "postgres://h/d?=hunter2", "p://h?host=&hunter2"]
        {
            let reason = refusal(url).expect(url);
            assert!(!reason.contains("hunter2"), "{url}: {reason}");
        }
    }

    #[test]
    fn known_parameters_pass_however_they_are_encoded() {
        for url in ["postgres://h/d", "postgres://h/d?", "p://h?host=a&&p%61ssword=b", "p://h?options[search_path]=x"] {
            assert_eq!(refusal(url), None, "{url}");
        }
    }
}
