//! Roles, and the scopes that they bring.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a new user is.
pub const DEFAULT_ROLE: &str = "reader";
/// Who may do everything.
pub const ADMIN_ROLE: &str = "admin";
/// May see the users.
pub const USERS_READ: &str = "users:read";
/// May change the users.
pub const USERS_WRITE: &str = "users:write";

/// Which scopes each role brings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Roles(BTreeMap<String, BTreeSet<String>>);

impl Default for Roles {
    fn default() -> Self {
        Self::parse(
            r#"
            reader = ["books:read"]
            author = ["books:read", "books:write"]
            admin = ["books:read", "books:write", "users:read", "users:write"]
            "#,
        )
        .expect("the built-in roles are valid")
    }
}

impl Roles {
    /// Reads TOML of the form `role = ["scope", …]`.
    ///
    /// # Errors
    /// One sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let roles: Self = toml::from_str(text)
            .map_err(|error| format!("not of the form role = [\"scope\", …]: {}", error.message()))?;
        for (role, scopes) in &roles.0 {
            if let Some(bad) = scopes.iter().chain([role]).find(|name| !is_name(name)) {
                return Err(format!("role {role}: {bad:?} is no name: use letters, digits and . _ : / -, at most 64"));
            }
        }
        for role in [DEFAULT_ROLE, ADMIN_ROLE] {
            if !roles.has(role) {
                return Err(format!("the role {role} is missing"));
            }
        }
        Ok(roles)
    }

    /// Whether there is such a role.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.0.contains_key(role)
    }

    /// The names of all roles.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All scopes that any role brings, in order.
    #[must_use]
    pub fn all_scopes(&self) -> BTreeSet<&str> {
        self.0.values().flatten().map(String::as_str).collect()
    }

    /// The scopes of somebody with these roles, in order. A role that no longer exists brings nothing.
    #[must_use]
    pub fn scopes<'a>(&'a self, roles: &[String]) -> BTreeSet<&'a str> {
        roles.iter().filter_map(|role| self.0.get(role)).flatten().map(String::as_str).collect()
    }
}

/// Scope tokens of RFC 6749, without the characters that would need quoting anywhere.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_roles_are_as_designed() {
        let roles = Roles::default();
        let scopes = |role: &str| roles.scopes(&[role.to_owned()]).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(scopes("reader"), "books:read");
        assert_eq!(scopes("author"), "books:read books:write");
        assert_eq!(scopes("admin"), "books:read books:write users:read users:write");
        assert_eq!(scopes("nobody"), "");
    }

    #[test]
    fn a_roles_file_needs_a_reader_an_admin_and_plain_names() {
        assert!(Roles::parse("reader = []").unwrap_err().contains("admin is missing"));
        assert!(Roles::parse("reader = [\"a b\"]\nadmin = []").unwrap_err().contains("no name"));
        assert!(Roles::parse("reader = 7").is_err());
        assert!(Roles::parse("reader = []\nadmin = [\"users:read\"]").is_ok());
    }
}
