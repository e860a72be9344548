//! What is asked of new passwords.

use crate::{
    breached_passwords::{BreachList, check_header},
    domain::passwords::{
        Password,
        rules::{MIN_CHARS, NIST_MIN_CHARS, PasswordRules},
    },
};
use shared::{
    settings,
    settings::{Settings, number_within, one_of},
};
use std::{ops::RangeInclusive, path::PathBuf};
use url::Url;

settings! {
    /// Fewest characters of a new password, 8 to 64; with AUTH_PASSWORD_POLICY=nist, 15 by default. Existing passwords stay.
    plain AUTH_PASSWORD_MIN: usize = "8", |text| number_within(text, *MIN_CHARS.start(), *MIN_CHARS.end());
    /// default; nist: what NIST SP 800-63B-4 asks of a password that is the only factor, at least 15 characters.
    plain AUTH_PASSWORD_POLICY: PasswordPolicy = "default", |text| one_of(text, &[("default", PasswordPolicy::Default), ("nist", PasswordPolicy::Nist)]);
    /// Words that are easy to guess here, such as the names of company and product; separated by commas.
    plain AUTH_PASSWORD_WORDS: Vec<String>, words;
    /// Refuse new passwords known from breaches: off; hibp: ask Have I Been Pwned, which sees five digits of a SHA-1; or a filter file that `passwords build` has made.
    plain AUTH_BREACHED_PASSWORDS: ListChoice = "off", list_choice;
    /// Range API that AUTH_BREACHED_PASSWORDS=hibp asks: the public one, or a mirror.
    url AUTH_BREACHED_PASSWORDS_URL: Url = "https://api.pwnedpasswords.com/range", range_api;
}

/// How many words there may be: each is looked for in every new password.
const MAX_WORDS: usize = 32;
/// Shorter ones are in too many passwords, and longer ones are sentences.
const WORD_CHARS: RangeInclusive<usize> = 3..=64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PasswordPolicy {
    Default,
    Nist,
}

#[derive(Debug, PartialEq, Eq)]
enum ListChoice {
    Off,
    Hibp,
    File(PathBuf),
}

pub(super) fn rules(settings: &Settings) -> PasswordRules {
    let min_chars = settings.get(&AUTH_PASSWORD_MIN);
    let min_chars = match settings.get(&AUTH_PASSWORD_POLICY) {
        PasswordPolicy::Default => min_chars,
        PasswordPolicy::Nist => {
            if settings.is_given(&AUTH_PASSWORD_MIN.named) && min_chars < NIST_MIN_CHARS {
                settings.mistake(format!(
                    "AUTH_PASSWORD_MIN: must be at least {NIST_MIN_CHARS} with AUTH_PASSWORD_POLICY=nist"
                ));
            }
            min_chars.max(NIST_MIN_CHARS)
        }
    };
    PasswordRules { min_chars, words: settings.find(&AUTH_PASSWORD_WORDS).unwrap_or_default() }
}

/// Looks at a file, too, but does not read all of it: every command reads the settings.
pub(super) fn breach_list(settings: &Settings) -> BreachList {
    let choice = settings.get(&AUTH_BREACHED_PASSWORDS);
    if choice != ListChoice::Hibp && settings.is_given(&AUTH_BREACHED_PASSWORDS_URL.named) {
        settings.mistake("AUTH_BREACHED_PASSWORDS_URL: nobody is asked there without AUTH_BREACHED_PASSWORDS=hibp");
    }
    match choice {
        ListChoice::Off => BreachList::Off,
        ListChoice::Hibp => BreachList::RangeApi(settings.get(&AUTH_BREACHED_PASSWORDS_URL)),
        ListChoice::File(path) => {
            if let Err(reason) = check_header(&path) {
                settings.mistake(format!("AUTH_BREACHED_PASSWORDS: {}: {reason}", path.display()));
            }
            BreachList::File(path)
        }
    }
}

fn list_choice(text: &str) -> Result<ListChoice, String> {
    Ok(match text {
        "off" => ListChoice::Off,
        "hibp" => ListChoice::Hibp,
        path => ListChoice::File(path.into()),
    })
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let words = text.split(',').map(|word| Password::new(word.trim().to_owned()).expose().to_owned());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return Err(format!("must be 1 to {MAX_WORDS} words, separated by commas"));
    }
    match words.iter().find(|word| !WORD_CHARS.contains(&word.chars().count())) {
        Some(odd) => Err(format!("{odd:?}: a word has {} to {} characters", WORD_CHARS.start(), WORD_CHARS.end())),
        None => Ok(words),
    }
}

/// The URL itself is not repeated: it may hold a password.
fn range_api(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.fragment().is_none());
    url.ok_or_else(|| "must be a URL with https:// or http://, such as https://api.pwnedpasswords.com/range".to_owned())
}
