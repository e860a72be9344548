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
        let crowd = Lane { place: Place::Address(IpAddr::from([192, 0, 2, 1])), member: Member::Sole, is_known: false };
        jobs.queue.push(crowd, Box::new(move |_| answer.send(()).unwrap())).unwrap();
    }
    jobs.push(200, false, "newcomer").unwrap();
    jobs.work_off();
    let outcomes: Vec<bool> = answered.into_iter().map(|answered| answered.blocking_recv().is_ok()).collect();
    let (last, before) = outcomes.split_last().unwrap();
    assert!(!last && before.iter().all(|is_run| *is_run), "{outcomes:?}");
}
