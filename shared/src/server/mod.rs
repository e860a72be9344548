//! How a service listens and stops.

mod admission;
mod connection;
mod descriptors;
mod metrics;
mod pieces;
mod serving;
mod timeouts;
mod turn;

pub use admission::{Admission, Limits};
pub(crate) use metrics::show as show_metrics;
pub use pieces::IsShared;
pub use serving::Serving;
pub use timeouts::Timeouts;

use crate::telemetry;
use actix_web::{
    HttpResponse, Route,
    dev::{Server, ServerHandle},
    guard::{Any, Get, Head},
    http::header,
    rt::System,
    web,
};
use futures_util::future::join_all;
use listenfd::ListenFd;
use serde_json::Value;
use std::{
    io::{self, Read, Write},
    mem,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long requests under way get to finish once the process was asked to stop, in seconds.
pub const DRAIN_SECONDS: u64 = 10;

/// How many connections the admin socket takes: health checks and Prometheus come one by one.
const ADMIN_CONNECTIONS: usize = 32;

/// The largest answer about health, in bytes.
const MAX_HEALTH_ANSWER: u64 = 64 * 1024;

/// A service's two sockets: the public one, and the admin one for health and metrics.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub public: TcpListener,
    /// For operators and their machines.
    pub admin: TcpListener,
}

impl Listeners {
    /// Takes the sockets that systemd (or a test) hands over by `LISTEN_FDS`, first the public, then the admin one,
    /// and binds those that were not handed over.
    ///
    /// # Errors
    /// One sentence that names the address.
    pub fn bind(public: SocketAddr, admin: SocketAddr) -> Result<Self, String> {
        let mut inherited = ListenFd::from_env();
        let mut listener = |index: usize, address: SocketAddr| {
            if let Some(listener) = inherited.take_tcp_listener(index).map_err(|error| error.to_string())? {
                return Ok(listener);
            }
            TcpListener::bind(address)
                .map_err(|error| format!("cannot listen on {address}: {error}; is another process using it?"))
        };
        Ok(Self { public: listener(0, public)?, admin: listener(1, admin)? })
    }
}

/// Whether two sockets cannot listen at these addresses at once. A port 0 is any that is free.
#[must_use]
pub fn are_in_conflict(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |wide: IpAddr, other: IpAddr| wide.is_unspecified() && wide.is_ipv4() == other.is_ipv4();
    let (one_ip, other_ip) = (one.ip(), other.ip());
    let overlap = one_ip == other_ip || covers(one_ip, other_ip) || covers(other_ip, one_ip);
    one.port() == other.port() && one.port() != 0 && overlap
}

