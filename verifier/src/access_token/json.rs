//! JSON objects that name each member once.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// The most members that an object may have. Headers, claims and keys have a dozen.
const MAX_MEMBERS: usize = 64;

/// An object in which no member is repeated (RFC 7515, section 4; RFC 7519, section 4). serde_json alone would take the
/// last one, and another reader the first. With so few members, a list is faster than a map.
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Value)>);

impl<'a> Object<'a> {
    /// Reads an object; `None` for anything else, for a repeated member, and for more than 64 of them.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachMemberOnce)
    }
}

struct EachMemberOnce;

/// A member's name, which is only copied when it is written with escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for EachMemberOnce {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with few members, none of them repeated")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object(Vec::with_capacity(16));
        while let Some(Name(name)) = members.next_key()? {
            if object.has(&name) || object.0.len() == MAX_MEMBERS {
                return Err(A::Error::custom("a repeated member, or too many"));
            }
            object.0.push((name, members.next_value()?));
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_written_twice_in_different_spellings_is_still_repeated() {
        assert!(Object::parse(br#"{"exp":1,"iat":2}"#).is_some());
        assert!(Object::parse(br#"{"exp":1,"\u0065xp":2}"#).is_none());
    }

    #[test]
    fn an_object_has_at_most_sixty_four_members() {
        let of = |count: usize| {
            let members: Vec<String> = (0..count).map(|number| format!("\"{number}\":{number}")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(Object::parse(of(64).as_bytes()).is_some());
        assert!(Object::parse(of(65).as_bytes()).is_none());
    }

    #[test]
    fn what_is_refused_is_named() {
        let error = serde_json::from_str::<Object<'_>>("[]").err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("an object with few members")));
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for text in ["", "[]", "null", "\"{}\"", "{}{}", "{", "\u{feff}{}"] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
