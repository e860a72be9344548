//! The books, and the answers for gateways.

use harness::{Person, Stack, assert_problem, forge};
use serde_json::json;

async fn an_author(stack: &Stack) -> Person {
    let (admin, mut author) = (stack.admin().await, stack.ada().await);
    let change = json!({ "roles": ["author"] });
    stack.auth.change_user(&admin.tokens, &author.id, &change).await.expect(200);
    author.refresh().await;
    author
}

#[tokio::test]
async fn what_an_author_writes_a_reader_reads() {
    let stack = Stack::any().start().await;
    let (author, reader) = (an_author(&stack).await, stack.bob().await);
    let made = stack.resource.add_book(&author.tokens, "Заметки ♥").await.expect(201);
    assert_eq!(made["title"], "Заметки ♥", "{made}");
    for title in ["One", "Two"] {
        let chapter = stack.resource.append(&author.tokens, &made.id(), title, "text of it").await.expect(201);
        assert_eq!(chapter["title"], title, "{chapter}");
    }
    let list = stack.resource.books(&reader.tokens).await.expect(200);
    assert!(list.body.contains("Заметки ♥"), "{list}");
    let book = stack.resource.book(&reader.tokens, &made.id()).await.expect(200);
    let (one, two) = (book.body.find("One"), book.body.find("Two"));
    assert!(one.is_some() && one < two, "chapters keep their order\n{book}");
}

#[tokio::test]
async fn a_reader_may_not_write() {
    let stack = Stack::any().start().await;
    let (author, reader) = (an_author(&stack).await, stack.bob().await);
    let book = stack.resource.add_book(&author.tokens, "Mine").await.expect(201).id();
    assert_problem(&stack.resource.add_book(&reader.tokens, "Yours").await, 403, "insufficient_scope");
    assert_problem(&stack.resource.append(&reader.tokens, &book, "x", "y").await, 403, "insufficient_scope");
}

#[tokio::test]
async fn a_book_that_is_not_there_is_not_found() {
    let stack = Stack::any().start().await;
    let author = an_author(&stack).await;
    for id in
        ["0", "999999", "0190163d-8694-739b-aea5-966c26f8ad91", "x", "-1", "99999999999999999999999", "%00", "a%2Fb"]
    {
        eprintln!("book {id}");
        assert_problem(&stack.resource.book(&author.tokens, id).await, 404, "not_found");
        assert_problem(&stack.resource.append(&author.tokens, id, "x", "y").await, 404, "not_found");
    }
}

#[tokio::test]
async fn books_survive_a_restart() {
    let mut stack = Stack::any().start().await;
    let author = an_author(&stack).await;
    let id = stack.resource.add_book(&author.tokens, "Lasting").await.expect(201).id();
    stack.resource.append(&author.tokens, &id, "One", "text").await.expect(201);
    let before = stack.resource.book(&author.tokens, &id).await.expect(200);
    stack.resource.restart().await;
    assert_eq!(stack.resource.book(&author.tokens, &id).await.expect(200).json, before.json);
}

#[tokio::test]
async fn a_long_text_fits_and_a_longer_one_does_not() {
    let stack = Stack::any().start().await;
    let author = an_author(&stack).await;
    let id = stack.resource.add_book(&author.tokens, "Long").await.expect(201).id();
    let long = "x".repeat(1024 * 1024 - 200);
    stack.resource.append(&author.tokens, &id, "One", &long).await.expect(201);
    let longer = "x".repeat(1024 * 1024 + 1);
    assert_problem(&stack.resource.append(&author.tokens, &id, "Two", &longer).await, 413, "body_too_large");
}

#[tokio::test]
async fn a_gateway_learns_who_is_calling() {
    let stack = Stack::any().start().await;
    let author = an_author(&stack).await;
    let verified = stack.resource.verify(&author.tokens, "").await.expect(200);
    assert_eq!(verified.header("x-auth-subject"), author.id, "{verified}");
    assert_eq!(verified.header("x-auth-session"), author.tokens.session_id, "{verified}");
    assert_eq!(verified.header("x-auth-roles"), "author", "{verified}");
    assert_eq!(
        verified.header("x-auth-scopes"),
        author.tokens.claims()["scope"].as_str().expect("a text"),
        "{verified}"
    );
    stack.resource.verify(&author.tokens, "?scope=books:write").await.expect(200);
}

#[tokio::test]
async fn a_gateway_gets_200_or_401_or_403_and_nothing_else() {
    let stack = Stack::any().start().await;
    let ada = stack.ada().await;
    let refused = stack.resource.verify(&ada.tokens, "?scope=books:write").await;
    assert_problem(&refused, 403, "insufficient_scope");
    assert!(refused.header("www-authenticate").contains(r#"scope="books:write""#), "{refused}");
    assert_problem(&stack.resource.get("/verify").send().await, 401, "token_missing");
    assert_problem(&stack.resource.get("/verify").bearer("x").send().await, 401, "token_invalid");
    for query in
        ["?scope=", "?scope=%00", "?scope=%ff", "?scope=a&scope=b", "?scope=%22", "?x=y", "?scope=%F0%9F%94%91"]
    {
        let answer = stack.resource.verify(&ada.tokens, query).await;
        assert!([200, 401, 403].contains(&answer.status), "{query}\n{answer}");
        assert!(answer.status == 403 || !query.contains("scope=%F0"), "an unknown scope is missing\n{answer}");
    }
}

#[tokio::test]
async fn whoami_shows_the_claims_of_the_token() {
    let issuer = forge::Issuer::new("https://elsewhere.example");
    let stack = Stack::resource_alone(&issuer).await;
    let mut claims = issuer.claims();
    claims["custom"] = json!({ "plan": "premium" });
    let answer = stack.resource.whoami_as(&issuer.sign(&issuer.header(), &claims)).await.expect(200);
    for member in ["sub", "sid", "client_id", "roles", "scope", "custom", "exp"] {
        assert_eq!(answer[member], claims[member], "{member}\n{answer}");
    }
}
