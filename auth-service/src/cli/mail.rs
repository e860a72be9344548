//! `mail …`.

use super::{
    Failure,
    report::{Report, printable},
};
use auth_service::{
    app::Installation,
    domain::{accounts::EmailAddress, mail::Listed},
    mailing::{MailServer, Rendered, Sending, Session},
};
use clap::ArgMatches;
use serde_json::{Value, json};
use shared::{
    clock::{Clock as _, SystemClock},
    ids::MailId,
};

/// How many mails are listed.
const MOST: u32 = 100;

/// Lists the latest mails that wait, or were not delivered.
pub async fn list(installation: &Installation) -> Result<Report, Failure> {
    let mails = installation.outbox().listed(MOST).await.map_err(|error| error.to_string())?;
    let head = format!("{:<36}  {:<20}  {:<10}  {:<23}  TO, LAST ERROR", "ID", "WRITTEN", "STATE", "KIND");
    let text = std::iter::once(head).chain(mails.iter().map(line)).collect::<Vec<_>>().join("\n");
    Ok(Report { text, json: json!({ "mails": mails.iter().map(as_json).collect::<Vec<Value>>() }) })
}

/// Shows a mail of the mailbox: the newest one, unless another is named.
pub async fn show(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let mailbox = installation.mailbox();
    let shown = match arguments.get_one::<MailId>("id") {
        Some(id) => mailbox
            .find(*id)
            .await
            .map_err(|error| error.to_string())?
            .ok_or_else(|| format!("there is no mail {id} in the mailbox: `auth-service mail list` shows them"))?,
        None => {
            let mails = mailbox.list().await.map_err(|error| error.to_string())?;
            mails.into_iter().next().ok_or_else(|| "there is no mail in the mailbox".to_owned())?
        }
    };
    let id = shown.mail.id;
    let Rendered { subject, text, html } = &shown.rendered;
    let json = json!({
        "id": id, "kind": shown.mail.kind.name(), "to": shown.mail.to.as_str(),
        "created_at": shown.mail.created_at.rfc3339(), "subject": subject, "text": **text, "html": **html,
    });
    Ok(Report { text: format!("To:      {}\nSubject: {subject}\n\n{}", shown.mail.to, text.trim_end()), json })
}

/// Sends a mail at once.
pub async fn test(sending: &Sending, arguments: &ArgMatches) -> Result<Report, Failure> {
    let to = arguments.get_one::<String>("to").map(String::as_str).unwrap_or_default();
    let to = EmailAddress::parse(to).map_err(|error| format!("--to: {error}"))?;
    let server =
        sending.server.as_ref().ok_or_else(|| "AUTH_SMTP_URL is not set: there is no mail server to try".to_owned())?;
    let mut steps = Vec::new();
    match conversation(sending, server, &to, &mut steps).await {
        Ok(said) => {
            steps.push(format!("sent      the server said: {}", printable(&said)));
            let json = json!({ "server": server.name(), "to": to.as_str(), "answer": said });
            Ok(Report { text: steps.join("\n"), json })
        }
        Err(reason) => {
            steps.push(format!("failed    {}", printable(&reason)));
            Err(steps.join("\n").into())
        }
    }
}

async fn conversation(
    sending: &Sending,
    server: &MailServer,
    to: &EmailAddress,
    steps: &mut Vec<String>,
) -> Result<String, String> {
    let mail = Rendered {
        subject: "A test of mails".to_owned(),
        text: "If you can read this, mails arrive.\n".to_owned().into(),
        html: "<p>If you can read this, mails arrive.</p>\n".to_owned().into(),
    };
    let message = sending.sender.message(MailId::fresh(), SystemClock.now(), to, &mail)?;
    let session = sending.sender.converse(server, |step| steps.push(format!("done      {step}, {}", server.name())));
    let mut session: Session = session.await.map_err(|failure| failure.to_string())?;
    let said = session.send(&message).await.map_err(|failure| failure.to_string())?;
    session.close().await;
    Ok(said)
}

fn line(mail: &Listed) -> String {
    let (state, kind) = (state(mail), mail.kind.name());
    let error = mail.last_error.as_deref().map(|error| format!("  {}", printable(error))).unwrap_or_default();
    format!("{}  {:<20}  {state:<10}  {kind:<23}  {}{error}", mail.id, mail.created_at.rfc3339(), mail.to)
}

fn as_json(mail: &Listed) -> Value {
    json!({
        "id": mail.id,
        "kind": mail.kind.name(),
        "to": mail.to.as_str(),
        "state": state(mail),
        "created_at": mail.created_at.rfc3339(),
        "attempts": mail.attempts,
        "last_error": mail.last_error,
    })
}

fn state(mail: &Listed) -> &'static str {
    mail.outcome.map_or("waiting", |outcome| outcome.name())
}
