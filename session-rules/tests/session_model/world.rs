//! A client, replicas, a session store that may lose writes, SQL that does not, and perhaps a thief; one session.

use session_rules::{Lineage, Outcome, Policy, Presented, Row, decide_by};
use shared::{clock::Timestamp, ids::TokenId};
use stateright::{Model, Property};
use std::time::Duration;

/// How large the world is.
#[derive(Clone, Copy, Default)]
pub struct Bounds {
    /// How far the clock goes.
    pub ticks: i64,
    /// The replay window, in ticks.
    pub window: i64,
    /// How late a client's request arrives, and after how long the client gives up, in ticks.
    pub patience: i64,
    /// How many tokens are minted.
    pub tokens: usize,
    /// How many requests are on their way or being worked on.
    pub in_flight: usize,
    /// Whether the client sends one request at a time (one it has given up may still be on its way).
    pub is_serial: bool,
    /// Whether the session was idle for long before, so that its token is old.
    pub begins_idle: bool,
    /// How often a client may retry late with one token; zero: as often as it likes.
    pub retries: u8,
    /// How many answers the client loses at most, if that is limited; the others come before it gives up.
    pub losses: Option<usize>,
    /// How often the store loses all.
    pub wipes: usize,
    /// How often the store falls back to something that it acknowledged before.
    pub rollbacks: usize,
    pub logouts: usize,
    pub thefts: usize,
}

pub struct World {
    table: Vec<Row>,
    bounds: Bounds,
}

