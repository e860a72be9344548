//! A list that may be long: printed as it is read, to save memory, and stopped when nobody reads any more.

use serde_json::{Value, json};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write as _};

/// A list on its way to standard output.
pub struct List {
    output: BufWriter<Stdout>,
    is_json: bool,
    is_empty: bool,
}

/// Whether anybody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Reader {
    Reads,
    HasSeenEnough,
}

impl List {
    /// Begins the list: with a line of headings for people, with its name for programs.
    ///
    /// # Errors
    /// One sentence, if it cannot be written.
    pub fn begin(name: &str, head: &str, is_json: bool) -> Result<Self, String> {
        let mut list = Self { output: BufWriter::new(io::stdout()), is_json, is_empty: true };
        let begin = if is_json { format!("{{\"{name}\":[") } else { format!("{head}\n") };
        list.write(&begin).map(|_| list)
    }

    /// Prints one item.
    ///
    /// # Errors
    /// As [`List::begin`].
    pub fn add(&mut self, line: &str, json: &Value) -> Result<Reader, String> {
        let separator = if self.is_empty { "\n" } else { ",\n" };
        self.is_empty = false;
        if self.is_json { self.write(&format!("{separator}{json}")) } else { self.write(&format!("{line}\n")) }
    }

    /// Ends the list, complete or cut short by `error`, which the JSON document then states.
    ///
    /// # Errors
    /// As [`List::begin`].
    pub fn end(mut self, error: Option<&str>) -> Result<(), String> {
        let ending = error.map_or_else(String::new, |reason| format!(",\"error\":{}", json!(reason)));
        if self.is_json {
            let _ = self.write(&format!("\n]{ending}}}\n"))?;
        }
        let flushed = self.output.flush();
        heard(flushed).map(|_| ())
    }

    fn write(&mut self, text: &str) -> Result<Reader, String> {
        heard(self.output.write_all(text.as_bytes()))
    }
}

fn heard(written: io::Result<()>) -> Result<Reader, String> {
    match written {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::HasSeenEnough),
        Err(error) => Err(format!("cannot write to standard output: {error}")),
    }
}
