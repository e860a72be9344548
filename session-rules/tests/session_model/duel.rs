//! A victim and a thief who both go on refreshing, each refresh later than the window after the one before it.

use session_rules::{Lineage, Outcome, Policy, Presented, Row, decide_by};
use shared::{clock::Timestamp, ids::TokenId};
use stateright::{Model, Property};
use std::time::Duration;

const POLICY: Policy = Policy { replay_window: Duration::from_secs(1), late_retries: 2 };

pub struct Duel {
    pub table: Vec<Row>,
    pub steps: u8,
    pub store_losses: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    Victim,
    Thief,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    steps: u8,
    record: Option<Lineage>,
    acknowledged: Vec<Lineage>,
    tokens: Vec<Presented>,
    victim: usize,
    thief: Option<usize>,
    has_ended: bool,
    /// How often each has refreshed since the theft.
    refreshes: [u8; 2],
    /// How often the one has refreshed after the other, since the theft or the store's last loss, and who was last.
    turns: u8,
    last: Option<Party>,
    losses: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Refresh(Party),
    /// A refresh whose response is lost.
    RefreshInVain(Party),
    Steal(usize),
    Wipe,
    RollBack(usize),
}

impl State {
    fn lose(&mut self) {
        self.losses -= 1;
        self.turns = 0;
        self.last = None;
    }
}

impl Duel {
    fn refresh(&self, state: &mut State, party: Party, is_received: bool) -> Option<()> {
        let holder = if party == Party::Victim { state.victim } else { state.thief? };
        // Every step is later than the window after the one before.
        let now = Timestamp::from_secs(i64::from(state.steps) * 10);
        match decide_by(&self.table, state.record.as_ref(), &state.tokens[holder], now, &POLICY) {
            Outcome::Rotate(next) | Outcome::Retry(next) | Outcome::Adopt(next) => {
                let token = state.tokens.len();
                let id = TokenId::from_u128(token as u128 + 1);
                state.tokens.push(Presented { id, family: next.family, generation: next.generation, issued_at: now });
                state.record = Some(next);
                state.acknowledged.push(next);
                if is_received && party == Party::Victim {
                    state.victim = token;
                } else if is_received {
                    state.thief = Some(token);
                }
            }
            Outcome::Reuse => state.has_ended = true,
            Outcome::Replay => return None,
        }
        if state.thief.is_some() && is_received {
            state.refreshes[party as usize] += 1;
            state.turns += u8::from(state.last != Some(party));
            state.last = Some(party);
        }
        Some(())
    }
}

impl Model for Duel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let family = TokenId::from_u128(1000);
        let login = Lineage::begin(family);
        vec![State {
            steps: 0,
            record: Some(login),
            acknowledged: vec![login],
            tokens: vec![Presented {
                id: TokenId::from_u128(1),
                family,
                generation: 1,
                issued_at: Timestamp::from_secs(0),
            }],
            victim: 0,
            thief: None,
            has_ended: false,
            refreshes: [0; 2],
            turns: 0,
            last: None,
            losses: self.store_losses,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.has_ended || state.steps == self.steps {
            return;
        }
        for party in [Party::Victim, Party::Thief] {
            actions.extend([Action::Refresh(party), Action::RefreshInVain(party)]);
        }
        if state.thief.is_none() {
            actions.extend((0..state.tokens.len()).map(Action::Steal));
        }
        if state.losses > 0 {
            actions.push(Action::Wipe);
            actions.extend((0..state.acknowledged.len().saturating_sub(1)).map(Action::RollBack));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.steps += 1;
        match action {
            Action::Refresh(party) => self.refresh(&mut state, party, true)?,
            Action::RefreshInVain(party) => self.refresh(&mut state, party, false)?,
            Action::Steal(token) => state.thief = Some(token),
            Action::Wipe => {
                state.record = None;
                state.lose();
            }
            Action::RollBack(to) => {
                state.record = Some(state.acknowledged[to]);
                state.acknowledged.truncate(to + 1);
                state.lose();
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "the session has ended by the second refresh of the slower one",
                |duel: &Duel, state: &State| {
                    let has_lost = state.losses < duel.store_losses;
                    state.has_ended || has_lost || state.refreshes.iter().any(|count| *count < 2)
                },
            ),
            // Whoever comes first, then the other, then the first again, then the other: the fourth turn never comes.
            Property::always("after losses, the session has ended by the fourth turn", |_, state: &State| {
                state.has_ended || state.turns < 4
            }),
            Property::sometimes("a theft is found out after losses", |duel: &Duel, state: &State| {
                state.has_ended && state.thief.is_some() && state.losses < duel.store_losses
            }),
            Property::sometimes("the slower one gets one refresh", |_, state: &State| {
                state.thief.is_some() && !state.has_ended && state.refreshes.iter().all(|count| *count >= 1)
            }),
        ]
    }
}
