//! JSON objects that name each member once.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use std::fmt;

/// An object in which no member is repeated (RFC 7515, section 4; RFC 7519, section 4). serde_json alone would let
/// the last one win, and another reader the first.
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Reads an object; `None` for anything else, and for a repeated member.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachMemberOnce)
    }
}

struct EachMemberOnce;

impl<'de> Visitor<'de> for EachMemberOnce {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a repeated member"));
            }
        }
        Ok(Object(object))
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
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "null", "\"{}\"", "{}{}", "{", "\u{feff}{}"] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
