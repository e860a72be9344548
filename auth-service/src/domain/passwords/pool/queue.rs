//! The queue of the pool. Clients take turns: however many jobs one client has, another client's job comes soon.

use super::{Memory, NotComputed};
use crate::domain::{Client, client::host};
use shared::ids::UserId;
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How many jobs of strangers may wait per thread: most of a second's work.
pub(super) const STRANGERS_PER_THREAD: usize = 48;
/// How many more jobs of known devices may wait per thread: strangers never take their places.
pub(super) const KNOWN_PER_THREAD: usize = 16;
/// How many jobs of one client may wait per thread.
pub(super) const OF_ONE_CLIENT_PER_THREAD: usize = 12;
/// How many jobs of a crowd may wait per thread: all clients may be behind one proxy.
const OF_ONE_CROWD_PER_THREAD: usize = 36;
/// Jobs that take this many times as long as usual do not shorten the queue yet: the last of it waits some seconds.
const USUAL_HEAVINESS: usize = 4;
/// A thread that has waited this long for a job frees its memory.
const IDLE: Duration = Duration::from_secs(1);

/// Where a job comes from. Places take turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// The service itself, or an operator.
    Here,
    /// The addresses of one subscriber.
    Address(IpAddr),
    /// The address of a proxy that is not trusted: many clients may share it, and it cannot be known whether they do.
    Crowd(IpAddr),
}

/// Whose job it is within a place. Members take turns within the turns of their place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Member {
    /// The only member.
    Sole,
    /// The client that the proxy names. The client may have chosen this name itself.
    Client(IpAddr),
    /// All who try this account.
    Account(String),
}

/// Whose job it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Where it comes from.
    pub place: Place,
    /// The member of that place.
    pub member: Member,
    /// Whether it comes from a device that has logged in to this account before.
    pub is_known: bool,
}

impl Lane {
    /// The service itself, or an operator.
    pub const HERE: Self = Self { place: Place::Here, member: Member::Sole, is_known: true };

    /// The lane of a client that tries an account, with the e-mail address if the client gave one.
    #[must_use]
    pub fn of(client: &Client, email: Option<&str>, account: Option<UserId>) -> Self {
        let address = client.host();
        let (place, member) = match (client.has_own_address, client.named, email) {
            (true, _, _) => (Place::Address(address), Member::Sole),
            (false, Some(named), _) => (Place::Crowd(address), Member::Client(host(named))),
            (false, None, Some(email)) => (Place::Crowd(address), Member::Account(email.to_owned())),
            (false, None, None) => (Place::Crowd(address), Member::Sole),
        };
        Self { place, member, is_known: client.known_by(account).is_some() }
    }
}

pub(super) type Job = Box<dyn FnOnce(&mut Memory) + Send>;

pub(super) struct Queue {
    jobs: Mutex<Jobs>,
    arrived: Condvar,
    closed: AtomicBool,
}

/// Known devices and strangers take turns, and within them their places.
struct Jobs {
    known: Line,
    strangers: Line,
    is_turn_of_strangers: bool,
}

#[derive(Default)]
struct Line {
    at_place: HashMap<Place, Waiting>,
    /// The places that have a job waiting.
    turns: VecDeque<Place>,
    waiting: usize,
    threads: usize,
    /// How many jobs may wait while they take as long as usual.
    capacity: usize,
    /// By what these numbers are divided.
    divisor: usize,
}

/// The jobs of one place.
#[derive(Default)]
struct Waiting {
    of_member: HashMap<Member, VecDeque<Job>>,
    /// The members that have a job waiting.
    turns: VecDeque<Member>,
    count: usize,
}

impl Queue {
    pub(super) fn for_threads(threads: usize) -> Self {
        let line = |capacity| Line { capacity, threads, divisor: 1, ..Line::default() };
        let (known, strangers) = (line(KNOWN_PER_THREAD * threads), line(STRANGERS_PER_THREAD * threads));
        let jobs = Mutex::new(Jobs { known, strangers, is_turn_of_strangers: false });
        Self { jobs, arrived: Condvar::new(), closed: AtomicBool::new(false) }
    }

    /// Appends a job to its member's jobs. If there is no room, a job of the place with the most jobs makes way, unless
    /// that is this one's place; in a crowd, a job of the member with the most.
    pub(super) fn push(&self, lane: Lane, job: Job) -> Result<(), NotComputed> {
        let displaced = self.lock().line(lane.is_known).push(lane, job)?;
        // Dropping the job reports that it will not run. This must not happen while others wait for the lock.
        drop(displaced);
        self.arrived.notify_one();
        Ok(())
    }

