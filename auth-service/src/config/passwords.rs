//! What is asked of new passwords.

use crate::domain::passwords::{
    Password,
    rules::{MIN_CHARS, NIST_MIN_CHARS, PasswordRules},
};
use shared::{
    settings,
    settings::{Settings, number_within, one_of},
};
use std::ops::RangeInclusive;

settings! {
    /// Fewest characters of a new password, 8 to 64; with AUTH_PASSWORD_POLICY=nist, 15 by default. Existing passwords stay.
    plain AUTH_PASSWORD_MIN: usize = "8", |text| number_within(text, *MIN_CHARS.start(), *MIN_CHARS.end());
    /// default; nist: what NIST SP 800-63B-4 asks of a password that is the only factor, at least 15 characters.
    plain AUTH_PASSWORD_POLICY: PasswordPolicy = "default", |text| one_of(text, &[("default", PasswordPolicy::Default), ("nist", PasswordPolicy::Nist)]);
    /// Words that are easy to guess here, such as the names of company and product; separated by commas.
    plain AUTH_PASSWORD_WORDS: Vec<String>, words;
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
