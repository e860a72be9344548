//! Lists of breached passwords: the range API of Have I Been Pwned, and filter files.

mod build;
mod filter;
mod range_api;

pub use self::{
    build::{build, try_to_write, write},
    filter::{Filter, Header, check_header},
    range_api::RangeApi,
};

use crate::domain::passwords::breached::BreachedPasswords;
use std::{path::PathBuf, sync::Arc};
use url::Url;

/// Which list is asked, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreachList {
    /// None.
    Off,
    /// The range API at this URL. It may hold a password.
    RangeApi(Url),
    /// A filter file.
    File(PathBuf),
}

impl BreachList {
    /// Opens the list: reads all of a file. Sends nothing.
    ///
    /// # Errors
    /// One sentence that says what to change.
    pub fn open(&self) -> Result<Option<Arc<dyn BreachedPasswords>>, String> {
        Ok(match self {
            Self::Off => None,
            Self::RangeApi(url) => Some(Arc::new(RangeApi::at(url.clone())?)),
            Self::File(path) => {
                let filter = Filter::read(path);
                Some(Arc::new(filter.map_err(|reason| format!("{}: {reason}", path.display()))?))
            }
        })
    }
}
