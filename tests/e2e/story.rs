//! The whole story: register, log in, read, be refused, get another role, refresh, write, refresh, log out.

use harness::{
    Stack, Storage, Transport, assert_problem,
    person::{fresh_email, fresh_password},
};
use serde_json::json;

on_every_storage! { a_program_lives_through_the_whole_story, a_browser_lives_through_the_whole_story }

async fn a_program_lives_through_the_whole_story(storage: Storage) {
    the_whole_story(storage, Transport::Body).await;
}

async fn a_browser_lives_through_the_whole_story(storage: Storage) {
    the_whole_story(storage, Transport::Cookie).await;
}

async fn the_whole_story(storage: Storage, transport: Transport) {
    let stack = Stack::on(storage).start().await;
    let admin = stack.admin().await;
    let book = stack.resource.add_book(&admin.tokens, "The Analytical Engine").await.expect(201).id();

    let (email, password) = (fresh_email("ada"), fresh_password());
    let ada = stack.auth.register(&email, &password).await.expect(201);
    assert_eq!((&ada["email"], &ada["roles"]), (&json!(email), &json!(["reader"])), "{ada}");

    let tokens = stack.auth.login(&email, &password, transport).await.tokens();
    let whoami = stack.resource.whoami(&tokens).await.expect(200);
    assert_eq!(whoami["sub"], ada["id"], "{whoami}");
    assert_eq!(whoami["sid"], tokens.session_id, "{whoami}");
    assert_eq!((&whoami["roles"], &whoami["scope"]), (&json!(["reader"]), &json!("books:read")), "{whoami}");

    let books = stack.resource.books(&tokens).await.expect(200);
    assert!(books.body.contains("The Analytical Engine"), "{books}");
    let refused = stack.resource.append(&tokens, &book, "Note G", "Bernoulli numbers").await;
    assert_problem(&refused, 403, "insufficient_scope");
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{refused}");
    assert!(challenge.contains(r#"scope="books:write""#), "{refused}");

    let promoted = stack.auth.change_user(&admin.tokens, &ada.id(), &json!({ "roles": ["author"] })).await;
    assert_eq!(promoted.expect(200)["roles"], json!(["author"]));
    let still_refused = stack.resource.append(&tokens, &book, "Note G", "Bernoulli numbers").await;
    assert_problem(&still_refused, 403, "insufficient_scope");

    let refreshed = stack.auth.refresh(&tokens).await.tokens();
    assert_ne!(refreshed.refresh, tokens.refresh);
    assert_eq!((&refreshed.session_id, &refreshed.csrf), (&tokens.session_id, &tokens.csrf));
    let chapter = stack.resource.append(&refreshed, &book, "Note G", "Bernoulli numbers").await.expect(201);
    assert_eq!(chapter["title"], "Note G", "{chapter}");
    let read = stack.resource.book(&refreshed, &book).await.expect(200);
    assert!(read.body.contains("Note G"), "{read}");

    let refreshed = stack.auth.refresh(&refreshed).await.tokens();
    for _ in 0..2 {
        let goodbye = stack.auth.logout(&refreshed).await;
        assert_eq!((goodbye.status, goodbye.body.as_str()), (204, ""), "{goodbye}");
    }
    assert_problem(&stack.auth.refresh(&refreshed).await, 401, "session_ended");
}