    /// Whether a job would be accepted now.
    pub(super) fn takes(&self, lane: &Lane) -> bool {
        self.lock().line(lane.is_known).room_for(lane).is_some()
    }

    /// The next job; `None` if none came for a while.
    pub(super) fn next(&self) -> Option<Job> {
        let is_idle = |jobs: &mut Jobs| jobs.waiting() == 0 && !self.is_closed();
        let (mut jobs, _) =
            self.arrived.wait_timeout_while(self.lock(), IDLE, is_idle).unwrap_or_else(PoisonError::into_inner);
        jobs.next()
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    pub(super) fn capacity(&self) -> usize {
        let jobs = self.lock();
        jobs.known.room() + jobs.strangers.room()
    }

    /// Lets fewer jobs wait if each takes this many times as long as usual. What waits already stays.
    pub(super) fn weigh(&self, heaviness: usize) {
        let divisor = heaviness.div_ceil(USUAL_HEAVINESS).max(1);
        let mut jobs = self.lock();
        (jobs.known.divisor, jobs.strangers.divisor) = (divisor, divisor);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.arrived.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    fn line(&mut self, is_known: bool) -> &mut Line {
        if is_known { &mut self.known } else { &mut self.strangers }
    }

    fn waiting(&self) -> usize {
        self.known.waiting + self.strangers.waiting
    }

    fn next(&mut self) -> Option<Job> {
        let strangers_first = self.is_turn_of_strangers;
        self.is_turn_of_strangers = !strangers_first;
        let job = self.line(!strangers_first).next();
        job.or_else(|| self.line(strangers_first).next())
    }
}

/// Where a job finds room.
enum Room {
    Free,
    /// A job of its own place makes way.
    InPlace,
    /// A job of another place makes way.
    Elsewhere(Place),
}

impl Line {
    /// How many jobs may wait.
    fn room(&self) -> usize {
        self.part_of(self.capacity)
    }

    /// At least two for each thread, so that a request that comes while another one waits is not refused.
    fn part_of(&self, jobs: usize) -> usize {
        (jobs / self.divisor).max(2 * self.threads)
    }

    fn room_for(&self, lane: &Lane) -> Option<Room> {
        let here = self.at_place.get(&lane.place);
        let (own, of_place) = here.map_or((0, 0), |here| (here.of(&lane.member), here.count));
        if own >= self.part_of(OF_ONE_CLIENT_PER_THREAD * self.threads) {
            return None;
        }
        if of_place >= self.part_of(OF_ONE_CROWD_PER_THREAD * self.threads) {
            return here.filter(|here| makes_way(here.longest(), own)).map(|_| Room::InPlace);
        }
        if self.waiting < self.room() {
            return Some(Room::Free);
        }
        let (fullest, jobs) = self.at_place.iter().max_by_key(|(_, jobs)| jobs.count)?;
        if makes_way(jobs.count, of_place) {
            return Some(Room::Elsewhere(fullest.clone()));
        }
        here.filter(|here| makes_way(here.longest(), own)).map(|_| Room::InPlace)
    }

    /// Returns the job that made way.
    fn push(&mut self, lane: Lane, job: Job) -> Result<Option<Job>, NotComputed> {
        let displaced = match self.room_for(&lane).ok_or(NotComputed::Overloaded)? {
            Room::Free => None,
            Room::InPlace => self.displace(&lane.place),
            Room::Elsewhere(place) => self.displace(&place),
        };
        let waiting = self.at_place.entry(lane.place.clone()).or_default();
        if waiting.count == 0 {
            self.turns.push_back(lane.place);
        }
        waiting.push(lane.member, job);
        self.waiting += 1;
        Ok(displaced)
    }

    /// Removes the newest job of the place's member with the most jobs. That member has other jobs, so the place keeps
    /// its turn.
    fn displace(&mut self, place: &Place) -> Option<Job> {
        let job = self.at_place.get_mut(place)?.displace();
        self.waiting -= usize::from(job.is_some());
        job
    }

    fn next(&mut self) -> Option<Job> {
        let place = self.turns.pop_front()?;
        let waiting = self.at_place.get_mut(&place)?;
        let job = waiting.next();
        if waiting.count == 0 {
            self.at_place.remove(&place);
        } else {
            self.turns.push_back(place);
        }
        self.waiting -= usize::from(job.is_some());
        job
    }
}

impl Waiting {
    fn of(&self, member: &Member) -> usize {
        self.of_member.get(member).map_or(0, VecDeque::len)
    }

    fn longest(&self) -> usize {
        self.of_member.values().map(VecDeque::len).max().unwrap_or(0)
    }

    fn push(&mut self, member: Member, job: Job) {
        let jobs = self.of_member.entry(member.clone()).or_default();
        if jobs.is_empty() {
            self.turns.push_back(member);
        }
        jobs.push_back(job);
        self.count += 1;
    }

    fn displace(&mut self) -> Option<Job> {
        let (member, jobs) = self.of_member.iter_mut().max_by_key(|(_, jobs)| jobs.len())?;
        let job = jobs.pop_back()?;
        self.count -= 1;
        if jobs.is_empty() {
            let member = member.clone();
            self.of_member.remove(&member);
            self.turns.retain(|waiting| *waiting != member);
        }
        Some(job)
    }

    fn next(&mut self) -> Option<Job> {
        let member = self.turns.pop_front()?;
        let jobs = self.of_member.get_mut(&member)?;
        let job = jobs.pop_front()?;
        self.count -= 1;
        if jobs.is_empty() {
            self.of_member.remove(&member);
        } else {
            self.turns.push_back(member);
        }
        Some(job)
    }
}

/// Whether the others, after one of their jobs has made way, still have at least as many as the newcomer then has.
fn makes_way(theirs: usize, own: usize) -> bool {
    theirs > own + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, mpsc};

    /// A queue whose jobs report their names when they run.
    struct NamedJobs {
        queue: Arc<Queue>,
        names: (mpsc::Sender<String>, mpsc::Receiver<String>),
    }

    impl NamedJobs {
        fn new() -> Self {
            Self { queue: Arc::new(Queue::for_threads(1)), names: mpsc::channel() }
        }

        fn push(&self, host: u8, is_known: bool, name: &str) -> Result<(), NotComputed> {
            let place = Place::Address(IpAddr::from([192, 0, 2, host]));
            self.push_to(Lane { place, member: Member::Sole, is_known }, name)
        }

        fn push_to(&self, lane: Lane, name: &str) -> Result<(), NotComputed> {
            let (sender, name) = (self.names.0.clone(), name.to_owned());
            let takes = self.queue.takes(&lane);
            let pushed = self.queue.push(lane, Box::new(move |_| sender.send(name).unwrap()));
            assert_eq!(takes, pushed.is_ok());
            pushed
        }

        fn work_off(&self) -> Vec<String> {
            while self.queue.waiting() > 0 {
                self.queue.next().unwrap()(&mut Memory::default());
            }
            self.names.1.try_iter().collect()
        }
    }

    #[test]
    fn places_take_turns_however_many_jobs_one_has() {
        let jobs = NamedJobs::new();
        for index in 0..OF_ONE_CLIENT_PER_THREAD {
            jobs.push(1, false, &format!("many {index}")).unwrap();
        }
        jobs.push(2, false, "one").unwrap();
        jobs.push(3, false, "another").unwrap();
        assert_eq!(jobs.work_off()[..4], ["many 0", "one", "another", "many 1"]);
    }

    fn in_crowd(client: u8) -> Lane {
        let (proxy, client) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([203, 0, 113, client]));
        Lane { place: Place::Crowd(proxy), member: Member::Client(client), is_known: false }
    }

