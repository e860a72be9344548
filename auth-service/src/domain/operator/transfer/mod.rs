//! Users come and go: imports from other systems and other installations, and exports.
//!
//! A source is read as a stream into the format of our own ([`format`]), checked ([`check`]), and written in batches
//! ([`import`]).

pub mod check;
pub mod export;
pub mod format;
pub mod import;
pub mod sources;
