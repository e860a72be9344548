//! Reads and checks on a thread of its own, a few batches ahead of the database and no more.

use super::arguments::Wishes;
use auth_service::domain::operator::transfer::{
    check::Rules,
    format::{BadInput, Entry},
    import::Checked,
    sources::{HashConfig, Source},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use tokio::sync::{mpsc, oneshot};

/// How many batches are read ahead.
const AHEAD: usize = 2;
const BUFFER: usize = 256 * 1024;

/// Some entries of one file.
pub struct Batch {
    pub file: String,
    pub entries: Vec<Checked>,
}

/// Input on its way.
pub struct Reading {
    batches: mpsc::Receiver<Batch>,
    outcome: oneshot::Receiver<Result<(), String>>,
    bytes: Option<u64>,
    bytes_read: Arc<AtomicU64>,
}

impl Reading {
    /// Opens all files, and begins to read.
    ///
    /// # Errors
    /// One sentence.
    pub fn begin(wishes: &Wishes, rules: Rules) -> Result<Self, String> {
        let bytes_read = Arc::<AtomicU64>::default();
        let (mut inputs, mut bytes) = (Vec::new(), Some(0));
        for path in &wishes.files {
            let (input, length) = opened(path).map_err(|error| format!("cannot read {path}: {error}"))?;
            bytes = bytes.zip(length).map(|(sum, length)| sum + length);
            let counted = Counted { input, bytes: Arc::clone(&bytes_read) };
            inputs.push((path.clone(), BufReader::with_capacity(BUFFER, counted)));
        }
        let (sender, batches) = mpsc::channel(AHEAD);
        let (reporter, outcome) = oneshot::channel();
        let (source, size) = (wishes.source, wishes.batch);
        let config = wishes.hash_config.clone();
        let read = move || {
            let each = |(file, input): (String, BufReader<Counted>)| {
                read(&file, input, source, config.as_ref(), &rules, size, &sender)
                    .map_err(|error| format!("{file}: {error}"))
            };
            drop(reporter.send(inputs.into_iter().try_for_each(each)));
        };
        thread::Builder::new().name("import".to_owned()).spawn(read).map_err(|error| error.to_string())?;
        Ok(Self { batches, outcome, bytes, bytes_read })
    }

    /// How many bytes there are, if that is known.
    pub const fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// How many of them were read.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// The next batch; `None`: there are no more.
    pub async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }

    /// Why reading ended early, if it did.
    ///
    /// # Errors
    /// One sentence.
    pub fn end(mut self) -> Result<(), String> {
        self.outcome.try_recv().unwrap_or_else(|_| Err("reading has failed: a bug in this program".to_owned()))
    }
}

fn read(
    file: &str,
    mut input: BufReader<Counted>,
    source: Source,
    config: Option<&HashConfig>,
    rules: &Rules,
    size: usize,
    sender: &mpsc::Sender<Batch>,
) -> Result<(), BadInput> {
    let mut entries = Vec::with_capacity(size);
    let send = |entries: Vec<Checked>| {
        let sent = sender.blocking_send(Batch { file: file.to_owned(), entries });
        if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let read = source.read(&mut input as &mut dyn BufRead, config, &mut |Entry { number, user }| {
        entries.push((number, user.and_then(|user| rules.check(user))));
        if entries.len() < size {
            return ControlFlow::Continue(());
        }
        send(std::mem::replace(&mut entries, Vec::with_capacity(size)))
    });
    // What was read before a mistake is imported, as if the file ended there.
    if !entries.is_empty() {
        let _ = send(entries);
    }
    read
}

fn opened(path: &str) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Counts what is read.
struct Counted {
    input: Box<dyn Read + Send>,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