    #[test]
    fn a_client_that_gives_itself_many_names_has_the_turns_of_one_place() {
        let jobs = NamedJobs::new();
        let taken = (0..100).filter(|name| jobs.push_to(in_crowd(*name), "invented").is_ok()).count();
        assert_eq!(taken, OF_ONE_CROWD_PER_THREAD, "a quarter of the room is left");
        jobs.push(1, false, "one").unwrap();
        jobs.push(2, false, "another").unwrap();
        assert_eq!(jobs.work_off()[..3], ["invented", "one", "another"]);
    }

    #[test]
    fn in_a_crowd_the_member_that_has_most_makes_way() {
        let jobs = NamedJobs::new();
        for client in 0..3 {
            for _ in 0..OF_ONE_CLIENT_PER_THREAD {
                jobs.push_to(in_crowd(client), "many").unwrap();
            }
        }
        jobs.push_to(in_crowd(9), "one").unwrap();
        assert_eq!(jobs.queue.waiting(), OF_ONE_CROWD_PER_THREAD);
        assert!(jobs.work_off()[..4].contains(&"one".to_owned()), "and its turn comes with the others'");
    }

    #[test]
    fn one_place_may_have_only_a_few_jobs_waiting() {
        let jobs = NamedJobs::new();
        let pushed = (0..100).filter(|_| jobs.push(1, false, "").is_ok()).count();
        assert_eq!(pushed, OF_ONE_CLIENT_PER_THREAD);
        assert_eq!(jobs.push(2, false, ""), Ok(()));
    }

