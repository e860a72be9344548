//! Users who were refused: the first ones on standard error, all of them in a file.

use auth_service::domain::operator::transfer::format::Refusal;
use serde_json::json;
use shared::output::complain;
use std::{
    fs::File,
    io::{BufWriter, Write as _},
};

/// How many are shown.
const SHOWN: u64 = 20;

/// Where refused users are listed.
pub struct Refusals {
    file: Option<(String, BufWriter<File>)>,
    count: u64,
}

impl Refusals {
    /// Lists them in a file, if one is given.
    ///
    /// # Errors
    /// One sentence.
    pub fn to(path: Option<&str>) -> Result<Self, String> {
        let create = |path: &str| {
            let file = File::create(path).map_err(|error| format!("--report: cannot create {path}: {error}"))?;
            Ok((path.to_owned(), BufWriter::new(file)))
        };
        Ok(Self { file: path.map(create).transpose().map_err(|error: String| error)?, count: 0 })
    }

    /// Adds the refused entries of a file.
    ///
    /// # Errors
    /// One sentence.
    pub fn add(&mut self, input: &str, refused: &[(u64, Refusal)]) -> Result<(), String> {
        for (number, reason) in refused {
            self.count += 1;
            if self.count <= SHOWN {
                complain(format!("refused: {input}, {number}: {reason}"));
            }
            if let Some((path, file)) = &mut self.file {
                let line = json!({ "file": input, "entry": number, "reason": reason.0 });
                writeln!(file, "{line}").map_err(|error| format!("--report: cannot write {path}: {error}"))?;
            }
        }
        Ok(())
    }

    /// Writes what is not written yet.
    ///
    /// # Errors
    /// One sentence.
    pub fn end(self) -> Result<(), String> {
        if self.count > SHOWN {
            complain(format!("and {} more", self.count - SHOWN));
        }
        let Some((path, mut file)) = self.file else { return Ok(()) };
        file.flush().map_err(|error| format!("--report: cannot write {path}: {error}"))
    }
}
