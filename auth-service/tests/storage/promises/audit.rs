//! What the table of audit events promises.

use crate::samples::{event, now};
use auth_service::domain::audit::{Action, AuditLog, AuditQuery, Event};
use shared::ids::{SessionId, UserId};
use sqlx::{AnyConnection, Connection as _, raw_sql};
use std::time::Duration;

pub async fn events_are_read_back_unchanged_the_newest_first(store: &impl AuditLog) {
    let sub = UserId::fresh();
    let full = event(Action::RefreshReuse)
        .to(sub)
        .about(SessionId::fresh())
        .by(UserId::fresh())
        .with("quoted", "\"♥\" \u{0}")
        .with("number", 7);
    let full = Event { ip: Some("2001:db8::1".to_owned()), user_agent: Some("Фокс/1.0 '".to_owned()), ..full };
    let bare = event(Action::Login).failed().to(sub);
    store.append(&full).await.unwrap();
    store.append(&bare).await.unwrap();
    assert_eq!(events(store, AuditQuery { sub: Some(sub), ..any() }).await, [bare, full]);
}

pub async fn events_are_found_by_each_condition(store: &impl AuditLog) {
    let (sub, sid) = (UserId::fresh(), SessionId::fresh());
    let begun = now();
    let at = |seconds: u64| begun.plus(Duration::from_secs(seconds));
    let first = Event::new(Action::Login, at(0)).to(sub).about(sid);
    let second = Event::new(Action::Login, at(1)).to(sub).failed();
    let third = Event::new(Action::Logout, at(2)).to(sub).about(sid);
    let other = Event::new(Action::Login, at(1)).to(UserId::fresh());
    for event in [&first, &second, &third, &other] {
        store.append(event).await.unwrap();
    }
    let of_user = || AuditQuery { sub: Some(sub), ..any() };
    for (query, expected) in [
        (of_user(), vec![&third, &second, &first]),
        (AuditQuery { sid: Some(sid), ..any() }, vec![&third, &first]),
        (AuditQuery { action: Some(Action::Login), ..of_user() }, vec![&second, &first]),
        (AuditQuery { is_success: Some(false), ..of_user() }, vec![&second]),
        (AuditQuery { is_success: Some(true), ..of_user() }, vec![&third, &first]),
        (AuditQuery { since: Some(at(1)), ..of_user() }, vec![&third, &second]),
        (AuditQuery { until: Some(at(1)), ..of_user() }, vec![&first]),
        (AuditQuery { sub: Some(UserId::fresh()), ..any() }, vec![]),
    ] {
        assert_eq!(events(store, query.clone()).await.iter().collect::<Vec<_>>(), expected, "{query:?}");
    }
}

pub async fn pages_of_events_follow_one_another(store: &impl AuditLog) {
    let sub = UserId::fresh();
    let mut expected = Vec::new();
    for _ in 0..5 {
        let event = event(Action::Login).to(sub);
        store.append(&event).await.unwrap();
        expected.insert(0, event);
    }
    let mut seen = Vec::new();
    loop {
        let before = seen.last().map(|event: &Event| event.id);
        let page = events(store, AuditQuery { sub: Some(sub), before, limit: 2, ..any() }).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

pub async fn old_events_are_forgotten_in_bounded_batches(store: &impl AuditLog) {
    let sub = UserId::fresh();
    let long_ago = now().minus(Duration::from_secs(3600));
    for _ in 0..3 {
        store.append(&Event::new(Action::Login, long_ago).to(sub)).await.unwrap();
    }
    let recent = event(Action::Login).to(sub);
    store.append(&recent).await.unwrap();
    let before = now().minus(Duration::from_secs(60));
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        forgotten.push(store.forget_events(before, 2).await.unwrap());
    }
    assert_eq!(forgotten, [2, 1, 0]);
    assert_eq!(events(store, AuditQuery { sub: Some(sub), ..any() }).await, [recent]);
}

pub async fn an_event_that_is_recorded_again_is_stored_once(store: &impl AuditLog) {
    let sub = UserId::fresh();
    let noted = event(Action::RefreshElsewhere).to(sub).with("differs", vec!["network"]);
    assert!(store.append_once(&noted).await.unwrap());
    assert!(!store.append_once(&noted).await.unwrap());
    let again = Event { id: noted.id, ..event(Action::RefreshElsewhere).to(sub) };
    assert!(!store.append_once(&again).await.unwrap());
    assert_eq!(events(store, AuditQuery { sub: Some(sub), ..any() }).await, [noted]);
}

pub async fn the_incidents_of_a_user_are_thefts_and_possible_thefts(store: &impl AuditLog) {
    let sub = UserId::fresh();
    let mut expected = Vec::new();
    for action in Action::ALL {
        let event = event(*action).to(sub);
        store.append(&event).await.unwrap();
        if matches!(action, Action::RefreshReuse | Action::RefreshElsewhere) {
            expected.insert(0, event);
        }
    }
    store.append(&event(Action::RefreshReuse).to(UserId::fresh())).await.unwrap();
    assert_eq!(store.incidents(sub, 10).await.unwrap(), expected);
    assert_eq!(store.incidents(sub, 1).await.unwrap(), expected[..1]);
}

fn any() -> AuditQuery {
    AuditQuery { limit: 100, ..AuditQuery::default() }
}

async fn events(store: &impl AuditLog, query: AuditQuery) -> Vec<Event> {
    store.events(&query).await.unwrap()
}

/// Not even by other programs on the database at `url`.
pub async fn no_event_can_be_changed(store: &impl AuditLog, url: &str) {
    let event = event(Action::Login).failed().to(UserId::fresh());
    store.append(&event).await.unwrap();
    let mut other = AnyConnection::connect(url).await.unwrap();
    let change = raw_sql("UPDATE audit SET result = 'success'").execute(&mut other).await;
    assert!(change.unwrap_err().to_string().contains("never changed"));
    assert_eq!(events(store, AuditQuery { sub: event.sub, ..any() }).await, [event]);
}