    #[test]
    fn fewer_jobs_may_wait_while_each_takes_long() {
        let jobs = NamedJobs::new();
        let accepted = |hosts: std::ops::Range<u8>| hosts.filter(|host| jobs.push(*host, false, "").is_ok()).count();
        jobs.queue.weigh(16);
        assert_eq!(accepted(0..100), STRANGERS_PER_THREAD / 4, "bcrypt of cost 12 takes 16 times as long");
        jobs.work_off();
        jobs.queue.weigh(1000);
        assert_eq!(accepted(0..100), 2);
        jobs.work_off();
        jobs.queue.weigh(1);
        assert_eq!(accepted(0..100), STRANGERS_PER_THREAD);
    }

    #[test]
    fn in_a_full_queue_the_place_that_has_most_makes_way() {
        let jobs = NamedJobs::new();
        for index in 0..STRANGERS_PER_THREAD {
            let host = u8::try_from(index / OF_ONE_CLIENT_PER_THREAD).unwrap();
            jobs.push(host, false, "of a crowd").unwrap();
        }
        for host in 100..110 {
            assert_eq!(jobs.push(host, false, "newcomer"), Ok(()));
        }
        assert_eq!(jobs.queue.waiting(), STRANGERS_PER_THREAD);
        let names = jobs.work_off();
        assert_eq!(names.iter().filter(|name| *name == "newcomer").count(), 10);
    }

    #[test]
    fn when_all_have_one_job_waiting_nobody_makes_way() {
        let jobs = NamedJobs::new();
        for host in 0..STRANGERS_PER_THREAD {
            jobs.push(u8::try_from(host).unwrap(), false, "").unwrap();
        }
        assert_eq!(jobs.push(200, false, ""), Err(NotComputed::Overloaded));
        assert_eq!(jobs.push(0, false, ""), Err(NotComputed::Overloaded));
    }

    #[test]
    fn strangers_never_take_the_places_of_known_devices() {
        let jobs = NamedJobs::new();
        for host in 0..STRANGERS_PER_THREAD {
            jobs.push(u8::try_from(host).unwrap(), false, "stranger").unwrap();
        }
        for host in 0..KNOWN_PER_THREAD {
            assert_eq!(jobs.push(u8::try_from(host).unwrap(), true, "known"), Ok(()));
        }
        assert_eq!(jobs.push(200, true, ""), Err(NotComputed::Overloaded));
        assert_eq!(jobs.queue.waiting(), jobs.queue.capacity());
        let first = jobs.work_off();
        assert_eq!(first[..4].iter().filter(|name| *name == "known").count(), 2, "they take turns: {first:?}");
    }

    #[test]
    fn the_newest_job_of_a_place_makes_way_and_reports_that_it_was_not_run() {
        let jobs = NamedJobs::new();
        for host in 10..10 + STRANGERS_PER_THREAD - OF_ONE_CLIENT_PER_THREAD {
            jobs.push(u8::try_from(host).unwrap(), false, "").unwrap();
        }
        let (answers, answered): (Vec<_>, Vec<_>) =
            (0..OF_ONE_CLIENT_PER_THREAD).map(|_| tokio::sync::oneshot::channel::<()>()).unzip();
        for answer in answers {
            let crowd =
                Lane { place: Place::Address(IpAddr::from([192, 0, 2, 1])), member: Member::Sole, is_known: false };
            jobs.queue.push(crowd, Box::new(move |_| answer.send(()).unwrap())).unwrap();
        }
        jobs.push(200, false, "newcomer").unwrap();
        jobs.work_off();
        let outcomes: Vec<bool> = answered.into_iter().map(|answered| answered.blocking_recv().is_ok()).collect();
        let (last, before) = outcomes.split_last().unwrap();
        assert!(!last && before.iter().all(|is_run| *is_run), "{outcomes:?}");
    }
}
