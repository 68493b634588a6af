//! One clause of `SHOW GRANTS` or `SHOW CREATE USER`.

use std::collections::BTreeSet;

use super::Token;
use crate::grant::{GrantTarget, RoleName};

/// A privilege, role or setting of an account. The account's own name, hashes of passwords, and the
/// order of lists are taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clause {
    /// The privilege or role, or the whole clause of a setting.
    pub(super) privilege: Vec<Token>,
    /// On what it is granted, and with which option.
    pub(super) scope: Vec<Token>,
}

impl Clause {
    /// Whether it is about this role being granted.
    pub fn grants_role(&self, role: &RoleName) -> bool {
        let name = [Token::Quoted(role.user.clone())];
        let account = role
            .host
            .iter()
            .flat_map(|host| [Token::Other("@".to_owned()), Token::Quoted(host.clone())]);
        let expected: Vec<_> = name.into_iter().chain(account).collect();
        self.privilege.get(1..).is_some_and(|role| role == expected)
            && self.scope.first().is_some_and(|token| token.is("TO"))
    }

    /// The name of the role that is granted, of those without a host (MariaDB).
    pub(super) fn granted_role(&self) -> Option<&str> {
        match self.privilege.as_slice() {
            [grant, Token::Quoted(role)]
                if grant.is("GRANT") && self.scope.first().is_some_and(|token| token.is("TO")) =>
            {
                Some(role)
            }
            _ => None,
        }
    }

    /// The name of the role that is active after a login (MariaDB).
    pub(super) fn default_role(&self) -> Option<&str> {
        match self.privilege.as_slice() {
            [set, default, _, Token::Quoted(role), ..]
                if set.is("SET") && default.is("DEFAULT") =>
            {
                Some(role)
            }
            _ => None,
        }
    }

    /// The privilege on everything that it is about, and whether it may be passed on.
    pub fn global_privilege(&self) -> Option<(String, bool)> {
        let place = ["ON", "*", ".", "*", "TO"];
        let is_global = place.len() <= self.scope.len()
            && place.iter().zip(&self.scope).all(|(word, token)| token.is(word));
        let words: Vec<_> = self.privilege.iter().skip(1).map(Token::text).collect();
        let grantable = self.scope.iter().any(|token| token.is("OPTION"));
        is_global.then(|| (words.join(" "), grantable))
    }
}

/// Tables and routines, by what a clause about one of them begins to say after the privilege.
#[derive(Debug, Default)]
pub struct Places(BTreeSet<Vec<Token>>);

impl Places {
    /// Whether a clause is about a privilege on one of them.
    pub fn have(&self, clause: &Clause) -> bool {
        // A place is ON, the words of a kind, the schema, a point, and the name.
        (4..=6).filter_map(|length| clause.scope.get(..length)).any(|place| self.0.contains(place))
    }
}

impl<'a> FromIterator<&'a GrantTarget> for Places {
    fn from_iter<T: IntoIterator<Item = &'a GrantTarget>>(targets: T) -> Self {
        Self(targets.into_iter().filter_map(place).collect())
    }
}

fn place(target: &GrantTarget) -> Option<Vec<Token>> {
    let (kind, schema, name) = match target {
        GrantTarget::Table { schema, name } => (None, schema, name.clone()),
        GrantTarget::Routine { kind, schema, name } => {
            (Some(kind.as_sql()), schema, name.to_lower_case())
        }
        _ => return None,
    };
    let words = std::iter::once("ON").chain(kind.into_iter().flat_map(|kind| kind.split(' ')));
    let mut place: Vec<_> = words.map(|word| Token::Other(word.to_owned())).collect();
    place.extend([
        Token::Quoted(schema.clone()),
        Token::Other(".".to_owned()),
        Token::Quoted(name),
    ]);
    Some(place)
}

impl std::fmt::Display for Clause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.privilege.iter().chain(&self.scope).map(Token::shown).collect();
        f.write_str(&words.join(" "))
    }
}
