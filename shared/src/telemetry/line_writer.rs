//! Lines, written by a separate thread: logging does not wait for a pipe that nobody reads, nor fail with a full disk.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
    time::Duration,
};

/// How many bytes of lines may wait to be written: 1 MiB.
const ROOM: usize = 1024 * 1024;

enum Order {
    Write(Vec<u8>),
    /// Answered when all before it is written.
    Report(SyncSender<()>),
}

/// Where lines are handed over.
pub(super) struct LineWriter {
    orders: Sender<Order>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Bytes that wait.
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl LineWriter {
    /// Starts the thread.
    ///
    /// # Panics
    /// When the system gives no thread to a new process.
    pub(super) fn start(output: impl Write + Send + 'static) -> Self {
        let (orders, received) = channel();
        let shared = Arc::new(Shared::default());
        let worker = Worker { output, shared: Arc::clone(&shared), reported: 0 };
        let started = thread::Builder::new().name("log".to_owned()).spawn(move || worker.carry_out(&received));
        started.expect("a new process gets a thread");
        Self { orders, shared }
    }

    /// How many lines were not written, because there was no room or the output failed.
    pub(super) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Waits until what was handed over is written, for at most `timeout`.
    pub(super) fn flush(&self, timeout: Duration) {
        let (done, is_done) = sync_channel(1);
        if self.orders.send(Order::Report(done)).is_ok() {
            let _late_or_not = is_done.recv_timeout(timeout);
        }
    }
}

/// tracing-subscriber writes each line with one call.
impl Write for &LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let waiting = self.shared.waiting.fetch_add(line.len(), Ordering::Relaxed);
        if waiting + line.len() > ROOM || self.orders.send(Order::Write(line.to_vec())).is_err() {
            self.shared.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Worker<W> {
    output: W,
    shared: Arc<Shared>,
    /// How many lost lines the log has reported.
    reported: u64,
}

impl<W: Write> Worker<W> {
    fn carry_out(mut self, orders: &Receiver<Order>) {
        for order in orders {
            match order {
                Order::Write(line) => self.write(&line),
                Order::Report(done) => drop(done.try_send(())),
            }
        }
    }

    fn write(&mut self, line: &[u8]) {
        let written = self.output.write_all(line);
        self.shared.waiting.fetch_sub(line.len(), Ordering::Relaxed);
        if written.is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            self.report_lost();
        }
    }

    fn report_lost(&mut self) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost > self.reported {
            tracing::warn!(lines = lost - self.reported, "lines of this log were lost: it could not be written");
            self.reported = lost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::File,
        io::{PipeReader, Read as _, pipe},
        time::Instant,
    };

    const LONG: Duration = Duration::from_secs(30);

    fn log(mut lines: &LineWriter, line: &str) {
        lines.write_all(line.as_bytes()).expect("logging never fails");
    }

    fn read_some(output: &mut PipeReader) -> usize {
        output.read(&mut [0; 64 * 1024]).expect("our own pipe")
    }

    #[test]
    fn lines_are_written_in_order() {
        let (mut output, input) = pipe().expect("a pipe");
        let lines = LineWriter::start(input);
        for line in ["one\n", "two\n", "three\n"] {
            log(&lines, line);
        }
        lines.flush(LONG);
        drop(lines);
        let mut written = String::new();
        output.read_to_string(&mut written).expect("text");
        assert_eq!(written, "one\ntwo\nthree\n");
    }

    #[test]
    fn logging_does_not_wait_for_a_pipe_that_nobody_reads_and_counts_what_is_lost() {
        let (mut output, input) = pipe().expect("a pipe");
        let lines = LineWriter::start(input);
        let line = "x".repeat(1023) + "\n";
        for _ in 0..3000 {
            log(&lines, &line);
        }
        assert!(lines.lost() > 0 && lines.shared.waiting.load(Ordering::Relaxed) <= ROOM);
        let began = Instant::now();
        lines.flush(Duration::from_millis(10));
        assert!(began.elapsed() < LONG);
        let lost = lines.lost();
        let mut read = 0;
        while read < (3000 - lost as usize) * 1024 {
            read += read_some(&mut output);
        }
        lines.flush(LONG);
        log(&lines, &line);
        lines.flush(LONG);
        assert_eq!(lines.lost(), lost, "an output that is read again takes lines again");
    }

    #[test]
    fn an_output_that_fails_loses_lines_and_nothing_else() {
        let (closed, input) = pipe().expect("a pipe");
        drop(closed);
        let full = File::options().write(true).open("/dev/full").expect("a full disk");
        for lines in [LineWriter::start(input), LineWriter::start(full)] {
            log(&lines, "lost\n");
            lines.flush(LONG);
            assert_eq!(lines.lost(), 1);
        }
    }
}
