//! How soon a service is ready, and how much memory it takes at rest.

use crate::report::{Goal, Report};
use harness::{Stack, Storage, service::Service};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const STARTS: usize = 9;
/// Until the memory of the last login has been given back.
const REST: Duration = Duration::from_secs(3);

pub(crate) async fn measure(report: &mut Report) {
    for (storage, name) in [(Storage::RedisAndPostgres, "Redis and PostgreSQL"), (Storage::Embedded, "embedded")] {
        let mut stack = Stack::on(storage).unlimited().start().await;
        let ada = stack.ada().await;
        stack.resource.whoami(&ada.tokens).await.expect(200);
        let start = median_start(&mut stack.auth);
        report.row(&format!("auth-service, {name}: start to ready, keys present"), start, " ms", Goal::AtMost(100.0));
        stack.auth.login(&ada.email, &ada.password, harness::Transport::Body).await.expect(200);
        sleep(REST).await;
        report.row(&format!("auth-service, {name}: memory at rest"), resident(&stack.auth), " MiB", Goal::AtMost(20.0));
        if storage == Storage::Embedded {
            let start = median_start(&mut stack.resource);
            report.row("resource-service: start to ready, keys present", start, " ms", Goal::AtMost(100.0));
            stack.resource.whoami(&ada.tokens).await.expect(200);
            report.row("resource-service: memory at rest", resident(&stack.resource), " MiB", Goal::AtMost(12.0));
        }
    }
}

/// In milliseconds.
fn median_start(service: &mut Service) -> f64 {
    let mut took: Vec<Duration> = (0..STARTS)
        .map(|_| {
            assert!(service.stop().success(), "it stops cleanly");
            let begun = Instant::now();
            service.spawn();
            while !is_ready(service.admin_address().port()) {
                std::thread::sleep(Duration::from_millis(1));
            }
            begun.elapsed()
        })
        .collect();
    took.sort();
    took[STARTS / 2].as_secs_f64() * 1e3
}

/// The socket is there before the service is ready: the request waits.
fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Resident memory in MiB, as Linux counts it (proc(5), `VmRSS`).
pub(crate) fn resident(service: &Service) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.process_id())).expect("Linux, and it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("proc(5) says it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number of KiB") / 1024.0
}
