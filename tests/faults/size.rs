//! How large a run is: bounded for CI, or long.

use std::env;

/// The variable that makes the runs long.
const SETTING: &str = "JETON_FAULTS";

/// Whether the runs are long.
pub fn is_long() -> bool {
    env::var(SETTING).is_ok_and(|size| size == "long")
}

/// Whether the counts are shown though the output of tests is captured.
pub fn is_shown() -> bool {
    env::var_os(SETTING).is_some()
}

/// One of two sizes.
pub fn size<T>(in_ci: T, long: T) -> T {
    if is_long() { long } else { in_ci }
}
