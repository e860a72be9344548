//! Why stored hashes cannot be used.

/// Why a stored hash cannot be used. Says nothing that helps to find the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The user has no password: an import brought none.
    #[error("the user has no password: an import brought none, or it was removed (docs/codes.md)")]
    Missing,
    /// Neither the PHC string format nor another known form.
    #[error("it is not of the form $algorithm$parameters$salt$hash")]
    Form,
    /// An algorithm that is not known, or too weak to be stored.
    #[error("its algorithm is not one that docs/operate.md lists")]
    Algorithm,
    /// Another version.
    #[error("its version is neither 16 nor 19")]
    Version,
    /// Missing, ambiguous or impossible parameters.
    #[error(
        "its parameters are not those of its algorithm, each once and within the algorithm's bounds (docs/operate.md)"
    )]
    Parameters,
    /// Made with a secret key that is not known here.
    #[error("it was made with a secret key (keyid), which is not known here")]
    Keyed,
    /// Made with a secret key of another system that is not known here, or not yet.
    #[error(
        "it was made with a secret key of another system (keyid), which is not known here: import that key (docs/import.md)"
    )]
    UnknownKey,
    /// The salt is not in the right encoding, too short or too long.
    #[error("its salt is not 8 to 64 bytes in base64, or not as its algorithm writes it")]
    Salt,
    /// The output is not in the right encoding, too short or too long.
    #[error("its hash is not 16 to 64 bytes in base64, or not as its algorithm writes it")]
    Output,
    /// It would take more memory or passes than are granted.
    #[error(
        "it takes {memory} KiB and {passes} passes; granted are {granted} KiB and four passes (AUTH_STORED_HASH_MEMORY, and a quarter of the container's memory)"
    )]
    TooCostly {
        /// The memory that it takes, in KiB.
        memory: u32,
        /// The number of passes that it takes.
        passes: u32,
        /// The memory that it may take, in KiB.
        granted: u32,
    },
    /// It would take too long.
    #[error("it takes too long: {asked} {unit}; at most {most} are computed")]
    TooSlow {
        /// What it asks for.
        asked: u32,
        /// The most that it may ask for.
        most: u32,
        /// What is counted.
        unit: &'static str,
    },
    /// The hash was not read, because the user's row cannot be read.
    #[error("the user's row cannot be read, its column {column}")]
    Row {
        /// The first column that cannot be read.
        column: &'static str,
    },
}

impl Unusable {
    /// All names, for metrics.
    pub const NAMES: [&str; 11] = [
        "missing",
        "form",
        "algorithm",
        "version",
        "parameters",
        "keyed",
        "unknown_key",
        "salt",
        "output",
        "too_costly",
        "row",
    ];

    /// Its name, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Form => "form",
            Self::Algorithm => "algorithm",
            Self::Version => "version",
            Self::Parameters => "parameters",
            Self::Keyed => "keyed",
            Self::UnknownKey => "unknown_key",
            Self::Salt => "salt",
            Self::Output => "output",
            Self::TooCostly { .. } | Self::TooSlow { .. } => "too_costly",
            Self::Row { .. } => "row",
        }
    }
}
