//! Requests that wait for newer keys.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// Lets any number of requests ask for one fetch, and no more than one per cooldown. The fetch belongs to the
/// background task: a request that is dropped does not cancel it.
pub(crate) struct Demand {
    cooldown: Duration,
    state: Mutex<State>,
    asked: Notify,
    /// The number of the last fetch that has ended, successful or not.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    last_asked: Option<Instant>,
    /// The number of the last fetch that has begun.
    begun: u64,
    /// The number of the fetch that was requested, until it has ended.
    awaited: Option<u64>,
}

impl Demand {
    pub(super) fn with_cooldown(cooldown: Duration) -> Self {
        Self { cooldown, state: Mutex::default(), asked: Notify::new(), ended: watch::Sender::new(0) }
    }

    /// Waits for the end of a fetch, if one was requested or may be; false if not.
    pub(crate) async fn newer_keys(&self) -> bool {
        let Some(awaited) = self.ask() else { return false };
        self.ended.subscribe().wait_for(|ended| *ended >= awaited).await.is_ok()
    }

    /// The number of the fetch to wait for. If one is under way that nobody requested, it is the next one: the current
    /// one may have been answered before the key was published.
    fn ask(&self) -> Option<u64> {
        let mut state = self.state();
        if state.awaited.is_some() {
            return state.awaited;
        }
        if state.last_asked.is_some_and(|asked| asked.elapsed() < self.cooldown) {
            return None;
        }
        state.last_asked = Some(Instant::now());
        state.awaited = Some(state.begun + 1);
        self.asked.notify_one();
        state.awaited
    }

    /// Requests a fetch without waiting for it, whatever the cooldown: for whoever knows that the keys have changed, and
    /// seldom asks.
    pub(crate) fn fetch_now(&self) {
        let mut state = self.state();
        if state.awaited.is_none() {
            state.awaited = Some(state.begun + 1);
            self.asked.notify_one();
        }
    }

    /// For the background task: returns when a fetch is requested.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// For the background task: a fetch begins. Returns whether it was requested.
    pub(super) fn fetch_begins(&self) -> bool {
        let mut state = self.state();
        state.begun += 1;
        state.awaited == Some(state.begun)
    }

    /// For the background task: the fetch has ended.
    pub(super) fn fetch_ended(&self) {
        let mut state = self.state();
        state.awaited = state.awaited.filter(|awaited| *awaited > state.begun);
        self.ended.send_replace(state.begun);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, future::join_all};
    use std::pin::pin;

    const LONG: Duration = Duration::from_secs(3600);

    /// Lets twenty requests ask at once, ends the fetch that they requested, if any, and counts those that waited for
    /// it.
    async fn twenty_at_once(demand: &Demand) -> usize {
        let mut requests = pin!(join_all((0..20).map(|_| demand.newer_keys())));
        if let Some(answers) = requests.as_mut().now_or_never() {
            return answers.into_iter().filter(|waited| *waited).count();
        }
        demand.asked().await;
        assert!(demand.fetch_begins(), "it is the one that they wait for");
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
    async fn requests_do_not_wait_for_a_fetch_that_was_already_under_way() {
        let demand = Demand::with_cooldown(LONG);
        assert!(!demand.fetch_begins(), "nobody has asked for it");
        let mut request = pin!(demand.newer_keys());
        assert!(request.as_mut().now_or_never().is_none());
        demand.fetch_ended();
        assert!(request.as_mut().now_or_never().is_none());
        assert_eq!(twenty_at_once(&demand).await, 20, "they wait for the same one");
        assert!(request.await);
    }

    #[actix_web::test]
    async fn nobody_waits_during_the_cooldown() {
        let demand = Demand::with_cooldown(LONG);
        twenty_at_once(&demand).await;
        assert_eq!(twenty_at_once(&demand).await, 0);
        assert!(!is_another_fetch_asked_for(&demand));
    }

    #[actix_web::test]
    async fn known_changes_are_fetched_during_the_cooldown_and_take_nothing_from_it() {
        let demand = Demand::with_cooldown(LONG);
        demand.fetch_now();
        demand.asked().await;
        assert!(demand.fetch_begins(), "it was requested");
        demand.fetch_ended();
        assert_eq!(twenty_at_once(&demand).await, 20, "tokens may still ask for one");
        demand.fetch_now();
        demand.fetch_now();
        assert_eq!(twenty_at_once(&demand).await, 20, "they wait for the one that is requested already");
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
    async fn a_request_that_is_dropped_does_not_cancel_the_fetch_for_the_others() {
        let demand = Demand::with_cooldown(LONG);
        assert!(demand.newer_keys().now_or_never().is_none());
        assert_eq!(twenty_at_once(&demand).await, 20);
        assert!(!is_another_fetch_asked_for(&demand));
    }
}
