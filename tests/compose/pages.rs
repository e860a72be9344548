//! Commands that stand in documents.

use std::{fs, path::Path};

/// Everything that a section of a page tells the reader to type.
pub fn commands(page: &str, section: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(path).expect("the page is there");
    let section = text.split("\n## ").find(|text| text.starts_with(section)).expect("the page has the section");
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.collect::<Vec<_>>().join("\n")
}
