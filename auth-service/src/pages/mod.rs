//! The pages for people, and the client for other pages: the files of `web/`, in the binary. They are rendered, compressed and named by their
//! content once, at the start, and are the same for everybody: what is somebody's own is fetched by their scripts.

mod brand;
mod embedded;
mod file;
mod shells;

pub use self::{brand::Brand, file::File};

use self::{
    embedded::FILES,
    file::{Kind, lean},
};
use crate::domain::Language;
use aws_lc_rs::digest::{self, SHA256};
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// How many characters of the digest of all assets are in their URLs.
const FINGERPRINT: usize = 16;

/// The file that other pages import too.
const CLIENT: &str = "client.js";

/// What pages must know about the service.
#[derive(Debug, Clone)]
pub struct About {
    /// The origin of the public URL: pages work there only.
    pub origin: String,
    /// The origins that a page may lead back to after a login, that one included.
    pub return_origins: Vec<String>,
    /// Who may register: `open`, `invite`, `domains` or `closed`.
    pub registration: &'static str,
    /// Whether users may log in by a code.
    pub has_login_codes: bool,
    /// The length of the shortest password that may be set.
    pub shortest_password: usize,
    /// What makes them the installation's own.
    pub brand: Option<Brand>,
    /// What the playground must know; `None`: there is none.
    pub playground: Option<Playground>,
}

/// What the page for development must know.
#[derive(Debug, Clone)]
pub struct Playground {
    /// The origin of the resource-service that it calls.
    pub resource: String,
    /// The replay window of sessions.
    pub replay_window: Duration,
    /// Whether it can register a user by one call.
    pub has_demo_users: bool,
}

/// The pages and their assets.
pub struct Pages {
    shells: BTreeMap<(&'static str, &'static str), File>,
    assets: BTreeMap<&'static str, File>,
    fingerprint: String,
    playground: Option<String>,
}

impl Pages {
    /// The names of the pages, which are their paths too.
    pub const NAMES: [&str; 8] =
        ["login", "register", "forgot", "confirm", "account", "security", "console", Self::PLAYGROUND];

    /// The page that calls another origin too. There is none unless it is asked for.
    pub const PLAYGROUND: &str = "playground";

    /// The page for paths without anything.
    pub const NOT_FOUND: &'static str = "not_found";

    /// Renders all of them. `None`: no pages, only the client.
    ///
    /// # Errors
    /// What is wrong with a template, which is a mistake of ours.
    pub fn load(about: Option<&About>) -> Result<Self, String> {
        let mut sources: BTreeMap<&str, String> =
            FILES.iter().map(|&(name, text)| (name, lean(Kind::of(name), text))).collect();
        sources.insert(CLIENT, embedded::CLIENT.to_owned());
        let brand = about.and_then(|about| about.brand.as_ref());
        if let Some(style) = brand.and_then(Brand::style) {
            sources.insert("brand.css", style.to_owned());
        }
        let logo = brand.and_then(Brand::logo);
        let texts = sources.iter().map(|(name, text)| (*name, text.as_bytes()));
        let fingerprint = fingerprint(texts.chain(logo));
        let shells = about.map(|about| shells::render(about, &fingerprint, &sources)).transpose()?.unwrap_or_default();
        let is_served = |name: &str| about.is_some() || name == CLIENT;
        let assets =
            sources.into_iter().filter(|(name, _)| is_served(name)).map(|(name, text)| (name, text.into_bytes()));
        let assets = assets.chain(logo.map(|(name, bytes)| (name, bytes.to_vec())));
        let assets = assets.map(|(name, bytes)| (name, File::new(Kind::of(name), bytes))).collect();
        let playground =
            about.and_then(|about| about.playground.as_ref()).map(|playground| playground.resource.clone());
        Ok(Self { shells, assets, fingerprint, playground })
    }

    /// A page in a language.
    #[must_use]
    pub fn page(&self, name: &'static str, language: Language) -> Option<&File> {
        self.shells.get(&(name, language.code()))
    }

    /// An asset.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&File> {
        self.assets.get(name)
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> Option<&File> {
        self.asset(CLIENT)
    }

    /// The origin that the playground calls besides the service's own.
    #[must_use]
    pub fn playground(&self) -> Option<&str> {
        self.playground.as_deref()
    }

    /// Whether there are pages, not only the client.
    #[must_use]
    pub fn are_served(&self) -> bool {
        !self.shells.is_empty()
    }

    /// What the URLs of the assets contain, and what changes with them.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

fn fingerprint<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut digest = digest::Context::new(&SHA256);
    for (name, bytes) in files {
        for part in [name.as_bytes(), bytes] {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
    }
    let mut hex = String::new();
    for byte in digest.finish().as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex.truncate(FINGERPRINT);
    hex
}

#[cfg(test)]
mod tests;
