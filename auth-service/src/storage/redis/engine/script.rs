//! Scripts, which Redis runs as a whole and remembers by their hashes.

use super::connection::Connection;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, cmd};
use std::sync::LazyLock;

pub(in crate::storage) struct Script {
    text: &'static str,
    hash: LazyLock<String>,
}

macro_rules! script {
    ($($file:literal),+) => {
        $crate::storage::redis::engine::script::Script::new(concat!($(include_str!($file)),+), || {
            redis::Script::new(concat!($(include_str!($file)),+)).get_hash().to_owned()
        })
    };
}
pub(in crate::storage) use script;

impl Script {
    pub(in crate::storage) const fn new(text: &'static str, hash: fn() -> String) -> Self {
        Self { text, hash: LazyLock::new(hash) }
    }

    /// This script with its keys and values. In a Cluster it runs where its keys are.
    pub(in crate::storage) fn on(&self, keys: &[&str], values: &[&[u8]]) -> Call {
        let command = |name: &str, body: &str| {
            let mut command = cmd(name);
            command.arg(body).arg(keys.len()).arg(keys).arg(values);
            command
        };
        Call { command: command("EVALSHA", &self.hash), with_text: Some(command("EVAL", self.text)) }
    }
}

/// A call that may be repeated.
pub(in crate::storage) struct Call {
    command: Cmd,
    /// For a server that does not know the script yet; it remembers it from then on.
    with_text: Option<Cmd>,
}

impl Call {
    /// Whether the server answers; in a Cluster, whether all masters do.
    pub(in crate::storage) fn ping() -> Self {
        Self { command: cmd("PING"), with_text: None }
    }

    /// What a server reports about itself and its settings; in a Cluster, what all servers report.
    pub(in crate::storage) fn about_itself() -> [Self; 2] {
        let mut saving = cmd("CONFIG");
        saving.arg("GET").arg("save");
        [cmd("INFO"), saving].map(|command| Self { command, with_text: None })
    }

    /// Sends the call once.
    pub(in crate::storage) async fn ask<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        match (self.command.query_async(connection).await, &self.with_text) {
            (Err(error), Some(with_text)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                with_text.query_async(connection).await
            }
            (answer, _) => answer,
        }
    }
}
