//! Mails to a mail server of somebody else's: aiosmtpd, which reads them with Python's own parser.

use crate::{
    peer::{Peer, Program},
    report::Report,
};
use harness::{Stack, assert_problem, person::fresh_password};
use serde_json::{Value, json};

const LIBRARY: &str = "aiosmtpd";

/// Has a forgotten password replaced, with the code as it arrives there.
pub(crate) async fn check(report: &mut Report) {
    let outcome = recovered().await;
    report.check(LIBRARY, "takes the mail of a forgotten password, whose code is good", outcome);
}

async fn recovered() -> Result<(), String> {
    let mut server = Program::Python("smtp.py", "").start(&[]);
    let (_, port) = server.ask("port").await?;
    let url = format!("smtp://jeton:p%40ss%3Aword@127.0.0.1:{port}");
    let stack = Stack::any()
        .auth("AUTH_SMTP_URL", &url)
        .auth("AUTH_MAIL_FROM", "Jeton Приклад <no-reply@example.com>")
        .auth("AUTH_REGISTRATION_PROOF", "off");
    let stack = stack.start_auth().await;
    let ada = stack.ada().await;
    let forgotten = json!({ "email": ada.email, "transport": "body" });
    let request = stack.auth.post("/auth/password/forgot").json(&forgotten).header("accept-language", "uk");
    let asked = request.send().await.expect(202);
    let mail = next(&mut server).await?;
    let wanted = json!({
        "user": "jeton", "from": "no-reply@example.com", "to": [ada.email],
        "sender": "Jeton Приклад <no-reply@example.com>", "subject": "Ваш код для нового пароля", "defects": [],
    });
    for (name, value) in wanted.as_object().expect("an object") {
        if mail[name] != *value {
            return Err(format!("{name} is {} instead of {value}", mail[name]));
        }
    }
    let text = mail["text"].as_str().unwrap_or_default();
    let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
    let code = text.lines().map(str::trim).find(is_code).ok_or("the text has no line with a code")?;
    if !mail["html"].as_str().is_some_and(|html| html.contains(code)) {
        return Err("the HTML lacks the code".to_owned());
    }
    let new = json!({
        "flow": asked["flow"], "flow_secret": asked["flow_secret"], "code": code, "new": fresh_password(), "transport": "body",
    });
    stack.auth.post("/auth/password/reset").json(&new).send().await.expect(200);
    let again = stack.auth.post("/auth/password/reset").json(&new).send().await;
    assert_problem(&again, 410, "code_spent");
    let notice = next(&mut server).await?;
    let is_notice = notice["subject"] == "Your password was changed";
    if is_notice { Ok(()) } else { Err(format!("the notice is {}", notice["subject"])) }
}

async fn next(server: &mut Peer) -> Result<Value, String> {
    let (_, mail) = server.ask("mail").await?;
    serde_json::from_str(&mail).map_err(|error| error.to_string())
}
