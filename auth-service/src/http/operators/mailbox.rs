//! `GET /mailbox`: the mails that are kept where there is no mail server. They may hold codes that let somebody in, so
//! they are shown to this machine only: elsewhere, `auth-service mail list` and `mail show` need what the service has.

use crate::{
    http::{
        State,
        answer::error::{mailbox_is_local, mailbox_not_in_use},
        request::client::peer,
    },
    mailing::Shown,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use serde_json::{Value, json};
use shared::{
    ids::MailId,
    problem::{Problem, not_found},
};
use std::{fmt, net::IpAddr};
use url::Host;

/// No script and nothing from elsewhere. What mails look like is written in their tags.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    td,th{text-align:left;padding:.25rem 1rem .25rem 0;vertical-align:top}\
    pre{white-space:pre-wrap;background:#f4f4f5;padding:1rem}iframe{width:100%;height:32rem;border:1px solid #ddd}";

/// All of them, as a page or as JSON.
pub async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    admit(&request, &state)?;
    let mails = state.mailbox.list().await?;
    if wants_json(&request) {
        return Ok(HttpResponse::Ok().json(json!({ "mails": mails.iter().map(as_json).collect::<Vec<_>>() })));
    }
    let mut rows = String::new();
    for Shown { mail, rendered } in &mails {
        rows += &format!(
            "<tr><td>{}<td>{}<td><a href=\"/mailbox/{}\">{}</a>",
            mail.created_at.rfc3339(),
            Escaped(mail.to.as_str()),
            mail.id,
            Escaped(&rendered.subject)
        );
    }
    let none = if mails.is_empty() { "<p>There are none yet." } else { "" };
    let hint = "<p>Without AUTH_SMTP_URL, mails are kept here instead of being sent: the last 100, for a week.";
    let table = format!("<table><tr><th>Written<th>To<th>Subject{rows}</table>");
    Ok(page("Mailbox", &format!("<h1>Mailbox</h1>{hint}{table}{none}")))
}

/// One of them.
pub async fn show(request: HttpRequest, state: Data<State>, id: Path<MailId>) -> Result<HttpResponse, Problem> {
    admit(&request, &state)?;
    let shown = state.mailbox.find(*id).await?.ok_or_else(not_found)?;
    if wants_json(&request) {
        return Ok(HttpResponse::Ok().json(as_json(&shown)));
    }
    let Shown { mail, rendered } = &shown;
    let head = [
        ("From", state.mailbox.from()),
        ("To", mail.to.to_string()),
        ("Written", mail.created_at.rfc3339()),
        ("Kind", mail.kind.to_string()),
    ];
    let head: String = head.iter().map(|(name, value)| format!("<tr><th>{name}<td>{}", Escaped(value))).collect();
    // Whatever a template contains runs no script and reaches nothing of this page; links open beside it.
    let html = format!("<base target=\"_blank\">{}", *rendered.html);
    let body = format!(
        "<p><a href=\"/mailbox\">Mailbox</a><h1>{}</h1><table>{head}</table><h2>Plain text</h2><pre>{}</pre>\
         <h2>HTML</h2><iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" srcdoc=\"{}\"></iframe>",
        Escaped(&rendered.subject),
        Escaped(&rendered.text),
        Escaped(&html)
    );
    Ok(page(&rendered.subject, &body))
}

/// Only this machine may look, and no page of elsewhere: one could have its own name resolved to this machine.
fn admit(request: &HttpRequest, state: &State) -> Result<(), Problem> {
    if !state.mailbox.is_in_use() {
        return Err(mailbox_not_in_use());
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if peer(request).is_loopback() && names_this_machine(host) {
        return Ok(());
    }
    Err(mailbox_is_local())
}

/// `localhost` or an address, with or without a port.
fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    match Host::parse(name) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Ok(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        Err(_) => false,
    }
}

fn wants_json(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("application/json"))
}

fn as_json(shown: &Shown) -> Value {
    let Shown { mail, rendered } = shown;
    json!({
        "id": mail.id,
        "kind": mail.kind.name(),
        "to": mail.to.as_str(),
        "language": mail.language.code(),
        "created_at": mail.created_at.rfc3339(),
        "subject": rendered.subject,
        "text": *rendered.text,
        "html": *rendered.html,
    })
}

fn page(title: &str, body: &str) -> HttpResponse {
    let title = Escaped(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>{body}</html>"
    );
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(html)
}

/// A text within HTML, also within a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter => write!(f, "{letter}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        for host in ["localhost", "localhost:9080", "127.0.0.1:9080", "127.9.9.9", "[::1]", "[::1]:9080"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example:9080", "10.0.0.1:9080", "[2001:db8::1]:9080", "::1"] {
            assert!(!names_this_machine(host), "{host}");
        }
    }

    #[test]
    fn no_text_leaves_its_place_in_a_page() {
        assert_eq!(Escaped("<a href=\"x\">'&'").to_string(), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
    }
}
