//! An installation of auth-service as its first start leaves it. Making a signing key takes longer than most tests, so it
//! is made once for each test process, and stacks begin with copies: they share the root secret and the signing key, and
//! nothing else.

use crate::{binaries, local::environment, warden};
use std::{fs, path::Path, process::Command, sync::OnceLock};
use tempfile::TempDir;

/// Settings that a first start depends on: with one of them, a stack begins with nothing.
const SHAPING: [&str; 5] = ["AUTH_SECRET", "AUTH_DATABASE_URL", "AUTH_KEY_", "AUTH_ACCESS_TTL", "AUTH_DATA"];

/// Whether a stack with this setting begins with nothing.
pub(crate) fn is_shaped_by(setting: &str) -> bool {
    SHAPING.iter().any(|shaping| setting.starts_with(shaping))
}

/// The one that the others are copied from, with its data in SQLite.
static FIRST: OnceLock<Installation> = OnceLock::new();

/// An installation in a directory.
struct Installation {
    directory: TempDir,
    secret: String,
}

fn first() -> &'static Installation {
    FIRST.get_or_init(|| {
        let directory = warden::new_directory("installation");
        init(directory.path(), &[]);
        let secret = fs::read_to_string(directory.path().join("data/secret")).expect("a first start makes a secret");
        Installation { directory, secret: secret.trim().to_owned() }
    })
}

/// The root secret of all copies.
pub(crate) fn secret() -> &'static str {
    &first().secret
}

/// Makes a copy whose data are in SQLite, in `data` of this directory.
pub(crate) fn copy_into(directory: &Path) {
    let (from, to) = (first().directory.path().join("data"), directory.join("data"));
    fs::create_dir(&to).expect("our own directory");
    fs::set_permissions(&to, fs::metadata(&from).expect("it was made").permissions()).expect("our own directory");
    for file in fs::read_dir(from).expect("our own directory") {
        let file = file.expect("an entry");
        fs::copy(file.path(), to.join(file.file_name())).expect("our own directory");
    }
}

/// Fills an empty database of PostgreSQL, from which others are then copied.
pub(crate) fn fill(database_url: &str) {
    let directory = warden::new_directory("installation");
    init(directory.path(), &[("AUTH_DATABASE_URL", database_url), ("AUTH_SECRET", secret())]);
}

fn init(directory: &Path, settings: &[(&str, &str)]) {
    let mut command = Command::new(binaries::path_of("auth-service"));
    command.arg("init").env_clear().envs(environment()).envs(settings.iter().copied()).current_dir(directory);
    let output = command.output().expect("auth-service runs");
    assert!(output.status.success(), "auth-service init\n{}", String::from_utf8_lossy(&output.stderr));
}
