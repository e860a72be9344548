//! A conversation with the mail server.

use super::server::{MailServer, Security};
use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::Mechanism,
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};
use std::{error::Error as _, fmt, time::Duration};
use tokio::time::timeout;

/// How long each command may take.
const COMMAND: Duration = Duration::from_secs(10);

/// How long a message may take: three commands, and the message itself.
const MESSAGE: Duration = Duration::from_secs(30);

/// How much of what the server says is kept.
const SAID_CHARS: usize = 300;

/// A step of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The connection, with its TLS if there is no STARTTLS, and the greeting.
    Connect,
    /// STARTTLS.
    StartTls,
    /// The user and the password.
    LogIn,
    /// A message.
    Send,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::StartTls => "STARTTLS",
            Self::LogIn => "log in",
            Self::Send => "send",
        })
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {reason}")]
pub struct Failure {
    /// The step.
    pub step: Step,
    /// What the server said, or what happened.
    pub reason: String,
    /// Whether the server has refused the message for good. Whatever is wrong before it is sent can be set right.
    pub is_final: bool,
}

/// An open conversation.
pub struct Session(AsyncSmtpConnection);

impl Session {
    /// Connects, secures the connection and logs in, and reports each step that is done.
    ///
    /// # Errors
    /// [`Failure`]: nothing was sent.
    pub(super) async fn open(
        server: &MailServer,
        hello: &ClientId,
        mut done: impl FnMut(Step),
    ) -> Result<Self, Failure> {
        let tls = || TlsParameters::new(server.host.clone()).map_err(|error| failure(Step::Connect, &error));
        let outer = if server.security == Security::Tls { Some(tls()?) } else { None };
        let place = (server.host.as_str(), server.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(place, Some(COMMAND), hello, outer, None);
        let mut connection = within(COMMAND, Step::Connect, connecting).await?;
        done(Step::Connect);
        if server.security == Security::StartTls {
            within(COMMAND, Step::StartTls, connection.starttls(tls()?, hello)).await?;
            done(Step::StartTls);
        }
        if let Some(credentials) = &server.credentials {
            let logging_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            within(COMMAND, Step::LogIn, logging_in).await?;
            done(Step::LogIn);
        }
        Ok(Self(connection))
    }

    /// Sends a message; returns what the server said. After a failure, the conversation is over.
    ///
    /// # Errors
    /// [`Failure`]. If the answer is lost, the message may have been delivered all the same.
    pub async fn send(&mut self, message: &Message) -> Result<String, Failure> {
        let (envelope, bytes) = (message.envelope(), message.formatted());
        let said = within(MESSAGE, Step::Send, self.0.send(envelope, &bytes)).await?;
        Ok(shortened(&said.message().collect::<Vec<_>>().join(" ")))
    }

    /// Takes leave, if the server still listens.
    pub async fn close(mut self) {
        drop(timeout(COMMAND, self.0.quit()).await);
    }
}

async fn within<T>(
    patience: Duration,
    step: Step,
    doing: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    match timeout(patience, doing).await {
        Ok(outcome) => outcome.map_err(|error| failure(step, &error)),
        Err(_) => {
            let reason = format!("no answer within {} s", patience.as_secs());
            Err(Failure { step, reason, is_final: false })
        }
    }
}

fn failure(step: Step, error: &Error) -> Failure {
    // The sources say what was wrong with a certificate or a connection.
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !reason.contains(&said) {
            reason = format!("{reason}: {said}");
        }
        source = cause.source();
    }
    Failure { step, reason: shortened(&reason), is_final: step == Step::Send && error.is_permanent() }
}

/// Without line ends and other control characters.
fn shortened(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(SAID_CHARS).collect()
}
