//! The database restored from a backup: readers begin again, and keep what they hold.

use super::feed::{Ended, Reader};
use harness::{Stack, Storage, Transport, postgres::Postgres};
use std::{fs, path::Path};

on_every_storage! {
    after_a_restore_readers_begin_again_and_no_number_is_repeated,
    after_a_restore_and_the_end_of_all_sessions_nobody_who_logs_in_is_refused,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("our own directory");
    for file in fs::read_dir(from).expect("our own directory") {
        let file = file.expect("an entry");
        fs::copy(file.path(), to.join(file.file_name())).expect("our own directory");
    }
}

/// Of a server, the database from which another is copied, and its name.
fn server(url: &str) -> (String, &str) {
    let (server, name) = url.rsplit_once('/').expect("a URL has a path");
    (format!("{server}/postgres"), name)
}

/// Copies what the database holds, while auth-service does not run.
fn back_up(stack: &Stack) {
    match stack.postgres_url() {
        Some(url) => {
            let (server, name) = server(&url);
            Postgres::execute(&server, &format!("CREATE DATABASE {name}_backup TEMPLATE {name}"));
        }
        None => copy(&stack.directory().join("data"), &stack.directory().join("backup")),
    }
}

/// Brings it back, as it was.
fn restore(stack: &Stack) {
    match stack.postgres_url() {
        Some(url) => {
            let (server, name) = server(&url);
            Postgres::execute(&server, &format!("DROP DATABASE {name}"));
            Postgres::execute(&server, &format!("CREATE DATABASE {name} TEMPLATE {name}_backup"));
        }
        None => {
            fs::remove_dir_all(stack.directory().join("data")).expect("our own directory");
            copy(&stack.directory().join("backup"), &stack.directory().join("data"));
        }
    }
}

async fn after_a_restore_readers_begin_again_and_no_number_is_repeated(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().start_auth().await;
    let (ada, bob, eve) = (stack.ada().await, stack.bob().await, stack.person("eve").await);
    let (lost, late) = (ada.another_device().await, eve.tokens);
    let mut reader = Reader::caught_up(&stack).await;
    stack.auth.logout(&ada.tokens).await.expect(204);
    reader.within_a_second(&stack.auth, "a logout", |held| held.refuses(&ada.tokens.access)).await;
    let kept = reader.cursor;
    stack.auth.stop();
    back_up(&stack);
    stack.auth.start().await;
    for tokens in [&lost, &bob.tokens] {
        stack.auth.logout_all(tokens).await.expect(204);
    }
    let both = |held: &Ended| held.refuses(&lost.access) && held.refuses(&bob.tokens.access);
    reader.within_a_second(&stack.auth, "a logout everywhere", both).await;
    let forgotten = reader.cursor;
    assert!(forgotten > kept);
    stack.auth.stop();
    restore(&stack);
    stack.auth.start().await;

    let page = reader.page(&stack.auth, reader.cursor, 15).await;
    assert_eq!((page.to, page.ended.len()), (kept, 0), "a reader learns at once that its cursor is of the future");
    reader.catch_up(&stack.auth).await;
    assert_eq!((reader.restarts, reader.cursor), (1, kept));
    assert!(reader.held.refuses(&lost.access) && reader.held.refuses(&ada.tokens.access), "nothing is forgotten");

    stack.auth.logout(&late).await.expect(204);
    reader.within_a_second(&stack.auth, "a logout", |held| held.refuses(&late.access)).await;
    assert!(reader.cursor > forgotten, "{} was given before: up to {forgotten}", reader.cursor);

    // A reader that did not ask in between has missed nothing either.
    let mut absent = Reader::of(&stack);
    absent.cursor = forgotten;
    absent.catch_up(&stack.auth).await;
    assert!(absent.held.refuses(&late.access) && absent.restarts == 0);
}

/// What `sessions end-all` is for: what was ended after the backup would be valid again.
async fn after_a_restore_and_the_end_of_all_sessions_nobody_who_logs_in_is_refused(storage: Storage) {
    let mut stack = Stack::on(storage).unlimited().start_auth().await;
    let (ada, bob) = (stack.ada().await, stack.bob().await);
    stack.auth.stop();
    back_up(&stack);
    stack.auth.start().await;
    let mut reader = Reader::caught_up(&stack).await;
    for _ in 0..3 {
        stack.auth.logout_all(&ada.another_device().await).await.expect(204);
    }
    reader.within_a_second(&stack.auth, "a logout everywhere", |held| held.refuses(&ada.tokens.access)).await;
    stack.auth.stop();
    restore(&stack);
    stack.auth.start().await;
    assert_eq!(stack.auth.command(&["sessions", "end-all"]).ended().await.code, Some(0));
    reader.within_a_second(&stack.auth, "the end of all", |held| held.refuses(&bob.tokens.access)).await;
    for person in [&ada, &bob] {
        let again = stack.auth.login(&person.email, &person.password, Transport::Body).await.tokens();
        reader.catch_up(&stack.auth).await;
        assert!(!reader.held.refuses(&again.access), "{}: {:?}", again.claims(), reader.held);
        stack.auth.me(&again).await.expect(200);
        stack.auth.logout_all(&again).await.expect(204);
        reader.within_a_second(&stack.auth, "a logout everywhere", |held| held.refuses(&again.access)).await;
    }
}
