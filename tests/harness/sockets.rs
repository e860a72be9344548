//! Sockets that are bound before a service starts and handed over as systemd does (`LISTEN_FDS`).

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::Range,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::process::CommandExt as _,
    },
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Below the ports that the system gives to outgoing connections, so that a restarted service finds its port still
/// free.
const PORTS: Range<u16> = 12_000..31_000;

/// The first file descriptor that is handed over.
const FIRST: RawFd = 3;

/// The ports this test process has used: a stopped service keeps its own.
static USED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A listener on loopback, on a port that no other part of this test process has or had.
///
/// # Panics
/// When hundreds of random ports are all taken.
#[must_use]
pub fn fresh_listener() -> TcpListener {
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..500 {
        let port = random_port();
        if used.contains(&port) {
            continue;
        }
        if let Ok(listener) = listener_on(port) {
            used.insert(port);
            return listener;
        }
    }
    panic!("no free port in {PORTS:?}");
}

/// A port for a server that cannot be handed a socket. If it is taken in between, a server of this machine is started again
/// on another one.
#[must_use]
pub fn fresh_port() -> u16 {
    port_of(&fresh_listener())
}

/// A listener on a port of this process whose listener was closed. A child that another test has just forked holds a
/// copy of the old listener until it becomes another program: that takes moments.
///
/// # Panics
/// When another process has taken the port.
pub(crate) fn listener_again(port: u16) -> TcpListener {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        match listener_on(port) {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < until, "its port is not free again: {error}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn listener_on(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// The port of a listener.
///
/// # Panics
/// Never: a bound socket has an address.
#[must_use]
pub fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("a bound socket has an address").port()
}

fn random_port() -> u16 {
    let [a, b, ..] = *Uuid::new_v4().as_bytes();
    PORTS.start + u16::from_be_bytes([a, b]) % (PORTS.end - PORTS.start)
}

/// Makes the child find `listeners` as file descriptors 3 and 4. Keep them open until it has been spawned.
///
/// # Panics
/// When file descriptors run out.
pub fn hand_over(command: &mut Command, listeners: [&TcpListener; 2]) -> [OwnedFd; 2] {
    let copies = listeners.map(copy_out_of_the_way);
    let [public, admin] = [copies[0].as_raw_fd(), copies[1].as_raw_fd()];
    command.env("LISTEN_FDS", "2").env_remove("LISTEN_PID");
    #[expect(unsafe_code, reason = "std cannot place a file descriptor at a chosen number in the child")]
    // SAFETY: dup2 is async-signal-safe, and the copies stay open until after the spawn.
    unsafe {
        command.pre_exec(move || {
            for (wanted, given) in (FIRST..).zip([public, admin]) {
                if libc::dup2(given, wanted) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    copies
}

/// A copy far from the numbers that the child will use, closed in every other child.
fn copy_out_of_the_way(listener: &TcpListener) -> OwnedFd {
    #[expect(unsafe_code, reason = "std cannot choose the number of a copy")]
    // SAFETY: the listener is open, and the new descriptor has no other owner.
    unsafe {
        let copy = libc::fcntl(listener.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 10);
        assert!(copy >= 0, "file descriptors have run out: {}", io::Error::last_os_error());
        OwnedFd::from_raw_fd(copy)
    }
}
