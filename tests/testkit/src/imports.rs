//! Which part of a workspace names what, read from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a part must not name.
pub struct Rule {
    /// A file or a directory, from the root of the workspace.
    pub part: &'static str,
    /// Other crates; `actix` covers `actix_web` and its kin.
    pub crates: &'static [&'static str],
    /// Modules of its own crate.
    pub modules: &'static [&'static str],
    /// Parts of other names.
    pub words: &'static [&'static str],
}

impl Rule {
    /// Where the part breaks the rule: a line for each place.
    ///
    /// # Panics
    /// When the part is not there.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let sources = sources(&root.join(self.part));
        assert!(!sources.is_empty(), "{} has moved: update this test", self.part);
        let broken = sources.iter().flat_map(|path| {
            let text = fs::read_to_string(path).expect("sources are UTF-8");
            let named = paths(&text).into_iter().filter(|named| self.forbids(named));
            named.map(|named| format!("{} names {}", path.display(), named.join("::"))).collect::<Vec<_>>()
        });
        broken.collect()
    }

    /// Whether a source breaks the rule.
    #[must_use]
    pub fn is_broken_by(&self, source: &str) -> bool {
        paths(source).iter().any(|named| self.forbids(named))
    }

    fn forbids(&self, named: &[&str]) -> bool {
        let own = named.iter().take_while(|name| ["crate", "super", "self"].contains(name)).count();
        let first = named.get(own).copied().unwrap_or_default();
        let is_kin = |name: &&str| first == *name || (*name == "actix" && first.starts_with("actix_"));
        let is_forbidden = if own > 0 { self.modules.contains(&first) } else { self.crates.iter().any(is_kin) };
        is_forbidden || named.iter().any(|name| self.words.iter().any(|word| name.contains(word)))
    }
}

/// The Rust files of a directory, or the one file.
///
/// # Panics
/// When a directory cannot be read.
#[must_use]
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
#[must_use]
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
