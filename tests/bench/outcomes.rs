//! What happened, as the service itself counts it: a measurement is worth nothing if something else than what it names was done.

use harness::service::Service;
use std::collections::BTreeMap;

/// How often a refresh has had each outcome so far.
#[derive(Debug)]
pub(crate) struct Outcomes(BTreeMap<String, u64>);

impl Outcomes {
    /// Of a running auth-service.
    pub(crate) async fn of(auth: &Service) -> Self {
        let metrics = auth.admin_address().get("/metrics").send().await.expect(200);
        let counted = metrics.body.lines().filter_map(|line| {
            let (outcome, count) = line.strip_prefix("jeton_refreshes_total{outcome=\"")?.split_once("\"} ")?;
            Some((outcome.to_owned(), count.parse().expect("a count")))
        });
        Self(counted.collect())
    }

    /// Makes sure that this has happened so often since, and nothing else.
    ///
    /// # Panics
    /// When it has not.
    pub(crate) async fn assert_since(self, auth: &Service, outcome: &str, times: usize) {
        let Self(now) = Self::of(auth).await;
        let risen = now.iter().filter_map(|(outcome, count)| {
            let rise = count - self.0.get(outcome).copied().unwrap_or_default();
            (rise > 0).then_some((outcome.as_str(), rise))
        });
        let risen: BTreeMap<&str, u64> = risen.collect();
        assert_eq!(risen, BTreeMap::from([(outcome, times as u64)]), "what was measured is not what it is called");
    }
}
