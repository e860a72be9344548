//! Reads sources as far as it takes to see what they name.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The Rust files of a directory, or the one file.
pub fn sources(part: &Path) -> Vec<PathBuf> {
    if part.is_file() {
        return vec![part.to_owned()];
    }
    let entries = fs::read_dir(part).into_iter().flatten().map(|entry| entry.expect("a readable directory").path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut sources: Vec<_> =
        files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    sources.extend(directories.iter().flat_map(|directory| self::sources(directory)));
    sources
}

/// All paths of two names or more in the code of a source, `use` groups written out.
pub fn paths(source: &str) -> Vec<Vec<&str>> {
    let mut paths = Vec::new();
    // What is to be continued in each open brace: nothing, but in a `use` group.
    let mut prefixes: Vec<Vec<&str>> = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let mut is_continued = false;
    for token in source.lines().flat_map(tokens) {
        let continues = std::mem::replace(&mut is_continued, token == "::");
        if token == "::" {
            continue;
        }
        if continues && token == "{" {
            prefixes.push(std::mem::take(&mut path));
            continue;
        }
        if !continues {
            paths.push(std::mem::take(&mut path));
        }
        match token {
            "{" => prefixes.push(Vec::new()),
            "}" => drop(prefixes.pop()),
            name if !is_name(name) => {}
            name => {
                if !continues {
                    path = prefixes.last().cloned().unwrap_or_default();
                }
                path.push(name);
            }
        }
    }
    paths.push(path);
    paths.retain(|path| path.len() > 1);
    paths
}

/// The names, the `::` and the other characters of a line before its comment.
fn tokens(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|character| !is_in_name(character)).unwrap_or(rest.len());
        let length = match name {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            length => length,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(is_in_name)
}

fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
