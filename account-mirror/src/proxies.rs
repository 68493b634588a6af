//! Who may act as a user without its password: the rows of `mysql.proxies_priv` on it.
//!
//! They stay when the user is dropped, and its own holder can add some.

use crate::pattern::like;
use crate::row::Row;
use crate::sql::quote_account;
use crate::username::Username;

/// The right of one account to act as another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proxy {
    /// The account that acts: its user and its host.
    pub by: (String, String),
    /// The account that it acts as. The servers take the user for a pattern.
    pub on: (String, String),
    /// Whether it may pass that on.
    pub grantable: bool,
}

impl Proxy {
    /// The right of the account `user`@`host` in this row, if it is one of `mysql.proxies_priv`.
    pub(crate) fn of_row(user: &str, host: &str, row: &Row) -> Option<Self> {
        let text = |column| row.text_or_empty(column).to_owned();
        row.has("Proxied_user").then(|| Self {
            by: (user.to_owned(), host.to_owned()),
            on: (text("Proxied_user"), text("Proxied_host")),
            grantable: row.number("With_grant") == Some(1),
        })
    }

    /// Whether it is on this user. What is on everybody (`''`) is not.
    pub fn is_on(&self, user: &str) -> bool {
        !self.on.0.is_empty() && like(user, &self.on.0)
    }

    /// The accounts as SQL: the one that acts, and the one that it acts as.
    pub fn accounts(&self) -> [String; 2] {
        [&self.by, &self.on].map(|(user, host)| quote_account(user, host))
    }
}

/// The proxies of `one` that are not the same of `other`. Whoever acts as itself gains nothing.
pub fn only_of<'a>(
    proxies: &'a [Proxy],
    one: &'a Username,
    other: &'a Username,
) -> impl Iterator<Item = &'a Proxy> {
    let is_same = |of: &Proxy, also: &Proxy| {
        of.by == also.by
            && of.on.1.eq_ignore_ascii_case(&also.on.1)
            && (also.grantable || !of.grantable)
    };
    proxies.iter().filter(move |proxy| {
        proxy.is_on(one.as_str())
            && proxy.by.0 != one.as_str()
            && !proxies.iter().any(|also| also.is_on(other.as_str()) && is_same(proxy, also))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(by: &str, on: &str, grantable: bool) -> Proxy {
        let at = |name: &str, host: &str| (name.to_owned(), host.to_owned());
        Proxy { by: at(by, "%"), on: at(on, "%"), grantable }
    }

    fn found(proxies: &[Proxy]) -> usize {
        let [app, twin] = ["app", "app_clone"].map(|name| Username::parse(name).unwrap());
        only_of(proxies, &twin, &app).count()
    }

    #[test]
    fn a_proxy_of_one_alone_is_found_and_one_of_both_or_of_everybody_is_not() {
        for (proxies, count) in [
            (vec![proxy("mallory", "app_clone", false)], 1),
            (vec![proxy("mallory", "app_clone", false), proxy("mallory", "app", false)], 0),
            (vec![proxy("mallory", "app_clone", false), proxy("other", "app", false)], 1),
            (vec![proxy("mallory", "app_clone", true), proxy("mallory", "app", false)], 1),
            (vec![proxy("mallory", "app_clone", false), proxy("mallory", "app", true)], 0),
            (vec![proxy("mallory", "app_%", false)], 1),
            (vec![proxy("mallory", "app%", false)], 0),
            (vec![proxy("root", "", true)], 0),
            (vec![proxy("mallory", "app", false)], 0),
            (vec![proxy("app_clone", "app_clone", true)], 0),
        ] {
            assert_eq!(found(&proxies), count, "{proxies:?}");
        }
    }
}
