//! Reads rows. A value that cannot be read is a fault of the store, never "not there".

use crate::{domain::Unavailable, storage::sql::unavailable};
use serde::{Serialize, de::DeserializeOwned};
use shared::clock::Timestamp;
use sqlx::{Any, Decode, Row as _, Type, any::AnyRow};
use std::{fmt::Display, str::FromStr};

/// The value of a column.
pub(in crate::storage) fn value<'row, T>(row: &'row AnyRow, column: &str) -> Result<T, Unavailable>
where
    T: Decode<'row, Any> + Type<Any>,
{
    row.try_get(column).map_err(unavailable)
}

/// A time.
pub(in crate::storage) fn moment(row: &AnyRow, column: &str) -> Result<Timestamp, Unavailable> {
    value(row, column).map(Timestamp::from_millis)
}

/// A value that is kept as JSON.
pub(in crate::storage) fn json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T, Unavailable> {
    serde_json::from_str(value(row, column)?).map_err(|_| unreadable(column))
}

/// A value that is kept as text, such as an id.
pub(in crate::storage) fn parsed<T: FromStr<Err: Display>>(row: &AnyRow, column: &str) -> Result<T, Unavailable> {
    value::<&str>(row, column)?.parse().map_err(|_| unreadable(column))
}

/// The error for a value that another program must have written.
pub(in crate::storage) fn unreadable(column: &str) -> Unavailable {
    unavailable(format!("a value of {column} cannot be read"))
}

/// A value as it is kept as JSON.
pub(in crate::storage) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what is stored has text for keys")
}
