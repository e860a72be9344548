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
mod tests;
