//! Files that import one another in a circle.
//!
//! An import of one's own ancestor does not count: a module and its submodules are one thing seen from outside. Neither
//! does a module's declaration of its submodules.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use testkit::imports::{paths, sources};

/// The path of a module: `domain`, `sessions`, `refresh`.
type Module = Vec<String>;

/// Each circle among the sources of a crate once, as the modules on it.
pub fn of(src: &Path) -> Vec<Vec<String>> {
    let modules: BTreeMap<Module, String> = sources(src)
        .iter()
        .filter(|path| path.file_name().is_some_and(|name| name != "main.rs"))
        .map(|path| (module(path.strip_prefix(src).expect("below it")), fs::read_to_string(path).expect("UTF-8")))
        .collect();
    let imports: BTreeMap<&Module, BTreeSet<&Module>> =
        modules.iter().map(|(module, text)| (module, imported(module, text, &modules))).collect();
    let mut circles = Vec::new();
    let mut finished = BTreeSet::new();
    for module in modules.keys() {
        walk(module, &imports, &mut Vec::new(), &mut finished, &mut circles);
    }
    circles
}

/// `domain/sessions/mod.rs` and `domain/sessions.rs` are `domain::sessions`, `lib.rs` is the crate.
fn module(path: &Path) -> Module {
    let names = path.with_extension("");
    let mut names: Module = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|last| ["mod", "lib"].contains(&last.as_str())) {
        names.pop();
    }
    names
}

fn imported<'a>(own: &Module, text: &str, modules: &'a BTreeMap<Module, String>) -> BTreeSet<&'a Module> {
    // What an inline module of tests names is found by the indentation of its `super`.
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let targets = paths(code).into_iter().filter_map(|named| {
        let target = absolute(own, &named)?;
        (0..=target.len()).rev().find_map(|length| modules.get_key_value(&target[..length]))
    });
    targets.map(|(target, _)| target).filter(|target| !own.starts_with(target) && *target != own).collect()
}

/// The path from the crate's root on; `None`: it is another crate's, or a glob of one's own.
fn absolute(own: &Module, named: &[&str]) -> Option<Module> {
    let rest = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Module>();
    match named {
        ["crate", names @ ..] => Some(rest(names)),
        ["self", names @ ..] => Some([own.clone(), rest(names)].concat()),
        ["super", ..] => {
            let up = named.iter().take_while(|name| **name == "super").count();
            let ancestor = own.get(..own.len().checked_sub(up)?)?;
            Some([ancestor.to_vec(), rest(&named[up..])].concat())
        }
        _ => None,
    }
}

fn walk<'a>(
    module: &'a Module,
    imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
    trail: &mut Vec<&'a Module>,
    finished: &mut BTreeSet<&'a Module>,
    circles: &mut Vec<Vec<String>>,
) {
    if let Some(begin) = trail.iter().position(|passed| *passed == module) {
        circles.push(trail[begin..].iter().map(|module| module.join("::")).collect());
        return;
    }
    if finished.contains(module) {
        return;
    }
    trail.push(module);
    for next in &imports[module] {
        walk(next, imports, trail, finished, circles);
    }
    trail.pop();
    finished.insert(module);
}

#[test]
fn a_circle_of_files_is_found_and_a_child_that_uses_its_parent_is_not_one() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    write("lib.rs", "mod one; mod two;");
    write("one/mod.rs", "mod child; use self::child::Thing; use crate::two::Other;");
    write("one/child.rs", "use super::Parent;");
    write("two.rs", "pub struct Other;");
    assert_eq!(of(directory.path()), Vec::<Vec<String>>::new());
    write("two.rs", "use crate::{one::child::Thing, other::thing};");
    assert_eq!(of(directory.path()), Vec::<Vec<String>>::new(), "of the child, which uses its parent only");
    write("two.rs", "use crate::one::Parent;");
    assert_eq!(of(directory.path()), [["one", "two"]]);
}
