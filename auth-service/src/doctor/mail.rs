//! The mail server: connects and logs in, and sends nothing.

use super::Finding;
use crate::mailing::{Sending, Step};
use std::time::Duration;
use tokio::time::timeout;

/// How long the server may take, so that the doctor ends in time.
const PATIENCE: Duration = Duration::from_secs(8);

/// Tries the mail server.
pub(super) async fn look(sending: &Sending) -> Finding {
    let Some(server) = &sending.server else {
        return Finding::note(
            "AUTH_SMTP_URL is not set: mails are kept in a mailbox for operators, and users get none (docs/mail.md)",
        );
    };
    let (name, mut steps) = (server.name(), Vec::new());
    let opened = timeout(PATIENCE, sending.sender.converse(server, |step| steps.push(step))).await;
    let reason = match opened {
        Ok(Ok(session)) => {
            session.close().await;
            return accepted(&name, &steps, sending.sender.from.email.domain());
        }
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    Finding::error(format!(
        "AUTH_SMTP_URL: the mail server {name} cannot be used ({reason}): mails wait until it can, codes no longer than they are valid"
    ))
}

fn accepted(name: &str, steps: &[Step], domain: &str) -> Finding {
    let steps = steps.iter().map(Step::to_string).collect::<Vec<_>>().join(", ");
    Finding::ok(format!(
        "the mail server {name} answers ({steps}); nothing was sent: `auth-service mail test` does. So that mails are not taken for spam, the SPF, DKIM and DMARC records of {domain} must allow it"
    ))
}
