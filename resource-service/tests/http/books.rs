//! `/books`: readers read, authors add, nobody else does either.

use super::*;

async fn add_book(service: &Service, title: &str) -> i64 {
    let answer = service.post("/books", &author(), &json!({ "title": title })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()["id"].as_i64().expect("an id")
}

async fn add_chapter(service: &Service, book: i64, title: &str, text: &str) -> Answer {
    let path = format!("/books/{book}/chapters");
    service.post(&path, &author(), &json!({ "title": title, "text": text })).await
}

#[actix_web::test]
async fn an_author_adds_a_book_and_a_chapter_and_a_reader_reads_them() {
    let service = Service::start().await;
    let answer = service.post("/books", &author(), &json!({ "title": "Notes on the Engine" })).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("location"), "/books/1");
    let book = json!({
        "id": 1, "title": "Notes on the Engine", "chapters": 0, "created_by": "ada",
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(answer.json(), book);

    let answer = add_chapter(&service, 1, "Note G", "The Engine has no pretensions.").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let chapter = json!({
        "number": 1, "title": "Note G", "text": "The Engine has no pretensions.", "created_by": "ada",
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(answer.json(), chapter);

    let answer = service.get("/books", &reader()).await;
    assert_eq!(answer.json()["books"][0]["chapters"], 1);
    assert_eq!(answer.json()["next"], Value::Null);
    let answer = service.get("/books/1", &reader()).await;
    assert_eq!(answer.json()["chapters"], json!([chapter]));
}

#[actix_web::test]
async fn a_reader_may_not_add_whatever_the_body() {
    let service = Service::start().await;
    add_book(&service, "Closed").await;
    for (path, body) in [("/books", json!({ "title": "Mine" })), ("/books/1/chapters", json!(["nonsense"]))] {
        let answer = service.post(path, &reader(), &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "insufficient_scope"));
        let challenge = r#"Bearer realm="jeton", error="insufficient_scope", scope="books:write""#;
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    assert_eq!(service.get("/books", &reader()).await.json()["books"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn whoever_may_only_write_may_not_read() {
    let service = Service::start().await;
    let answer = service.get("/books", &token_with("scope", json!("books:write"))).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "insufficient_scope"));
}

#[actix_web::test]
async fn a_long_list_is_read_page_by_page_without_gaps() {
    let service = Service::start().await;
    for number in 1..=5 {
        add_book(&service, &format!("Volume {number}")).await;
    }
    let (mut path, mut titles) = ("/books?limit=2".to_owned(), Vec::new());
    loop {
        let page = service.get(&path, &reader()).await.json();
        titles.extend(page["books"].as_array().expect("books").iter().map(|book| book["title"].clone()));
        let Some(next) = page["next"].as_i64() else { break };
        path = format!("/books?limit=2&cursor={next}");
    }
    assert_eq!(titles, ["Volume 1", "Volume 2", "Volume 3", "Volume 4", "Volume 5"]);
}

#[actix_web::test]
async fn the_old_name_of_the_cursor_is_understood_for_one_release() {
    let service = Service::start().await;
    for title in ["One", "Two"] {
        add_book(&service, title).await;
    }
    let old = service.get("/books?after=1", &reader()).await.json();
    let new = service.get("/books?cursor=1", &reader()).await.json();
    assert_eq!(old["books"][0]["title"], "Two");
    assert_eq!(old, new);
}

#[actix_web::test]
async fn long_chapters_come_in_several_answers() {
    let service = Service::start().await;
    let book = add_book(&service, "Long").await;
    for _ in 0..3 {
        assert_eq!(add_chapter(&service, book, "Long", &"x".repeat(600_000)).await.status, StatusCode::CREATED);
    }
    let first = service.get("/books/1", &reader()).await.json();
    assert_eq!((first["chapters"].as_array().map(Vec::len), first["next"].as_i64()), (Some(1), Some(1)));
    let last = service.get("/books/1?cursor=2", &reader()).await.json();
    assert_eq!((last["chapters"][0]["number"].as_i64(), last["next"].as_i64()), (Some(3), None));
}

#[actix_web::test]
async fn a_book_that_is_not_there_is_not_found() {
    let service = Service::start().await;
    for path in [
        "/books/1",
        "/books/0",
        "/books/-1",
        "/books/9223372036854775807",
        "/books/9223372036854775808",
        "/books/x",
        "/books/1x",
        "/books/%00",
    ] {
        let answer = service.get(path, &reader()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    let answer = add_chapter(&service, 7, "Lost", "x").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
}

#[actix_web::test]
async fn bodies_of_another_shape_are_refused() {
    let service = Service::start().await;
    add_book(&service, "There").await;
    let too_long = "x".repeat(201);
    for (path, body, code) in [
        ("/books", json!({}), "invalid_body"),
        ("/books", json!({ "title": 1 }), "invalid_body"),
        ("/books", json!({ "title": "a", "id": 7 }), "invalid_body"),
        ("/books", json!([]), "invalid_body"),
        ("/books", json!({ "title": "" }), "invalid_title"),
        ("/books", json!({ "title": too_long }), "invalid_title"),
        ("/books", json!({ "title": "two\nlines" }), "invalid_title"),
        ("/books/1/chapters", json!({ "title": "a" }), "invalid_body"),
        ("/books/1/chapters", json!({ "title": " ", "text": "b" }), "invalid_title"),
    ] {
        let answer = service.post(path, &author(), &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, code), "{body}");
    }
}

#[actix_web::test]
async fn a_body_that_is_not_json_or_not_labelled_as_json_is_refused() {
    let service = Service::start().await;
    let post = |kind: &'static str, body: &'static str| {
        bearer(TestRequest::post().uri("/books"), &author())
            .insert_header((header::CONTENT_TYPE, kind))
            .set_payload(body)
    };
    let answer = service.ask(post("application/json", "{")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_json"));
    let answer = service.ask(post("text/plain", r#"{"title":"a"}"#)).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer.code(), "unsupported_media_type");
}

#[actix_web::test]
async fn a_body_may_have_a_mebibyte_and_no_more() {
    let service = Service::start().await;
    add_book(&service, "Large").await;
    let fits = add_chapter(&service, 1, "Large", &"x".repeat(1024 * 1024 - 100)).await;
    assert_eq!(fits.status, StatusCode::CREATED);
    let answer = add_chapter(&service, 1, "Larger", &"x".repeat(1024 * 1024)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
}

#[actix_web::test]
async fn unsupported_queries_are_refused() {
    let service = Service::start().await;
    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "page=2", "limit=1&limit=2", "cursor=1&after=1"] {
        let answer = service.get(&format!("/books?{query}"), &reader()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_query"), "{query}");
    }
}

#[actix_web::test]
async fn a_store_that_fails_is_an_outage_and_nothing_else() {
    let service = Service::start().await;
    add_book(&service, "There").await;
    let saboteur = sqlx::SqlitePool::connect_with(SqliteConnectOptions::new().filename(service.database()))
        .await
        .expect("the same file");
    sqlx::query("ALTER TABLE books RENAME TO gone").execute(&saboteur).await.expect("a renamed table");
    for answer in [
        service.get("/books", &reader()).await,
        service.get("/books/1", &reader()).await,
        service.post("/books", &author(), &json!({ "title": "a" })).await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(service.get("/whoami", &reader()).await.status, StatusCode::OK);
    sqlx::query("ALTER TABLE gone RENAME TO books").execute(&saboteur).await.expect("a renamed table");
    assert_eq!(service.get("/books/1", &reader()).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_write_that_another_process_holds_up_is_answered_within_a_second() {
    let service = Service::start().await;
    let other = sqlx::SqlitePool::connect_with(SqliteConnectOptions::new().filename(service.database()))
        .await
        .expect("the same file");
    let mut blocking = other.begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
    sqlx::query("INSERT INTO books (title, created_by, created_at) VALUES ('x', 'x', 0)")
        .execute(&mut *blocking)
        .await
        .expect("a write");
    let begun = std::time::Instant::now();
    let answer = service.post("/books", &author(), &json!({ "title": "a" })).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(begun.elapsed() < std::time::Duration::from_millis(1500), "{:?}", begun.elapsed());
    blocking.rollback().await.expect("a rollback");
    assert_eq!(service.post("/books", &author(), &json!({ "title": "a" })).await.status, StatusCode::CREATED);
}

#[actix_web::test]
async fn chapters_appended_at_once_each_get_a_number() {
    let service = Service::start().await;
    add_book(&service, "Popular").await;
    let answers = futures_util::future::join_all((0..10).map(|_| add_chapter(&service, 1, "Together", "x"))).await;
    let mut numbers: Vec<i64> = answers.iter().filter_map(|answer| answer.json()["number"].as_i64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
}
