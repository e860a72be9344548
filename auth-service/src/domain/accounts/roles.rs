//! Roles, and the scopes that they grant.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

/// The most roles that a user may have.
pub const MAX_ROLES: usize = 16;

/// The role that may do everything.
pub const ADMIN_ROLE: &str = "admin";
/// The scope that allows viewing users.
pub const USERS_READ: &str = "users:read";
/// The scope that allows changing users.
pub const USERS_WRITE: &str = "users:write";

/// The scope that allows publishing the next signing key.
pub const KEYS_WRITE: &str = "keys:write";

const BUILT_IN: &str = r#"
    reader = ["books:read"]
    author = ["books:read", "books:write"]
    admin = ["books:read", "books:write", "users:read", "users:write", "keys:write"]
"#;

/// The scopes that each role grants, and who needs a second factor for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    scopes: BTreeMap<String, BTreeSet<String>>,
    /// Those that grant nothing until their holder has shown a second factor.
    with_second_factor: BTreeSet<String>,
    asked_of: SecondFactor,
}

/// Of whom a second factor is asked, whatever the roles say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecondFactor {
    /// Of nobody.
    #[default]
    Optional,
    /// Of those who may change users or signing keys.
    Admins,
    /// Of everybody.
    Required,
}

impl Roles {
    /// The built-in roles.
    ///
    /// # Panics
    /// Never: they are valid.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in roles are valid")
    }

    /// Reads TOML of the form `role = ["scope", …]`, or `role = { scopes = ["scope", …], second_factor = true }`.
    ///
    /// # Errors
    /// A sentence for each mistake, with its line.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reading = Reading { text, roles: Self::default(), mistakes: Vec::new() };
        for error in errors {
            reading.mistake(error.span(), error.message());
        }
        for (name, scopes) in table.get_ref() {
            reading.role(name, scopes);
        }
        if reading.mistakes.is_empty() { Ok(reading.roles) } else { Err(reading.in_order()) }
    }

    /// Adds the built-in roles that are not defined here. Unless `admin` is defined here, it gets all scopes of all
    /// roles.
    #[must_use]
    pub fn with_built_in(self) -> Self {
        let defines_admin = self.has(ADMIN_ROLE);
        let mut all = Self::built_in();
        all.scopes.extend(self.scopes);
        all.with_second_factor = self.with_second_factor;
        all.asked_of = self.asked_of;
        if !defines_admin {
            let everything = all.all_scopes().into_iter().map(str::to_owned).collect();
            all.scopes.insert(ADMIN_ROLE.to_owned(), everything);
        }
        all
    }

    /// With a second factor asked of these users, besides those who have a role that asks for one.
    #[must_use]
    pub fn asking(self, asked_of: SecondFactor) -> Self {
        Self { asked_of, ..self }
    }

    /// Whether these roles grant nothing until their holder has shown a second factor.
    #[must_use]
    pub fn ask_for_second_factor(&self, roles: &[String]) -> bool {
        let is_admin = || {
            let scopes = self.scopes(roles);
            scopes.contains(USERS_WRITE) || scopes.contains(KEYS_WRITE)
        };
        match self.asked_of {
            SecondFactor::Required => true,
            SecondFactor::Admins if is_admin() => true,
            _ => roles.iter().any(|role| self.with_second_factor.contains(role)),
        }
    }

    /// Whether there is such a role.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.scopes.contains_key(role)
    }

    /// Roles that users have but that do not exist, with the number of users who have each. `holders`: how many users
    /// have which list of roles.
    #[must_use]
    pub fn lost(&self, holders: Vec<(Vec<String>, u64)>) -> BTreeMap<String, u64> {
        let mut lost = BTreeMap::new();
        for (roles, holders) in holders {
            for role in roles.into_iter().filter(|role| !self.has(role)) {
                *lost.entry(role).or_default() += holders;
            }
        }
        lost
    }

    /// All roles with their scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.scopes.iter().map(|(name, scopes)| (name.as_str(), scopes))
    }

    /// The names of all roles.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.scopes.keys().map(String::as_str)
    }

    /// All scopes of all roles, in order.
    #[must_use]
    pub fn all_scopes(&self) -> BTreeSet<&str> {
        self.scopes.values().flatten().map(String::as_str).collect()
    }

    /// Those of the roles that exist, in their order. A role that no longer exists counts for nothing, not even its
    /// name.
    #[must_use]
    pub fn known(&self, roles: &[String]) -> Vec<String> {
        roles.iter().filter(|role| self.has(role)).cloned().collect()
    }

    /// The scopes of a user with these roles, in order. A role that no longer exists grants nothing.
    #[must_use]
    pub fn scopes<'a>(&'a self, roles: &[String]) -> BTreeSet<&'a str> {
        roles.iter().filter_map(|role| self.scopes.get(role)).flatten().map(String::as_str).collect()
    }

    /// The `most` longest role names.
    #[must_use]
    pub fn longest_names(&self, most: usize) -> Vec<String> {
        let mut names: Vec<String> = self.scopes.keys().cloned().collect();
        names.sort_by_key(|name| Reverse(name.len()));
        names.truncate(most);
        names
    }

    /// The most bytes that the scopes of a user with `most` roles may have, separated by spaces.
    #[must_use]
    pub fn most_scopes(&self, most: usize) -> usize {
        let length = |scopes: &mut dyn Iterator<Item = &str>| scopes.map(|scope| scope.len() + 1).sum::<usize>();
        let mut of_roles: Vec<usize> =
            self.scopes.values().map(|scopes| length(&mut scopes.iter().map(String::as_str))).collect();
        of_roles.sort_by_key(|bytes| Reverse(*bytes));
        let of_the_largest: usize = of_roles.iter().take(most).sum();
        of_the_largest.min(length(&mut self.all_scopes().into_iter())).saturating_sub(1)
    }

    /// Whether a user with the roles `own` may do all that the roles `others` allow, and so may grant and revoke them.
    /// What a role without scopes means is up to applications: it may be granted by users who have it or who govern
    /// ([`Roles::govern`]).
    #[must_use]
    pub fn cover(&self, own: &[String], others: &[String]) -> bool {
        let scopes = self.scopes(own);
        let covers = |role: &String| match self.scopes.get(role) {
            None => true,
            Some(brings) if brings.is_empty() => own.contains(role) || self.govern(own),
            Some(brings) => brings.iter().all(|scope| scopes.contains(scope.as_str())),
        };
        others.iter().all(covers)
    }

    /// Whether a user with these roles governs, that is, may make others an admin: may change users, and may do all
    /// that an admin may. If `admin` may not change users, everyone who may change users governs.
    #[must_use]
    pub fn govern(&self, roles: &[String]) -> bool {
        let scopes = self.scopes(roles);
        let admins = self.scopes(&[ADMIN_ROLE.to_owned()]);
        scopes.contains(USERS_WRITE) && (admins.is_subset(&scopes) || !admins.contains(USERS_WRITE))
    }
}

