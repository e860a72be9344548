//! Nothing logged or stored is a credential. The harness searches the logs of every stack; these tests search more.

use harness::{Stack, Storage, Transport, postgres::Postgres};
use std::fs;

on_every_storage! { a_leaked_dump_of_the_stores_logs_nobody_in }

async fn a_leaked_dump_of_the_stores_logs_nobody_in(storage: Storage) {
    let mut stack = Stack::on(storage).start().await;
    use_everything(&stack).await;
    assert!(stack.secrets().count() > 10, "there is something to look for");
    let mut dumps = Vec::new();
    if storage != Storage::Embedded {
        dumps.push(("Redis", String::from_utf8_lossy(&stack.redis().save()).into_owned()));
    }
    if let Some(url) = stack.postgres_url() {
        dumps.push(("PostgreSQL", Postgres::dump(&url)));
    }
    let files = fs::read_dir(stack.data()).expect("the services keep their files there");
    for file in files.map(|file| file.expect("a file").path()).filter(|path| path.is_file()) {
        dumps.push(("a file", String::from_utf8_lossy(&fs::read(&file).expect("our own file")).into_owned()));
    }
    assert!(dumps.iter().any(|(_, dump)| dump.contains("ada-")), "the dumps are those of this stack");
    for (what, dump) in dumps {
        assert_eq!(stack.secrets().found_in(&dump), None, "in {what}");
        assert!(!dump.contains("PRIVATE KEY"), "in {what}");
    }
}

#[tokio::test]
async fn even_detailed_logs_hold_no_secret() {
    let stack =
        Stack::on(Storage::RedisAndPostgres).auth("RUST_LOG", "debug").resource("RUST_LOG", "debug").start().await;
    use_everything(&stack).await;
    let logs = format!("{}{}", stack.auth.log(), stack.resource.log());
    assert!(logs.len() > 1000, "there is something to look at");
    assert_eq!(stack.secrets().found_in(&logs), None);
}

#[tokio::test]
async fn the_files_of_the_embedded_store_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let stack = Stack::on(Storage::Embedded).start().await;
    let secret =
        fs::metadata(stack.directory().join("data/secret")).expect("the root secret is made at the first start");
    assert_eq!(secret.permissions().mode() & 0o777, 0o600);
}

async fn use_everything(stack: &Stack) {
    let (mut ada, mut browser) = (stack.ada().await, stack.ada_in_a_browser().await);
    stack.admin().await;
    for person in [&mut ada, &mut browser] {
        person.refresh().await;
        stack.auth.me(&person.tokens).await;
        stack.resource.books(&person.tokens).await;
        let new = harness::person::fresh_password();
        stack.auth.change_password(&person.tokens, &person.password, &new).await.expect(204);
        person.refresh().await;
    }
    stack.auth.login(&ada.email, "a wrong password, typed in", Transport::Body).await;
    stack.auth.csrf(&browser.tokens).await;
    stack.auth.logout(&browser.tokens).await;
    stack.auth.refresh(&browser.tokens).await;
}
