//! A real nginx or Caddy on loopback, with the configuration of `docs/gateways/`: only its ports are replaced.

use crate::{caddy, http::Http, nginx, process::Process, secrets::Secrets, site::Site, sockets, warden};
use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpStream},
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Which gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateway {
    /// nginx with `auth_request`.
    Nginx,
    /// Caddy with `forward_auth`.
    Caddy,
}

/// A running gateway: its calls are those of [`Http`].
#[derive(Debug)]
pub struct RunningGateway {
    http: Http,
    _process: Process,
    _directory: TempDir,
}

impl Deref for RunningGateway {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl Gateway {
    /// Starts it in front of an application, guarded by a resource-service.
    ///
    /// # Panics
    /// When it is not installed, with the way to get it, or does not start.
    #[must_use]
    pub fn start(self, application: &Site, resource: &Http) -> RunningGateway {
        self.start_with(|port| self.sample([port, resource.port(), application.port()]))
    }

    /// Starts it as [`start`](Self::start) does, with one text of its configuration replaced.
    ///
    /// # Panics
    /// When it is not installed, with the way to get it, or does not start, or when the text is not in its configuration.
    #[must_use]
    pub fn start_changed(
        self,
        application: &Site,
        resource: &Http,
        (written, instead): (&str, &str),
    ) -> RunningGateway {
        self.start_with(|port| {
            let sample = self.sample([port, resource.port(), application.port()]);
            assert!(sample.contains(written), "{written} is not in {}", self.file());
            sample.replace(written, instead)
        })
    }

    /// Starts it as a plain proxy of the service behind it, as a newcomer would: it sends the client's address in
    /// `X-Forwarded-For`.
    ///
    /// # Panics
    /// When it is not installed, with the way to get it, or does not start.
    #[must_use]
    pub fn start_in_front_of(self, service: &Http) -> RunningGateway {
        self.start_with(|port| self.plain_proxy(port, service.port()))
    }

    /// Starts it with any configuration: what goes into the `http` block of nginx, or a Caddyfile.
    ///
    /// # Panics
    /// When it is not installed, with the way to get it, or does not start.
    #[must_use]
    pub fn start_with(self, sample: impl Fn(u16) -> String) -> RunningGateway {
        let directory = warden::new_directory(self.program());
        let mut log = String::new();
        for _ in 0..5 {
            let port = sockets::fresh_port();
            fs::write(directory.path().join("sample"), sample(port)).expect("our own directory");
            let mut process = self.spawn(directory.path());
            if listens(&mut process, port).is_ok() {
                let http = Http::to(port, Secrets::default()).undocumented();
                return RunningGateway { http, _process: process, _directory: directory };
            }
            log = process.tail();
        }
        panic!("{} does not start\n{log}", self.program());
    }

    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    fn path(self) -> PathBuf {
        let path = env::var_os("PATH").unwrap_or_default();
        // On Debian, nginx is not in the PATH of ordinary users.
        let mut directories = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let program =
            directories.find_map(|directory| Some(directory.join(self.program())).filter(|path| path.is_file()));
        program.unwrap_or_else(|| {
            panic!("{0} is missing: `apt-get install {0}` (Debian), `brew install {0}` (macOS)", self.program())
        })
    }

    fn plain_proxy(self, port: u16, service: u16) -> String {
        match self {
            Self::Nginx => format!(
                "server {{ listen 127.0.0.1:{port}; location / {{
                    proxy_pass http://127.0.0.1:{service};
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                }} }}"
            ),
            Self::Caddy => {
                format!("{{\nadmin off\n}}\nhttp://:{port} {{\nbind 127.0.0.1\nreverse_proxy 127.0.0.1:{service}\n}}\n")
            }
        }
    }

    /// The file from `docs/gateways/`, with the ports of the gateway, of resource-service and of the application.
    fn sample(self, ports: [u16; 3]) -> String {
        let written = [":8000", ":8081", ":8082"];
        let instead = ports.map(|port| format!(":{port}"));
        sample(&format!("gateways/{}", self.file()), &written.into_iter().zip(instead).collect::<Vec<_>>())
    }

    /// The name of its configuration file.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Caddy => "Caddyfile",
        }
    }

    /// Starts it with the configuration `sample` in `directory`.
    pub(crate) fn spawn(self, directory: &Path) -> Process {
        let command = Command::new(self.path());
        let command = match self {
            Self::Nginx => nginx::serve(command, directory),
            Self::Caddy => caddy::serve(command, directory),
        };
        Process::start(self.program(), command, &directory.join("log"), "KILL")
    }
}

/// A file from `docs/`, with some of its texts replaced.
///
/// # Panics
/// When a text is not in it.
pub(crate) fn sample(name: &str, replaced: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let mut sample = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for (written, instead) in replaced {
        assert!(sample.contains(written), "{written} is not in {name}");
        sample = sample.replace(written, instead);
    }
    sample
}

/// Waits until it listens.
///
/// # Errors
/// When it ends, or takes too long.
pub(crate) fn listens(process: &mut Process, port: u16) -> io::Result<()> {
    let until = Instant::now() + TIMEOUT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if process.ended().is_some() || Instant::now() > until {
            return Err(io::Error::other("it does not listen"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
