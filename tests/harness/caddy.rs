//! What Caddy needs around the sample.

use std::{path::Path, process::Command};

/// The server, with `sample` in `directory` as its configuration. It writes nowhere else.
pub(crate) fn serve(mut command: Command, directory: &Path) -> Command {
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(directory.join("sample"));
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(variable, directory);
    }
    command
}
