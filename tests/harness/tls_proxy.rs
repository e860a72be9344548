//! A real nginx or Caddy that terminates TLS in front of auth-service, with the configuration of `docs/proxies/`: only
//! its ports and its certificate are replaced.

use crate::{
    answer::Answer,
    gateway::{self, Gateway, listens},
    http::Http,
    process::Process,
    sockets, warden,
};
use reqwest::{Certificate, Client, Method, RequestBuilder, redirect::Policy};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// The name that the samples serve.
const HOST: &str = "auth.example.com";

/// What `openssl` makes a self-signed certificate of.
const REQUEST: &str = "
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = auth.example.com
[extensions]
subjectAltName = DNS:auth.example.com
basicConstraints = critical, CA:FALSE
";

/// A running proxy.
#[derive(Debug)]
pub struct TlsProxy {
    /// For http and for https.
    ports: [u16; 2],
    certificate: Vec<u8>,
    _process: Process,
    _directory: TempDir,
}

/// A client of the proxy, with its own address.
#[derive(Debug)]
pub struct Visitor {
    client: Client,
    ports: [u16; 2],
}

impl TlsProxy {
    /// The URL that auth-service must have, since the sample has it.
    pub const PUBLIC_URL: &str = "https://auth.example.com";

    /// Starts it in front of auth-service.
    ///
    /// # Panics
    /// When it or `openssl` is not installed, or it does not start.
    #[must_use]
    pub fn start(program: Gateway, auth: &Http) -> Self {
        Self::start_in_front_of(program, auth.port())
    }

    /// Starts it in front of whatever listens there.
    ///
    /// # Panics
    /// As [`TlsProxy::start`] does.
    #[must_use]
    pub fn start_in_front_of(program: Gateway, port: u16) -> Self {
        let directory = warden::new_directory("tls");
        make_certificate(directory.path());
        let certificate = fs::read(directory.path().join("certificate")).expect("openssl made it");
        let mut log = String::new();
        for _ in 0..5 {
            let ports = [sockets::fresh_port(), sockets::fresh_port()];
            fs::write(directory.path().join("sample"), sample(program, ports, port, directory.path()))
                .expect("our own directory");
            let mut process = program.spawn(directory.path());
            if ports.iter().all(|port| listens(&mut process, *port).is_ok()) {
                return Self { ports, certificate, _process: process, _directory: directory };
            }
            log = process.tail();
        }
        panic!("{} does not start\n{log}", program.program());
    }

    /// A client with this address of the loopback network, which trusts the certificate.
    ///
    /// # Panics
    /// When there is no such address.
    #[must_use]
    pub fn visitor(&self, address: Ipv4Addr) -> Visitor {
        let certificate = Certificate::from_pem(&self.certificate).expect("openssl writes PEM");
        let client = Client::builder()
            .timeout(Duration::from_secs(20))
            .redirect(Policy::none())
            .no_proxy()
            .tls_certs_only([certificate])
            .resolve(HOST, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .local_address(Some(address.into()))
            .build();
        Visitor { client: client.expect("a client of our own certificate"), ports: self.ports }
    }
}

impl Visitor {
    /// A request over https.
    pub fn https(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("https://{HOST}:{}{path}", self.ports[1]))
    }

    /// A request over http.
    pub fn http(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{HOST}:{}{path}", self.ports[0]))
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.attempt(request).await.expect("the proxy answers")
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub async fn attempt(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        Answer::read(request.send().await?).await
    }
}

fn sample(program: Gateway, [http, https]: [u16; 2], port: u16, directory: &Path) -> String {
    let file = |name: &str| directory.join(name).display().to_string();
    let mut replaced = vec![
        ("127.0.0.1:8080", format!("127.0.0.1:{port}")),
        ("/etc/ssl/auth.example.com/fullchain.pem", file("certificate")),
        ("/etc/ssl/auth.example.com/privkey.pem", file("key")),
    ];
    match program {
        Gateway::Nginx => replaced.extend([
            ("listen 80;", format!("listen 127.0.0.1:{http};")),
            ("listen 443 ssl;", format!("listen 127.0.0.1:{https} ssl;")),
        ]),
        Gateway::Caddy => replaced.extend([
            ("http_port 80\n", format!("http_port {http}\n")),
            ("https_port 443\n", format!("https_port {https}\n")),
        ]),
    }
    gateway::sample(&format!("proxies/{}", program.file()), &replaced)
}

fn make_certificate(directory: &Path) {
    fs::write(directory.join("request"), REQUEST).expect("our own directory");
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    openssl.args(["-config", "request", "-keyout", "key", "-out", "certificate"]).current_dir(directory);
    let made = openssl.output().expect("openssl is installed: `apt-get install openssl` (Debian)");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
