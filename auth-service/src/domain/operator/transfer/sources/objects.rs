//! Objects of JSON, one after the other: on lines, in a list, or in a list that is a member of an object. Only one of
//! them is in memory at a time.

use crate::domain::operator::transfer::format::{BadInput, Entry, Refusal, Sink, UserLine, each_line};
use serde::{
    Deserializer as _,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use std::{fmt, io::BufRead, ops::ControlFlow};

/// The parser's error for an end that was asked for.
const ENOUGH: &str = "enough";

/// Reads objects, and makes users of them. `member` is where the list is, if it is in an object.
pub(super) fn each(
    input: &mut dyn BufRead,
    member: Option<&'static str>,
    user: impl Fn(Value) -> Result<UserLine, Refusal>,
    sink: &mut Sink<'_>,
) -> Result<(), BadInput> {
    match first_character(input)? {
        Some(b'{') if member.is_none() => each_line(input, |number, line| {
            let value = line.and_then(|line| serde_json::from_str(line).map_err(|error| Refusal::of_json(&error)));
            Ok(sink(Entry { number, user: value.and_then(&user) }))
        }),
        Some(b'[' | b'{') => {
            let mut number = 0;
            let mut take = |value| {
                number += 1;
                sink(Entry { number, user: user(value) })
            };
            let mut parser = serde_json::Deserializer::from_reader(input);
            let read = match member {
                Some(member) => parser.deserialize_any(Document { member, take: &mut take }),
                None => List(&mut take).deserialize(&mut parser),
            };
            read.or_else(|error| if error.to_string().starts_with(ENOUGH) { Ok(()) } else { Err(bad(&error)) })
        }
        Some(_) => Err(BadInput::Form("it is not JSON".to_owned())),
        None => Err(BadInput::Form("it is empty".to_owned())),
    }
}

fn bad(error: &serde_json::Error) -> BadInput {
    let place = format!("line {}, column {}", error.line(), error.column());
    BadInput::Form(match error.classify() {
        serde_json::error::Category::Data => format!("it has another form than expected, at {place}"),
        serde_json::error::Category::Io => format!("cannot read on, at {place}"),
        _ => format!("it is not JSON, at {place}"),
    })
}

fn first_character(input: &mut dyn BufRead) -> Result<Option<u8>, BadInput> {
    loop {
        let buffered = input.fill_buf()?;
        let skipped =
            buffered.iter().take_while(|byte| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte)).count();
        if skipped < buffered.len() || buffered.is_empty() {
            let first = buffered.get(skipped).copied();
            input.consume(skipped);
            return Ok(first);
        }
        input.consume(skipped);
    }
}

type Take<'a> = dyn FnMut(Value) -> ControlFlow<()> + 'a;

/// A list of objects.
struct List<'a>(&'a mut Take<'a>);

impl<'de, 'a> DeserializeSeed<'de> for List<'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, 'a> Visitor<'de> for List<'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            if (self.0)(value).is_break() {
                return Err(A::Error::custom(ENOUGH));
            }
        }
        Ok(())
    }
}

/// An object with a list, or the list itself.
struct Document<'a> {
    member: &'static str,
    take: &'a mut Take<'a>,
}

impl<'de, 'a> Visitor<'de> for Document<'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with a list of {}", self.member)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        List(self.take).visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut has_list = false;
        while let Some(key) = object.next_key::<String>()? {
            if key == self.member && !has_list {
                has_list = true;
                object.next_value_seed(List(&mut *self.take))?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        if has_list { Ok(()) } else { Err(A::Error::custom("no list")) }
    }
}
