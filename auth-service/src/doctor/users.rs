//! The users: what some of them cannot do, though nobody has forbidden it.

use super::Finding;
use crate::domain::{argon::Argon, password::PasswordHash, roles::Roles};
use std::collections::BTreeMap;

/// What was read of the users.
pub(super) struct UsersSeen {
    /// How many have which list of roles.
    pub(super) holders: Vec<(Vec<String>, u64)>,
    /// Password hashes that are not as new ones are, or some of them.
    pub(super) odd_hashes: Vec<PasswordHash>,
}

pub(super) fn findings(users: UsersSeen, roles: &Roles, argon: &Argon) -> Vec<Finding> {
    let lost = roles.lost(users.holders).into_iter().map(|(role, holders)| {
        Finding::warning(format!(
            "users with the role {role:?}, which does not exist: {holders}; the role gives them nothing: define it in AUTH_ROLES_FILE, or give them others with `auth-service user set-roles`"
        ))
    });
    let mut flaws = BTreeMap::<String, u64>::new();
    for flaw in users.odd_hashes.iter().filter_map(|hash| argon.flaw(hash)) {
        *flaws.entry(flaw.to_string()).or_default() += 1;
    }
    let unusable = flaws.into_iter().map(|(flaw, holders)| {
        Finding::warning(format!(
            "users who cannot log in, at least {holders}: their stored password hash cannot be used, {flaw}; give them a password with `auth-service user set-password`"
        ))
    });
    lost.chain(unusable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{argon::Grant, hashing::today};

    #[test]
    fn roles_and_hashes_that_give_nothing_are_named() {
        let roles = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let users = UsersSeen {
            holders: vec![(roles(&["reader", "editor"]), 2), (roles(&["editor"]), 3), (roles(&["admin"]), 1)],
            odd_hashes: vec![PasswordHash("$2b$12$abc".to_owned()), PasswordHash("$2y$10$abc".to_owned())],
        };
        let argon = Argon::new(today(), Grant { memory: 64 * 1024, at_once: 1 });
        let texts: Vec<String> =
            findings(users, &Roles::default(), &argon).into_iter().map(|finding| finding.to_string()).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(
            texts[0].starts_with("warning") && texts[0].contains("\"editor\", which does not exist: 5"),
            "{texts:?}"
        );
        assert!(texts[1].contains("at least 2") && texts[1].contains("algorithm"), "{texts:?}");
    }
}
