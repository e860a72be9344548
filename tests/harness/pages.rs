//! Pages, an API and auth-service as one origin: a real nginx with the configuration of `docs/proxies/`.

use crate::{
    answer::Answer,
    gateway::{self, Gateway, listens},
    http::Http,
    process::Process,
    raw,
    site::Site,
    warden,
};
use std::{fs, time::Duration};
use tempfile::TempDir;

/// A running origin.
#[derive(Debug)]
pub struct Pages {
    port: u16,
    _process: Process,
    _directory: TempDir,
}

impl Pages {
    /// Serves files of these names and texts at a port, in front of auth-service and an API.
    ///
    /// # Panics
    /// When nginx is not installed, with the way to get it, or does not start.
    #[must_use]
    pub fn start(port: u16, files: &[(&str, &str)], auth: &Http, api: &Site) -> Self {
        let directory = warden::new_directory("pages");
        let root = directory.path().join("files");
        fs::create_dir(&root).expect("our own directory");
        for (name, text) in files {
            fs::write(root.join(name), text).expect("our own directory");
        }
        let sample = gateway::sample(
            "proxies/same-origin.conf",
            &[
                ("127.0.0.1:8000", format!("127.0.0.1:{port}")),
                ("127.0.0.1:8080", format!("127.0.0.1:{}", auth.port())),
                ("127.0.0.1:8081", format!("127.0.0.1:{}", api.port())),
                ("/var/www/application", root.display().to_string()),
            ],
        );
        fs::write(directory.path().join("sample"), sample).expect("our own directory");
        let mut process = Gateway::Nginx.spawn(directory.path());
        assert!(listens(&mut process, port).is_ok(), "nginx does not start\n{}", process.tail());
        Self { port, _process: process, _directory: directory }
    }

    /// Sends bytes as they are. They must ask for `Connection: close`.
    ///
    /// # Panics
    /// When nginx does not answer and close.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        raw::exchange(self.port, bytes, Duration::from_secs(45)).await
    }

    /// `http://localhost:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}