/// A roles file that is being read.
struct Reading<'a> {
    text: &'a str,
    roles: Roles,
    /// Each with its offset in the text.
    mistakes: Vec<(usize, String)>,
}

impl Reading<'_> {
    fn role<'i>(&mut self, name: &Spanned<std::borrow::Cow<'i, str>>, value: &Spanned<DeValue<'i>>) {
        let role = name.get_ref().as_ref();
        if !is_name(role) {
            self.mistake(Some(name.span()), &format!("role {role:?}: {NAME}"));
        }
        let list = match value.get_ref() {
            DeValue::Table(table) => self.described(role, table, value.span()),
            value => value.as_array(),
        };
        let Some(list) = list else {
            self.mistake(
                Some(value.span()),
                &format!("role {role:?}: must be a list of scopes, such as {role} = [\"books:read\"]"),
            );
            return;
        };
        let mut scopes = BTreeSet::new();
        for item in list.iter() {
            match item.get_ref().as_str() {
                None => self.mistake(Some(item.span()), &format!("role {role:?}: a scope is a text in quotes")),
                Some(scope) if !is_name(scope) => {
                    self.mistake(Some(item.span()), &format!("role {role:?}: the scope {scope:?}: {NAME}"));
                }
                Some(scope) if !scopes.insert(scope.to_owned()) => {
                    self.mistake(Some(item.span()), &format!("role {role:?}: names the scope {scope:?} twice"));
                }
                Some(_) => {}
            }
        }
        self.roles.scopes.insert(role.to_owned(), scopes);
    }

    /// The list of scopes of a role that is a table.
    fn described<'t, 'i>(&mut self, role: &str, table: &'t DeTable<'i>, span: Range<usize>) -> Option<&'t DeArray<'i>> {
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("scopes", _) | ("second_factor", DeValue::Boolean(false)) => {}
                ("second_factor", DeValue::Boolean(true)) => {
                    self.roles.with_second_factor.insert(role.to_owned());
                }
                ("second_factor", _) => {
                    self.mistake(Some(value.span()), &format!("role {role:?}: second_factor is true or false"));
                }
                (other, _) => {
                    let what = format!("role {role:?}: has scopes and second_factor, and no {other:?}");
                    self.mistake(Some(key.span()), &what);
                }
            }
        }
        let scopes = table.get("scopes").and_then(|scopes| scopes.get_ref().as_array());
        if scopes.is_none() {
            let what = format!("role {role:?}: must name its scopes, such as {role} = {{ scopes = [\"books:read\"] }}");
            self.mistake(Some(span), &what);
        }
        scopes.or(Some(const { &DeArray::new() }))
    }

    fn mistake(&mut self, place: Option<Range<usize>>, what: &str) {
        let place = place.map_or(self.text.len(), |span| span.start.min(self.text.len()));
        let line = self.text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1;
        self.mistakes.push((place, format!("line {line}: {what}")));
    }

    fn in_order(mut self) -> Vec<String> {
        self.mistakes.sort_by_key(|(place, _)| *place);
        self.mistakes.into_iter().map(|(_, mistake)| mistake).collect()
    }
}

