//! Users who cannot log in, or whose role gives them nothing, though nobody intended that.

use super::Finding;
use crate::{
    domain::{
        accounts::roles::Roles,
        passwords::{PasswordHash, argon2id::Argon},
    },
    storage::sql::RowsSeen,
};
use std::collections::BTreeMap;

/// What was read of the users.
pub(super) struct UsersSeen {
    /// The lists of roles, with the number of users who have each.
    pub(super) holders: Vec<(Vec<String>, u64)>,
    /// Password hashes, all or some, that differ in algorithm or parameters from new ones.
    pub(super) odd_hashes: Vec<PasswordHash>,
    /// Secret keys that some of them need, sealed.
    pub(super) signer_keys: String,
    /// What was seen of their rows.
    pub(super) rows: RowsSeen,
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
    lost.chain(unusable).chain(unreadable(&users.rows)).collect()
}

fn unreadable(rows: &RowsSeen) -> impl Iterator<Item = Finding> {
    let bound = if rows.are_all { "" } else { "at least " };
    rows.flawed.iter().map(move |(column, (count, example))| {
        let example = example.map(|id| format!(", one of them of the user {id}")).unwrap_or_default();
        Finding::warning(format!(
            "rows of users that cannot be used: {bound}{count}{example}; the column {column} holds a value that does not belong there, so these users cannot log in: docs/operate.md says what an import must fill in; `auth-service user delete` accepts an id"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::passwords::{argon2id::Grant, pool::today};
    use shared::ids::UserId;

    #[test]
    fn roles_and_hashes_that_give_nothing_are_named() {
        let roles = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let users = UsersSeen {
            holders: vec![(roles(&["reader", "editor"]), 2), (roles(&["editor"]), 3), (roles(&["admin"]), 1)],
            odd_hashes: vec![PasswordHash("$1$abc".to_owned()), PasswordHash("$md5$abc".to_owned())],
            signer_keys: String::new(),
            rows: RowsSeen { flawed: BTreeMap::from([("roles", (3, Some(UserId::fresh())))]), are_all: true },
        };
        let argon = Argon::new(today(), Grant { memory: 64 * 1024, at_once: 1 });
        let texts: Vec<String> =
            findings(users, &Roles::built_in(), &argon).into_iter().map(|finding| finding.to_string()).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(
            texts[0].starts_with("warning") && texts[0].contains("\"editor\", which does not exist: 5"),
            "{texts:?}"
        );
        assert!(texts[2].contains("cannot be used: 3, one of them") && texts[2].contains("column roles"), "{texts:?}");
        assert!(texts[1].contains("at least 2") && texts[1].contains("algorithm"), "{texts:?}");
    }
}
