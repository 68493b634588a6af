//! One thing that the server says of an account, and what it is about.

use super::Token;
use crate::database::account::{GrantTarget, RoleName};

/// One thing that the server says of an account, with the account's own name, hashes of passwords,
/// and the order of lists taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clause {
    /// The privilege, role or clause.
    pub(super) what: Vec<Token>,
    /// Where it holds and how.
    pub(super) how: Vec<Token>,
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
        self.what.get(1..).is_some_and(|what| what == expected)
            && self.how.first().is_some_and(|token| token.is("TO"))
    }

    /// Whether it is about a privilege on this table or routine.
    pub fn is_on(&self, object: &GrantTarget) -> bool {
        let (kind, schema, name) = match object {
            GrantTarget::Table { schema, name } => (None, schema, name),
            GrantTarget::Routine { kind, schema, name } => (Some(kind.as_sql()), schema, name),
            _ => return false,
        };
        let words = kind.into_iter().flat_map(|kind| kind.split(' '));
        let place = [Token::Other("ON".to_owned())]
            .into_iter()
            .chain(words.map(|word| Token::Other(word.to_owned())))
            .chain([
                Token::Quoted(schema.clone()),
                Token::Other(".".to_owned()),
                Token::Quoted(name.clone()),
            ]);
        let place: Vec<_> = place.collect();
        self.how.starts_with(&place)
    }

    /// The privilege on everything that it is about, and whether it may be passed on.
    pub fn global_privilege(&self) -> Option<(String, bool)> {
        let place = ["ON", "*", ".", "*", "TO"];
        let is_global = place.len() <= self.how.len()
            && place.iter().zip(&self.how).all(|(word, token)| token.is(word));
        let words: Vec<_> = self.what.iter().skip(1).map(Token::text).collect();
        let grantable = self.how.iter().any(|token| token.is("OPTION"));
        is_global.then(|| (words.join(" "), grantable))
    }

    /// The column that it is about, if it is about one.
    pub fn column(&self) -> Option<&str> {
        match self.what.as_slice() {
            [_, .., Token::Quoted(column)] if self.table().is_some() => Some(column),
            _ => None,
        }
    }

    /// The schema and table that it is about.
    pub fn table(&self) -> Option<(&str, &str)> {
        match self.how.as_slice() {
            [on, Token::Quoted(schema), dot, Token::Quoted(name), ..]
                if on.is("ON") && dot.is(".") =>
            {
                Some((schema, name))
            }
            _ => None,
        }
    }

    /// The kind, schema and name of the routine that it is about.
    pub fn routine(&self) -> Option<(&str, &str, &str)> {
        match self.how.as_slice() {
            [on, Token::Other(kind), Token::Quoted(schema), dot, Token::Quoted(name), ..]
                if on.is("ON") && dot.is(".") =>
            {
                Some((kind, schema, name))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Clause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.what.iter().chain(&self.how).map(Token::shown).collect();
        f.write_str(&words.join(" "))
    }
}