/// Index of a minted token.
type Token = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    lineage: Lineage,
    newest: Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    Client,
    Thief,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// On its way to a replica.
    Sent,
    /// A replica has had it since then, and is about to read the record (again).
    Arrived(i64),
    /// The record was read; decision and compare-and-swap come next.
    Read { record: Option<Record>, at: i64, arrived: i64 },
    /// Something was decided, and committed if necessary; SQL comes next.
    Decided(Verdict),
    /// A theft: the session was alive in SQL; its ending is written next.
    Ending,
    /// The answer is on its way.
    Answered(Option<Token>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Verdict {
    Replayed(Token),
    Rotated(Token),
    Retried(Token),
    Adopted(Token),
    Reused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Flight {
    party: Party,
    token: Token,
    sent: i64,
    sent_after_end: bool,
    /// The client has given up: it will not use the response.
    is_abandoned: bool,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: i64,
    store: Option<Record>,
    /// What the store acknowledged, and may fall back to.
    acknowledged: Vec<Record>,
    has_ended: bool,
    tokens: Vec<Presented>,
    jar: Token,
    loot: Option<Token>,
    flights: Vec<Flight>,
    losses: Option<usize>,
    wipes: usize,
    rollbacks: usize,
    logouts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Tick,
    Send(Party),
    Arrive(usize),
    ReadRecord(usize),
    DecideAndSwap(usize),
    ReadSql(usize),
    WriteSql(usize),
    Deliver(usize),
    /// The request, the replica that works on it, or the response is lost.
    Lose(usize),
    /// The client gives up a request that may still arrive.
    GiveUp(usize),
    Wipe,
    RollBack(usize),
    Logout,
    Steal(Token),
}

/// Long enough that the rounding of times in tokens does not matter.
const TICK: Duration = Duration::from_secs(100);

fn at(now: i64) -> Timestamp {
    Timestamp::from_secs(now * TICK.as_secs().cast_signed())
}

fn id(token: Token) -> TokenId {
    TokenId::from_u128(token as u128 + 1)
}

impl World {
    pub fn new(table: Vec<Row>, bounds: Bounds) -> Self {
        Self { table, bounds }
    }

    fn decide(&self, record: Option<&Record>, token: &Presented, now: i64) -> Outcome {
        let replay_window = TICK * u32::try_from(self.bounds.window).unwrap_or_default();
        let late_retries = if self.bounds.retries == 0 { u8::MAX } else { self.bounds.retries };
        let policy = Policy { replay_window, late_retries };
        decide_by(&self.table, record.map(|record| &record.lineage), token, at(now), &policy)
    }

    fn decide_and_swap(&self, state: &mut State, index: usize) -> Option<()> {
        let flight = state.flights[index];
        let Phase::Read { record: read, at: read_at, arrived } = flight.phase else { return None };
        // A replica that held a request for too long gives it up: 503.
        if read_at > arrived {
            state.flights.remove(index);
            return Some(());
        }
        let (lineage, verdict): (_, fn(Token) -> Verdict) =
            match self.decide(read.as_ref(), &state.tokens[flight.token], read_at) {
                Outcome::Replay => {
                    state.flights[index].phase = Phase::Decided(Verdict::Replayed(read?.newest));
                    return Some(());
                }
                Outcome::Reuse => {
                    state.flights[index].phase = Phase::Decided(Verdict::Reused);
                    return Some(());
                }
                Outcome::Rotate(lineage) => (lineage, Verdict::Rotated),
                Outcome::Retry(lineage) => (lineage, Verdict::Retried),
                Outcome::Adopt(lineage) => (lineage, Verdict::Adopted),
            };
        // The store accepts no decision that is older than a moment.
        if state.now > read_at {
            state.flights[index].phase = Phase::Arrived(arrived);
            return Some(());
        }
        if state.store != read {
            state.flights[index].phase = Phase::Arrived(arrived);
            return Some(());
        }
        if state.tokens.len() == self.bounds.tokens {
            return None;
        }
        let newest = state.tokens.len();
        state.tokens.push(Presented {
            id: id(newest),
            family: lineage.family,
            generation: lineage.generation,
            issued_at: at(read_at),
        });
        state.store = Some(Record { lineage, newest });
        if state.rollbacks > 0 {
            state.acknowledged.push(Record { lineage, newest });
        }
        state.flights[index].phase = Phase::Decided(verdict(newest));
        Some(())
    }

    fn read_sql(state: &mut State, index: usize) -> Option<()> {
        let Phase::Decided(verdict) = state.flights[index].phase else { return None };
        state.flights[index].phase = match verdict {
            _ if state.has_ended => {
                state.store = None;
                Phase::Answered(None)
            }
            Verdict::Reused => Phase::Ending,
            Verdict::Replayed(token) | Verdict::Rotated(token) | Verdict::Retried(token) | Verdict::Adopted(token) => {
                Phase::Answered(Some(token))
            }
        };
        Some(())
    }

    fn deliver(state: &mut State, index: usize) -> Option<()> {
        let Phase::Answered(answer) = state.flights[index].phase else { return None };
        let flight = state.flights.remove(index);
        match (flight.party, answer) {
            (Party::Client, Some(token)) => state.jar = token,
            (Party::Thief, Some(token)) => state.loot = Some(token),
            (_, None) => {}
        }
        Some(())
    }
}

impl Bounds {
    /// A request that arrives later, or a response that comes later, is outside the client's contract.
    fn is_in_time(&self, flight: &Flight, now: i64) -> bool {
        flight.party == Party::Thief || now <= flight.sent + self.patience
    }

    fn may_send(&self, flights: &[Flight]) -> bool {
        let is_waiting = flights.iter().any(|flight| flight.party == Party::Client && !flight.is_abandoned);
        flights.len() < self.in_flight && !(self.is_serial && is_waiting)
    }
}

macro_rules! sighting {
    ($name:expr, $pattern:pat) => {
        Property::sometimes($name, |_, state: &State| {
            state.flights.iter().any(|flight| matches!(flight.phase, Phase::Decided($pattern)))
        })
    };
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let family = TokenId::from_u128(1000);
        let login = Record { lineage: Lineage::begin(family), newest: 0 };
        vec![State {
            now: 0,
            store: Some(login),
            acknowledged: if self.bounds.rollbacks > 0 { vec![login] } else { Vec::new() },
            has_ended: false,
            tokens: vec![Presented {
                id: id(0),
                family,
                generation: 1,
                issued_at: at(if self.bounds.begins_idle { -1000 } else { 0 }),
            }],
            jar: 0,
            loot: None,
            flights: Vec::new(),
            losses: self.bounds.losses,
            wipes: self.bounds.wipes,
            rollbacks: self.bounds.rollbacks,
            logouts: self.bounds.logouts,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_late = |flight: &Flight| !self.bounds.is_in_time(flight, state.now + 1);
        let waits_for_an_answer = self.bounds.losses.is_some() && state.flights.iter().any(is_late);
        if state.now < self.bounds.ticks && !waits_for_an_answer {
            actions.push(Action::Tick);
        }
        if self.bounds.may_send(&state.flights) {
            actions.push(Action::Send(Party::Client));
            if state.loot.is_some() {
                actions.push(Action::Send(Party::Thief));
            }
        }
        for (index, flight) in state.flights.iter().enumerate() {
            let next = match flight.phase {
                Phase::Sent => self.bounds.is_in_time(flight, state.now).then_some(Action::Arrive(index)),
                Phase::Arrived(_) => Some(Action::ReadRecord(index)),
                Phase::Read { .. } => Some(Action::DecideAndSwap(index)),
                Phase::Decided(_) => Some(Action::ReadSql(index)),
                Phase::Ending => Some(Action::WriteSql(index)),
                Phase::Answered(_) => {
                    let is_taken = self.bounds.is_in_time(flight, state.now) && !flight.is_abandoned;
                    is_taken.then_some(Action::Deliver(index))
                }
            };
            actions.extend(next);
            if state.losses != Some(0) {
                actions.push(Action::Lose(index));
            }
            if self.bounds.is_serial && flight.phase == Phase::Sent && !flight.is_abandoned {
                actions.push(Action::GiveUp(index));
            }
        }
        if state.wipes > 0 {
            actions.push(Action::Wipe);
        }
        if state.rollbacks > 0 {
            actions.extend((0..state.acknowledged.len().saturating_sub(1)).map(Action::RollBack));
        }
        if state.logouts > 0 {
            actions.push(Action::Logout);
        }
        if self.bounds.thefts > 0 && state.loot.is_none() {
            actions.extend((0..state.tokens.len()).map(Action::Steal));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.now += 1,
            Action::Send(party) => {
                let token = if party == Party::Client { state.jar } else { state.loot? };
                let sent_after_end = state.has_ended;
                state.flights.push(Flight {
                    party,
                    token,
                    sent: state.now,
                    sent_after_end,
                    is_abandoned: false,
                    phase: Phase::Sent,
                });
            }
            Action::Arrive(index) => state.flights[index].phase = Phase::Arrived(state.now),
            Action::ReadRecord(index) => {
                let Phase::Arrived(arrived) = state.flights[index].phase else { return None };
                state.flights[index].phase = Phase::Read { record: state.store, at: state.now, arrived };
            }
            Action::DecideAndSwap(index) => self.decide_and_swap(&mut state, index)?,
            Action::ReadSql(index) => Self::read_sql(&mut state, index)?,
            Action::WriteSql(index) => {
                state.has_ended = true;
                state.store = None;
                state.flights[index].phase = Phase::Answered(None);
            }
            Action::Deliver(index) => Self::deliver(&mut state, index)?,
            Action::Lose(index) => {
                state.flights.remove(index);
                state.losses = state.losses.map(|left| left - 1);
            }
            Action::GiveUp(index) => state.flights[index].is_abandoned = true,
            Action::Wipe => {
                state.store = None;
                state.wipes -= 1;
            }
            Action::RollBack(to) => {
                state.store = Some(state.acknowledged[to]);
                state.acknowledged.truncate(to + 1);
                state.rollbacks -= 1;
            }
            Action::Logout => {
                state.has_ended = true;
                state.logouts -= 1;
            }
            Action::Steal(token) => state.loot = Some(token),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![Property::always("what has ended stays ended", |_, state: &State| {
            let is_given = |flight: &Flight| flight.sent_after_end && matches!(flight.phase, Phase::Answered(Some(_)));
            !state.flights.iter().any(is_given)
        })];
        if self.bounds.thefts == 0 {
            properties.push(Property::always("nobody is taken for a thief", |_, state: &State| {
                !state.flights.iter().any(|flight| flight.phase == Phase::Decided(Verdict::Reused))
            }));
        } else {
            properties.push(Property::always("at most one family is live", at_most_one_family_is_live));
            properties.push(Property::always(
                "a token is exchanged a limited number of times",
                no_token_is_exchanged_for_ever,
            ));
            properties.push(sighting!("a theft is found out", Verdict::Reused));
        }
        properties.push(sighting!("a rotation", Verdict::Rotated(_)));
        properties.push(sighting!("a replay", Verdict::Replayed(_)));
        if self.bounds.ticks > self.bounds.window {
            properties.push(sighting!("a late retry", Verdict::Retried(_)));
        }
        if self.bounds.wipes + self.bounds.rollbacks > 0 {
            properties.push(sighting!("an adoption", Verdict::Adopted(_)));
        }
        properties
    }
}

/// The first exchange, and as many late retries as are allowed. Nobody is given what is written for an ended session.
fn no_token_is_exchanged_for_ever(world: &World, state: &State) -> bool {
    let at_most = 1 + usize::from(if world.bounds.retries == 0 { u8::MAX } else { world.bounds.retries });
    let successors = |parent: &Presented| state.tokens.iter().filter(|token| token.family == parent.id).count();
    state.has_ended || state.tokens.iter().all(|parent| successors(parent) <= at_most)
}

/// Without losses, what each token would be worth once everything is old: a rotation for members of the newest family,
/// a retry for their parent, and nothing for all others. So the use of a member, which begins a new family, kills them.
fn at_most_one_family_is_live(world: &World, state: &State) -> bool {
    let Some(record) = state.store.as_ref().filter(|_| !state.has_ended) else { return true };
    let much_later = state.now + 1000;
    state.tokens.iter().all(|token| match world.decide(Some(record), token, much_later) {
        Outcome::Rotate(_) => token.family == record.lineage.family,
        Outcome::Retry(_) => token.id == record.lineage.family,
        Outcome::Reuse => true,
        Outcome::Replay | Outcome::Adopt(_) => false,
    })
}
