//! Processor time, user and system, on the clocks that Linux keeps for it.

use std::{collections::BTreeMap, fs, process, time::Duration};

/// What a process of this machine has used.
///
/// # Panics
/// When there is no such process.
pub(crate) fn of_process(id: u32) -> Duration {
    used_by(id).expect("the process runs")
}

/// What the processes with these names have used that this one has started, or that those have.
pub(crate) fn of_children(names: &[&str]) -> Duration {
    // `id (name) state parent …`, where the name may hold anything.
    let read = |entry: fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (id, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        Some((id.parse().ok()?, (rest.split(' ').nth(1)?.parse().ok()?, name.to_owned())))
    };
    let running: BTreeMap<u32, (u32, String)> =
        fs::read_dir("/proc").expect("Linux").filter_map(|entry| read(entry.ok()?)).collect();
    let is_ours = |id: u32| {
        let parents = std::iter::successors(Some(id), |id| running.get(id).map(|(parent, _)| *parent));
        parents.take(running.len()).any(|id| id == process::id())
    };
    let wanted = running.iter().filter(|(id, (_, name))| names.contains(&name.as_str()) && is_ours(**id));
    // One that has ended meanwhile was not at work.
    wanted.filter_map(|(id, _)| used_by(*id)).sum()
}

fn used_by(id: u32) -> Option<Duration> {
    let mut clock: libc::clockid_t = 0;
    let id = libc::pid_t::try_from(id).expect("process ids are positive and small");
    #[expect(unsafe_code, reason = "clock_getcpuclockid(3) has no safe form in std")]
    // SAFETY: the clock's id is plain data that the call fills.
    let found = unsafe { libc::clock_getcpuclockid(id, &raw mut clock) };
    if found == 0 { try_reading(clock) } else { None }
}

/// What this thread has used.
pub(crate) fn of_this_thread() -> Duration {
    reading(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// What this thread uses for some work.
pub(crate) fn spent(work: impl FnOnce()) -> Duration {
    let before = of_this_thread();
    work();
    of_this_thread() - before
}

fn reading(clock: libc::clockid_t) -> Duration {
    try_reading(clock).expect("the clock of this thread can be read")
}

fn try_reading(clock: libc::clockid_t) -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "clock_gettime(2) has no safe form in std for these clocks")]
    // SAFETY: the time is plain data that the call fills.
    let read = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if read != 0 {
        return None;
    }
    let seconds = u64::try_from(time.tv_sec).expect("time is not negative");
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).expect("a fraction of a second")))
}

/// The average of `count` shares of the whole.
pub(crate) fn each(whole: Duration, count: usize) -> Duration {
    whole.div_f64(count as f64)
}

/// In microseconds.
pub(crate) fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}
