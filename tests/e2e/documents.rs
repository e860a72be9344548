//! What the documents show is what runs.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_examples_of_verification_are_those_that_interop_runs() {
    let document = read("docs/verify-in-any-language.md");
    let examples = [
        ("python", "python/verify.py"),
        ("javascript", "node/verify.mjs"),
        ("go", "go/verify.go"),
        ("java", "java/Verifier.java"),
    ];
    for (language, file) in examples {
        let file = format!("tests/interop/{file}");
        let shown = format!("[`{file}`](../{file})\n\n```{language}\n{}```\n", read(&file));
        assert!(document.contains(&shown), "{file} is not shown as it is: copy it into the document");
    }
    let blocks = document.lines().filter(|line| line.starts_with("```") && line.len() > 3).count();
    assert_eq!(blocks, examples.len(), "an example that nobody runs");
}

#[test]
fn the_documents_name_files_that_exist() {
    for document in ["docs/verify-in-any-language.md", "docs/gateways.md", "docs/monitoring.md"] {
        let text = read(document);
        let targets: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(!targets.is_empty(), "{document} links nowhere");
        for target in targets.into_iter().filter(|target| !target.starts_with("https://")) {
            let file = target.split('#').next().unwrap_or(target);
            read(&format!("docs/{file}"));
        }
    }
}
