//! Sessions that have ended, in each possible way, and try to come back.

use crate::{
    crowd::well_used,
    ledger::{Ledger, REFUSED, REVIVED},
};
use harness::{Http, Stack, Tokens, assert_problem, eventually, person::fresh_password};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

const RECOVERY: Duration = Duration::from_secs(20);

/// Tokens of sessions that have ended.
#[derive(Debug, Clone)]
pub struct Ended {
    tokens: Vec<Tokens>,
    door: Http,
    ledger: Arc<Ledger>,
}

impl Ended {
    /// Ends a session by logout, by logout-all, by its id, by a password change, by an admin, and by a theft.
    pub async fn begin(stack: &Stack, ledger: &Arc<Ledger>) -> Self {
        let (out, everywhere, mut named) = (stack.ada().await, stack.ada().await, stack.ada().await);
        let (changed, disabled, mut stolen) = (stack.ada().await, stack.ada().await, stack.ada().await);
        let (phone, other) = (named.another_device().await, changed.another_device().await);
        named.refresh().await;
        stack.auth.logout(&out.tokens).await.expect(204);
        stack.auth.logout_all(&everywhere.tokens).await.expect(204);
        stack.auth.end_session(&named.tokens, &phone.session_id).await.expect(204);
        stack.auth.change_password(&changed.tokens, &changed.password, &fresh_password()).await.expect(204);
        let admin = stack.admin().await;
        stack.auth.change_user(&admin.tokens, &disabled.id, &json!({ "disabled": true })).await.expect(200);
        let old = stolen.tokens.clone();
        well_used(&mut stolen).await;
        let mut tokens = vec![out.tokens, everywhere.tokens, phone, other, disabled.tokens, stolen.tokens.clone()];
        if stack.auth.refresh(&old).await.status == 401 {
            tokens.push(old);
        } else {
            // Within the replay window no theft is detected.
            stack.auth.logout(&stolen.tokens).await.expect(204);
        }
        Self { tokens, door: Http::clone(&stack.auth), ledger: Arc::clone(ledger) }
    }

    /// Adds what a run has ended itself.
    pub fn and(&mut self, tokens: Tokens) {
        self.tokens.push(tokens);
    }

    /// Tries to come back until the run is over.
    pub async fn haunt(self, is_over: Arc<AtomicBool>) {
        while !is_over.load(Ordering::Relaxed) {
            for tokens in &self.tokens {
                self.knock(tokens).await;
            }
            sleep(Duration::from_millis(fastrand::u64(20..80))).await;
        }
    }

    /// Tries once more with each, until it has an answer.
    ///
    /// # Panics
    /// When one does not get an answer within 20 s.
    pub async fn stay_ended(&self) {
        for tokens in &self.tokens {
            eventually("what has ended is refused", RECOVERY, async || self.knock(tokens).await.then_some(())).await;
        }
    }

    /// Whether there was an answer.
    async fn knock(&self, tokens: &Tokens) -> bool {
        let Ok(answer) = self.door.refresh_request(tokens).try_send().await else { return false };
        match answer.status {
            503 => return false,
            200 => self.ledger.incident(REVIVED, answer.to_string()),
            _ => {
                assert_problem(&answer, 401, "session_ended");
                self.ledger.add(REFUSED, 1);
            }
        }
        true
    }
}
