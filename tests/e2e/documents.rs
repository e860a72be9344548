//! What the documents show is what runs.

use crate::{logging_page::code, security_page::workspace};
use std::{fs, path::Path};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the pages show, of verifiers and of consumers of the revocation feed: the page, how its listing is marked, and the
/// file that interop runs.
const EXAMPLES: [(&str, &str, &str); 5] = [
    ("python.md", "python", "python/verify.py"),
    ("python.md", "python", "python/revocations.py"),
    ("node.md", "javascript", "node/verify.mjs"),
    ("go.md", "go", "go/verify.go"),
    ("java.md", "java", "java/Verifier.java"),
];

#[test]
fn the_examples_of_verification_are_those_that_interop_runs() {
    let index = read("docs/verify/README.md");
    for (page, language, file) in EXAMPLES {
        let file = format!("tests/interop/{file}");
        let shown = format!("[`{file}`](../../{file})\n\n```{language}\n{}```\n", read(&file));
        let text = read(&format!("docs/verify/{page}"));
        assert!(text.contains(&shown), "{file} is not shown as it is: copy it into docs/verify/{page}");
        assert!(index.contains(&format!("]({page})")), "docs/verify/README.md does not lead to {page}");
    }
    let texts = pages().into_iter().filter(|(page, _)| page.starts_with("docs/verify/")).map(|(page, _)| read(&page));
    let listings: usize = texts.map(|text| text.lines().filter(|line| is_listing(line)).count()).sum();
    assert_eq!(listings, EXAMPLES.len(), "an example that nobody runs");
}

/// Whether a listing in some language begins with this line.
fn is_listing(line: &str) -> bool {
    line.starts_with("```") && line.len() > 3
}

#[test]
fn the_lines_for_one_origin_are_those_that_interop_runs() {
    let (page, sample) = (read("docs/browser.md"), read("docs/proxies/same-origin.conf"));
    let (_, after) = page.split_once("```nginx\n").expect("docs/browser.md shows nginx's lines");
    let (shown, _) = after.split_once("```").expect("they end");
    assert!(shown.lines().count() == 3 && sample.contains(shown), "the sample does not have them\n{shown}");
    assert_eq!(page.matches("```javascript\n").count(), 1, "interop runs the one block of JavaScript");
}

#[test]
fn the_openapi_documents_say_what_to_do_about_which_401() {
    let said = ["`/auth/refresh`", "`/auth/login`", "refresh once and repeat once", "`wrong_password`", "429, 503"];
    let texts =
        [("auth-service", said.as_slice()), ("resource-service", &["`/auth/refresh`", "repeat the call once", "503"])];
    for (service, words) in texts {
        let document: serde_json::Value =
            serde_json::from_str(&read(&format!("docs/openapi/{service}.json"))).expect("a committed document is JSON");
        let description = document["info"]["description"].as_str().expect("it has a description");
        for word in words {
            assert!(description.contains(word), "{service}: {word} is missing in {description}");
        }
    }
}

/// Whether a page has the heading of this anchor.
fn has_heading(page: &str, anchor: &str) -> bool {
    let headings = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let anchor_of = |heading: &str| {
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor_of).any(|heading| heading == anchor)
}

/// The pages, each with the directory that its links start from.
fn pages() -> Vec<(String, &'static str)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages_in = |directory: &'static str| {
        let entries = fs::read_dir(root.join(directory)).expect("it is a directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".md")).map(move |name| (format!("{directory}{name}"), directory))
    };
    ["", "docs/", "docs/verify/"].into_iter().flat_map(pages_in).collect()
}

#[test]
fn the_documents_link_to_files_and_headings_that_exist() {
    let mut links = 0;
    for (page, directory) in pages() {
        let text = read(&page);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("https://") && !target.starts_with("mailto:")) {
            links += 1;
            let (file, heading) =
                target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
            let path = if file.is_empty() { page.clone() } else { format!("{directory}{file}") };
            let exists = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&path).exists();
            assert!(exists, "{page} links to {target}");
            assert!(heading.is_none_or(|heading| has_heading(&read(&path), heading)), "{page} links to {target}");
        }
    }
    assert!(links > 100, "{links} links were found");
}

#[test]
fn the_figures_of_readme_stand_in_the_pages_that_it_links_to() {
    let readme = read("README.md");
    let (_, table) = readme.split_once("| measured on ").expect("README has a table of figures");
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        let (said, link) = row.split_once("](").expect("each figure is linked");
        let page = link.split(['#', ')']).next().unwrap_or_default();
        let text = read(page);
        let numbers = said.split(|letter: char| !letter.is_ascii_digit() && !".,".contains(letter));
        for number in numbers.map(|number| number.trim_matches(['.', ','])).filter(|number| !number.is_empty()) {
            assert!(text.contains(number), "{page} does not say {number}, as README does: {row}");
        }
    }
}

#[test]
fn what_troubleshooting_quotes_of_a_503_is_what_the_services_say() {
    let page = read("docs/troubleshooting.md");
    let (_, section) = page.split_once("\n## 503\n").expect("the page has the section");
    let rows = section.lines().take_while(|line| !line.starts_with("## "));
    let quoted: Vec<&str> = rows.filter_map(|row| row.strip_prefix("| \"")?.split('"').next()).collect();
    assert!(quoted.len() >= 5, "{quoted:?}");
    let code = code().concat();
    let missing: Vec<_> = quoted.iter().filter(|text| !code.contains(**text)).collect();
    assert!(missing.is_empty(), "no service says {missing:?}");
}

/// `a/{b,c}.rs` names two files.
fn expanded(path: &str) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (names, after))) = parts else {
        return vec![path.to_owned()];
    };
    names.split(',').map(|name| format!("{before}{name}{after}")).collect()
}

#[test]
fn the_page_on_architecture_names_files_that_exist() {
    let page = read("docs/architecture.md");
    let (_, tables) = page.split_once("\n## Where to find what\n").expect("the page has the section");
    let quoted = tables.split('`').skip(1).step_by(2).filter(|text| text.contains('/'));
    let paths: Vec<String> = quoted.flat_map(expanded).collect();
    assert!(paths.len() > 30, "{paths:?}");
    let missing: Vec<_> = paths.iter().filter(|path| !workspace().join(path).exists()).collect();
    assert!(missing.is_empty(), "docs/architecture.md names what is not there: {missing:?}");
}
