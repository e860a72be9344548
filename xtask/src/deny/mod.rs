//! `cargo xtask deny`: whether every dependency is what `deny.toml` allows, from what cargo knows: nothing else is
//! installed or fetched.

mod licence;

use crate::commands::{cargo, output, run, workspace};
use serde::Deserialize;
use std::{collections::BTreeSet, fs};

/// crates.io, as cargo names it, whatever mirror it is fetched from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Debug, Deserialize)]
struct Policy {
    licenses: Licences,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// `None`: a path, such as a member of the workspace.
    source: Option<String>,
    manifest_path: String,
}

/// Checks licences, bans and sources.
///
/// # Errors
/// A line for each dependency that is not allowed.
pub(crate) fn check() -> Result<(), String> {
    let text = fs::read_to_string(workspace().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
    let policy: Policy = toml::from_str(&text).map_err(|error| format!("deny.toml: {error}"))?;
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let broken: Vec<String> = metadata.packages.iter().flat_map(|package| objections(package, &policy)).collect();
    if broken.is_empty() {
        println!("{} packages, all as deny.toml allows", metadata.packages.len());
        return Ok(());
    }
    Err(broken.join("\n"))
}

/// Asks cargo-deny for advisories; needs it, and the network.
///
/// # Errors
/// One sentence.
pub(crate) fn check_advisories() -> Result<(), String> {
    run(&mut cargo(&["deny", "check", "advisories"])).map_err(|error| {
        format!("{error}; is it installed (`cargo install --locked cargo-deny`), and is there a network?")
    })
}

fn objections(package: &Package, policy: &Policy) -> Vec<String> {
    let name = format!("{} {}", package.name, package.version);
    let bans = policy.bans.deny.iter().filter(|ban| ban.name == package.name);
    let mut objections: Vec<String> = bans.map(|ban| format!("{name} is banned: {}", ban.reason)).collect();
    let is_ours = package.source.is_none() && package.manifest_path.starts_with(&*workspace().to_string_lossy());
    if !is_ours && package.source.as_deref() != Some(CRATES_IO) {
        let source = package.source.as_deref().unwrap_or(&package.manifest_path);
        objections.push(format!("{name} comes from {source}: only crates.io is a source"));
    }
    let exception = policy.licenses.exceptions.iter().find(|exception| exception.name == package.name);
    let is_allowed = |licence: &str| {
        policy.licenses.allow.contains(licence) || exception.is_some_and(|exception| exception.allow.contains(licence))
    };
    match &package.license {
        Some(expression) if licence::permits(expression, &is_allowed) => {}
        Some(expression) => objections.push(format!("{name}: the licence {expression} is not allowed")),
        None => objections.push(format!("{name} names no licence")),
    }
    objections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, license: Option<&str>, source: Option<&str>) -> usize {
        let policy = Policy {
            licenses: Licences {
                allow: BTreeSet::from(["MIT".to_owned()]),
                exceptions: vec![Exception { name: "roots".to_owned(), allow: BTreeSet::from(["CDLA".to_owned()]) }],
            },
            bans: Bans { deny: vec![Ban { name: "openssl".to_owned(), reason: "rustls".to_owned() }] },
        };
        let package = Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            source: source.map(str::to_owned),
            manifest_path: "/elsewhere/Cargo.toml".to_owned(),
        };
        objections(&package, &policy).len()
    }

    #[test]
    fn only_allowed_licences_crates_and_sources_pass() {
        assert_eq!(found("good", Some("MIT"), Some(CRATES_IO)), 0);
        assert_eq!(found("roots", Some("CDLA"), Some(CRATES_IO)), 0);
        assert_eq!(found("other", Some("CDLA"), Some(CRATES_IO)), 1);
        assert_eq!(found("nameless", None, Some(CRATES_IO)), 1);
        assert_eq!(found("openssl", Some("MIT"), Some(CRATES_IO)), 1);
        assert_eq!(found("good", Some("MIT"), Some("git+https://example.com/good")), 1);
        assert_eq!(found("good", Some("MIT"), None), 1);
    }
}
