//! The commands in documents.

use std::{fs, path::Path};

/// The commands that a section of a page shows, block by block.
pub fn blocks(page: &str, section: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(path).expect("the page is there");
    let section = text.split("\n## ").find(|text| text.starts_with(section)).expect("the page has the section");
    let rests = section.split("```sh\n").skip(1);
    rests.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}
