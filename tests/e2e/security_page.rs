//! SECURITY.md and docs/asvs.md name files and tests: all of them exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a directory of the workspace")
}

/// The texts between backticks; files and tests are among them.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

fn is_file_name(text: &str) -> bool {
    [".rs", ".md", ".toml"].iter().any(|end| text.ends_with(end))
}

/// Tests are sentences: no other name has as many words.
fn is_test_name(text: &str) -> bool {
    text.matches('_').count() >= 3
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Every Rust file of a directory.
pub(crate) fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory of the workspace").map(|entry| entry.expect("readable"));
    let (directories, files): (Vec<_>, Vec<_>) = entries.map(|entry| entry.path()).partition(|path| path.is_dir());
    let mut sources: Vec<_> =
        files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    sources.extend(directories.iter().flat_map(|directory| self::sources(directory)));
    sources
}

#[test]
fn every_file_and_test_that_the_security_page_names_exists() {
    assert_names_exist("SECURITY.md", 20);
}

#[test]
fn every_file_and_test_that_the_page_on_asvs_names_exists() {
    assert_names_exist("docs/asvs.md", 5);
}

/// That a page names what there is, and more than `few` files and tests each.
fn assert_names_exist(name: &str, few: usize) {
    let page = fs::read_to_string(workspace().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let code: String = ["auth-service", "resource-service", "session-rules", "shared", "tests", "verifier", "xtask"]
        .iter()
        .flat_map(|part| sources(&workspace().join(part)))
        .map(|path| fs::read_to_string(path).expect("sources are UTF-8"))
        .collect();
    let (files, tests): (Vec<_>, Vec<_>) = (
        quoted(&page).filter(|text| is_file_name(text)).collect(),
        quoted(&page).filter(|text| is_test_name(text)).collect(),
    );
    assert!(files.len() > few && tests.len() > few, "{name} was misread: {} files, {} tests", files.len(), tests.len());
    let missing: Vec<_> = files
        .into_iter()
        .filter(|file| !workspace().join(file).is_file())
        .chain(tests.into_iter().filter(|test| !code.contains(&format!("fn {test}("))))
        .collect();
    assert!(missing.is_empty(), "{name} names what is not there: {missing:#?}");
}
