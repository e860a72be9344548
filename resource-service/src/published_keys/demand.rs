//! Requests that wait for newer keys.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// Lets any number of requests ask for one fetch, and no more than one per cooldown. The fetch belongs to the
/// background task: a request that is given up takes nothing with it.
pub(super) struct Demand {
    cooldown: Duration,
    state: Mutex<State>,
    asked: Notify,
    /// Changes whenever a fetch has ended, well or badly.
    ended: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    last_asked: Option<Instant>,
    is_waited_for: bool,
}

impl Demand {
    pub(super) fn with_cooldown(cooldown: Duration) -> Self {
        Self { cooldown, state: Mutex::default(), asked: Notify::new(), ended: watch::Sender::new(()) }
    }

    /// Waits for a fetch to end, if one is under way or may be asked for; false if not.
    pub(super) async fn newer_keys(&self) -> bool {
        let Some(mut ended) = self.ask() else { return false };
        ended.changed().await.is_ok()
    }

    fn ask(&self) -> Option<watch::Receiver<()>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = self.ended.subscribe();
        if state.is_waited_for {
            return Some(ended);
        }
        if state.last_asked.is_some_and(|asked| asked.elapsed() < self.cooldown) {
            return None;
        }
        *state = State { last_asked: Some(Instant::now()), is_waited_for: true };
        self.asked.notify_one();
        Some(ended)
    }

    /// For the background task: returns when a fetch is asked for.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// For the background task: a fetch has ended.
    pub(super) fn fetch_ended(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_waited_for = false;
        self.ended.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, future::join_all};
    use std::pin::pin;

    const LONG: Duration = Duration::from_secs(3600);

    /// Lets twenty requests ask at once, ends the fetch that they asked for, if any, and counts who waited for it.
    async fn twenty_at_once(demand: &Demand) -> usize {
        let mut requests = pin!(join_all((0..20).map(|_| demand.newer_keys())));
        if let Some(answers) = requests.as_mut().now_or_never() {
            return answers.into_iter().filter(|waited| *waited).count();
        }
        demand.asked().await;
        demand.fetch_ended();
        requests.await.into_iter().filter(|waited| *waited).count()
    }

    fn is_another_fetch_asked_for(demand: &Demand) -> bool {
        demand.asked().now_or_never().is_some()
    }

    #[actix_web::test]
    async fn requests_that_come_together_wait_for_one_fetch() {
        let demand = Demand::with_cooldown(LONG);
        assert_eq!(twenty_at_once(&demand).await, 20);
        assert!(!is_another_fetch_asked_for(&demand));
    }

    #[actix_web::test]
    async fn nobody_waits_during_the_cooldown() {
        let demand = Demand::with_cooldown(LONG);
        twenty_at_once(&demand).await;
        assert_eq!(twenty_at_once(&demand).await, 0);
        assert!(!is_another_fetch_asked_for(&demand));
    }

    #[actix_web::test]
    async fn after_the_cooldown_one_more_fetch_is_asked_for() {
        let demand = Demand::with_cooldown(Duration::ZERO);
        assert_eq!(twenty_at_once(&demand).await, 20);
        assert_eq!(twenty_at_once(&demand).await, 20);
        assert!(!is_another_fetch_asked_for(&demand));
    }

    #[actix_web::test]
    async fn a_request_that_is_given_up_leaves_the_fetch_to_the_others() {
        let demand = Demand::with_cooldown(LONG);
        assert!(demand.newer_keys().now_or_never().is_none());
        assert_eq!(twenty_at_once(&demand).await, 20);
        assert!(!is_another_fetch_asked_for(&demand));
    }
}