/// What the public socket accepts: as many connections as `limits` say, or as there are file descriptors for. Where
/// those are few, one address still leaves half of them to others.
#[must_use]
pub fn public(limits: Limits, is_exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Admission {
    let total = descriptors::connections(limits.total);
    let per_address = if limits.per_address == 0 { 0 } else { limits.per_address.min(total.div_ceil(2)) };
    Admission::new("public", Limits { total, per_address, ..limits }, is_exempt)
}

/// What the admin socket accepts. It has its own room, so that health can be asked for when the public one has none
/// left.
#[must_use]
pub fn admin() -> Admission {
    Admission::new("admin", Limits { total: ADMIN_CONNECTIONS, per_address: 0, timeouts: Timeouts::default() }, |_| {
        true
    })
}

/// A route for GET, and for HEAD as everywhere that GET is (RFC 9110, section 9.1): the same answer without its body.
pub fn get() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

/// SIGTERM or SIGINT (Ctrl-C). A process that creates this first can be stopped at any time, even before it serves.
#[derive(Debug)]
pub struct StopSignal {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
}

#[cfg(unix)]
impl StopSignal {
    /// Handles these signals from now on; until then, each ends the process at once.
    ///
    /// # Panics
    /// Outside a runtime, or when the system refuses a handler.
    #[must_use]
    pub fn listen() -> Self {
        let handler = |kind| signal(kind).expect("a signal handler can be installed");
        Self { terminate: handler(SignalKind::terminate()), interrupt: handler(SignalKind::interrupt()) }
    }

    /// Waits for the first of them since [`StopSignal::listen`].
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl StopSignal {
    /// Ctrl-C is handled from [`StopSignal::received`] on.
    #[must_use]
    pub fn listen() -> Self {
        Self {}
    }

    /// Waits for Ctrl-C.
    ///
    /// # Panics
    /// When the system refuses a handler.
    pub async fn received(&mut self) {
        tokio::signal::ctrl_c().await.expect("a signal handler can be installed");
    }
}

/// Runs a program with as many file descriptors as it may have, and ends the process with its status. The runtime is
/// not shut down: that would wait for a host name that is still being looked up. So its threads still run, and what C libraries
/// do at the end of a process, such as wiping random number generators that a thread still uses, would abort it.
pub fn run_to_exit(program: impl Future<Output = u8>) -> ! {
    descriptors::raise_limit();
    let system = System::new();
    let status = system.block_on(async {
        // Otherwise the last worker to end would wake the runtime, from a thread whose thread locals are gone: a panic.
        mem::forget(System::current());
        program.await
    });
    telemetry::flush();
    exit(status)
}

/// Ends the process at once: nothing but the kernel cleans up behind it.
#[cfg(unix)]
fn exit(status: u8) -> ! {
    #[expect(unsafe_code, reason = "there is no safe wrapper")]
    // SAFETY: it never returns, and everything that was printed and logged has been written.
    unsafe {
        libc::_exit(status.into())
    }
}

#[cfg(not(unix))]
fn exit(status: u8) -> ! {
    std::process::exit(status.into())
}

/// Runs both servers until the signal, then lets requests under way finish.
///
/// # Errors
/// What made a server end by itself.
pub async fn run(public: Server, admin: Server, mut stop_signal: StopSignal) -> io::Result<()> {
    let handles = [public.handle(), admin.handle()];
    let stopper = tokio::spawn(async move {
        stop_signal.received().await;
        tracing::info!("stopping: requests under way may finish");
        stop(&handles).await;
    });
    let ended = tokio::try_join!(public, admin);
    stopper.abort();
    ended.map(|_| ())
}

/// Both at once: health checks are refused like everybody else.
async fn stop(handles: &[ServerHandle]) {
    join_all(handles.iter().map(|handle| handle.stop(true))).await;
}

/// The answer of `GET /health/live`: the process runs.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(serde_json::json!({ "status": "live" }))
}

/// Asks a running service's `/health/ready` on its admin address, without any HTTP client: for container health checks.
/// `proof` is a JSON pointer (RFC 6901) to a member that only this service has.
///
/// # Errors
/// One sentence: no connection, not ready, or another program.
pub fn healthcheck(admin: SocketAddr, proof: &str) -> Result<(), String> {
    let mut address = admin;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let timeout = Duration::from_secs(2);
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: health\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(MAX_HEALTH_ANSWER).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| format!("no answer from {address}: {error}"))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if !answer.starts_with("HTTP/1.1 200") {
        return Err(format!("{address} is not ready: {body}"));
    }
    if is_ready(body, proof) {
        Ok(())
    } else {
        Err(format!("{address} is another program's: it answers, but not as this service"))
    }
}

fn is_ready(health: &str, proof: &str) -> bool {
    let health: Value = serde_json::from_str(health).unwrap_or_default();
    matches!(health["status"].as_str(), Some("ready" | "degraded")) && health.pointer(proof).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// The result of the health check for a server that answers this.
    fn checked(answer: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let asked = stream.read(&mut [0; 1024]).expect("a question");
            assert!(asked > 0);
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        let checked = healthcheck(address, "/keys/source");
        server.join().expect("it has answered");
        checked
    }

    #[test]
    fn only_this_service_is_ready_and_no_other_web_server_that_answers_200() {
        let ready = "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"degraded\",\"keys\":{\"source\":\"snapshot\"}}";
        assert_eq!(checked(ready), Ok(()));
        for other in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n<html>Welcome</html>",
            "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ready\",\"accounts\":\"ok\",\"keys\":{\"published\":1}}",
            "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"live\",\"keys\":{\"source\":\"snapshot\"}}",
        ] {
            assert!(checked(other).is_err_and(|reason| reason.contains("another program")), "{other}");
        }
        let refused = checked("HTTP/1.1 503 Service Unavailable\r\n\r\nno keys").expect_err("it is not ready");
        assert!(refused.ends_with("is not ready: no keys"), "{refused}");
    }
}