/// The form of the names of roles and scopes.
const NAME: &str = "a name has 1 to 64 letters, digits and . _ : / -";

/// Scope tokens of RFC 6749, without the characters that need quoting somewhere.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn scopes(roles: &Roles, role: &str) -> String {
        roles.scopes(&list(&[role])).into_iter().collect::<Vec<_>>().join(" ")
    }

    fn added(text: &str) -> Roles {
        Roles::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).with_built_in()
    }

    #[test]
    fn the_built_in_roles_are_as_designed() {
        let roles = Roles::built_in();
        assert_eq!(scopes(&roles, "reader"), "books:read");
        assert_eq!(scopes(&roles, "author"), "books:read books:write");
        assert_eq!(scopes(&roles, "admin"), "books:read books:write keys:write users:read users:write");
        assert_eq!(scopes(&roles, "nobody"), "");
        assert_eq!(Roles::default().with_built_in(), roles);
    }

    #[test]
    fn a_file_adds_to_the_built_in_roles_and_may_define_one_differently() {
        let roles = added("reader = []\nbilling = [\"billing:write\"]");
        assert_eq!(roles.names().collect::<Vec<_>>(), ["admin", "author", "billing", "reader"]);
        assert_eq!(scopes(&roles, "reader"), "");
        assert_eq!(scopes(&roles, "author"), "books:read books:write");
        assert_eq!(scopes(&roles, "admin"), "billing:write books:read books:write keys:write users:read users:write");
        let own_admin = added("admin = [\"users:write\"]\nbilling = [\"billing:write\"]");
        assert_eq!(scopes(&own_admin, "admin"), "users:write");
    }

    #[test]
    fn every_mistake_of_a_file_is_reported_with_its_line() {
        let long = "x".repeat(65);
        let text = format!(
            "reader = [\"a b\", \"books:read\", \"books:read\"]\n\"\" = []\nauthor = 7\n{long} = []\nx = [1, \"{long}\"]\n\
             \n[admin]\nscopes = \"users:read\"\n"
        );
        let mistakes = Roles::parse(&text).expect_err("it is full of mistakes");
        let expected = [
            ("line 1: ", "role \"reader\": the scope \"a b\""),
            ("line 1: ", "role \"reader\": names the scope \"books:read\" twice"),
            ("line 2: ", "role \"\": a name has"),
            ("line 3: ", "role \"author\": must be a list of scopes"),
            ("line 4: ", "a name has"),
            ("line 5: ", "role \"x\": a scope is a text in quotes"),
            ("line 5: ", "role \"x\": the scope"),
            ("line 7: ", "role \"admin\": must name its scopes"),
        ];
        assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
        for (mistake, (line, what)) in mistakes.iter().zip(expected) {
            assert!(mistake.starts_with(line) && mistake.contains(what), "{mistake} does not say {line}{what}");
        }
    }

    #[test]
    fn invalid_toml_is_reported_with_its_line_too() {
        let mistakes = Roles::parse("reader = [\"a\"]\nreader = [\"b\"]\nauthor = [\n").expect_err("not TOML");
        assert!(mistakes.iter().any(|mistake| mistake.starts_with("line 2: ")), "{mistakes:?}");
        assert!(mistakes.len() > 1, "{mistakes:?}");
    }

    #[test]
    fn a_role_that_no_longer_exists_grants_nothing_and_is_not_known() {
        let roles = Roles::built_in();
        assert_eq!(roles.known(&list(&["gone", "reader", "Admin"])), ["reader"]);
        assert!(roles.cover(&[], &list(&["gone"])));
    }

    #[test]
    fn the_scopes_of_many_roles_count_once_and_only_as_many_roles_as_a_user_may_have() {
        assert_eq!(Roles::built_in().most_scopes(16), "books:read books:write keys:write users:read users:write".len());
        assert_eq!(Roles::default().most_scopes(16), 0);
        let own = Roles::parse("admin = [\"a\"]\nb = [\"bb\", \"a\"]\nc = [\"ccc\"]").expect("roles");
        assert_eq!(own.most_scopes(1), "a bb".len());
        assert_eq!(own.most_scopes(2), "a bb ccc".len());
        assert_eq!(own.longest_names(1), ["admin"]);
    }

    #[test]
    fn roles_and_settings_say_who_needs_a_second_factor() {
        let text = "billing = { scopes = [\"billing:write\"], second_factor = true }\nkeeper = [\"keys:write\"]\n\
                    [clerk]\nscopes = []\nsecond_factor = false\n";
        let asks = |asked_of: SecondFactor| {
            let roles = added(text).asking(asked_of);
            ["", "reader", "clerk", "billing", "keeper", "admin"]
                .map(|role| roles.ask_for_second_factor(&list(&[role])))
        };
        assert_eq!(asks(SecondFactor::Optional), [false, false, false, true, false, false]);
        assert_eq!(asks(SecondFactor::Admins), [false, false, false, true, true, true]);
        assert_eq!(asks(SecondFactor::Required), [true; 6]);
        let mistakes = Roles::parse("a = { scopes = [], second_factor = \"yes\" }\nb = { scope = [] }\n")
            .expect_err("it is wrong");
        assert_eq!(mistakes.len(), 3, "{mistakes:#?}");
    }

    #[test]
    fn users_grant_only_what_they_have() {
        let roles = added("helpdesk = [\"users:read\", \"users:write\"]\nbeta = []\nbilling = [\"billing:write\"]");
        let may = |own: &str, others: &[&str]| roles.cover(&list(&[own]), &list(others));
        assert!(may("helpdesk", &["helpdesk"]));
        assert!(may("helpdesk", &[]));
        for more in ["admin", "reader", "billing", "beta"] {
            assert!(!may("helpdesk", &[more]), "{more}");
        }
        assert!(may("admin", &["admin", "helpdesk", "billing", "beta", "reader"]));
        assert!(may("beta", &["beta"]));
        let own_admin = added("admin = [\"users:write\"]\nbilling = [\"billing:write\"]");
        assert!(!own_admin.cover(&list(&["admin"]), &list(&["billing"])));
    }

    #[test]
    fn a_user_who_may_do_all_that_an_admin_may_governs() {
        let roles = added(
            "helpdesk = [\"users:read\", \"users:write\"]\nowner = [\"users:read\", \"users:write\", \"keys:write\", \"books:read\", \"books:write\"]\nkeeper = [\"keys:write\"]",
        );
        let governs = |held: &[&str]| roles.govern(&list(held));
        assert!(governs(&["admin"]) && governs(&["owner"]) && governs(&["helpdesk", "author", "keeper"]));
        assert!(!governs(&["helpdesk", "author"]) && !governs(&["helpdesk"]) && !governs(&["author"]) && !governs(&[]));
        let weak_admin = added("admin = [\"users:read\"]\nhelpdesk = [\"users:write\"]");
        assert!(weak_admin.govern(&list(&["helpdesk"])) && !weak_admin.govern(&list(&["admin"])));
    }
}
