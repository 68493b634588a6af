//! What is asked of the server beside the accounts, in the same round trip.

use std::collections::BTreeSet;

use account_mirror::family::Family;
use account_mirror::grant::RoleName;
use account_mirror::row::Row;
use account_mirror::sql::quote_literal;
use account_mirror::tables::Query;

use crate::database::session::Session;

/// The loaded plugins, not all that there are, for which MariaDB opens every library. With each, how long a
/// user's name may be, as the server's tables say: a server whose program was upgraded and whose tables were
/// not takes no longer names than before.
pub(super) const LOADED_PLUGINS: &str = "SELECT PLUGIN_NAME AS name, \
    (SELECT CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS \
    WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'db' AND COLUMN_NAME = 'User') AS longest \
    FROM information_schema.PLUGINS \
    WHERE PLUGIN_TYPE = 'AUTHENTICATION' AND PLUGIN_STATUS = 'ACTIVE'";

/// The answers.
#[derive(Default)]
pub(super) struct Beside {
    /// The authentication plugins that the server has loaded, in lower case.
    pub(super) plugins: BTreeSet<String>,
    /// How many characters a user's name may have.
    pub(super) longest_name: Option<usize>,
    /// The roles that the superuser has, directly or through others.
    pub(super) roles: BTreeSet<RoleName>,
}

impl Beside {
    pub(super) fn queries(session: &Session) -> impl Iterator<Item = Query> {
        let sql = LOADED_PLUGINS.to_owned();
        let plugins = Query { what: "the loaded plugins".to_owned(), sql };
        std::iter::once(plugins).chain(superuser_roles(session))
    }

    /// Takes a row that answers the query of this number. Returns about how many bytes are kept of it.
    pub(super) fn add(&mut self, query: usize, row: Row) -> usize {
        let size = row.size();
        if query == 0 {
            let longest = row.number("longest");
            self.longest_name = longest.and_then(|length| usize::try_from(length).ok());
            self.plugins.insert(row.first_lossy().to_lowercase());
        } else {
            self.roles.insert(role_of(&row));
        }
        size
    }
}

fn role_of(row: &Row) -> RoleName {
    RoleName {
        user: row.text_or_empty("user").to_owned(),
        host: Some(row.text_or_empty("host").to_owned()),
    }
}

/// The query for all roles that the superuser of the session has, if the server has roles.
fn superuser_roles(session: &Session) -> Option<Query> {
    let sql = match session.family {
        family if !family.has_roles() => return None,
        Family::MySql(_) => format!(
            "WITH RECURSIVE roles AS (\
             SELECT FROM_USER AS user, FROM_HOST AS host FROM mysql.role_edges \
             WHERE TO_USER = {} AND TO_HOST = {} \
             UNION SELECT FROM_USER, FROM_HOST FROM mysql.role_edges JOIN roles \
             ON TO_USER = roles.user AND TO_HOST = roles.host) \
             SELECT user, host FROM roles",
            quote_literal(&session.account_user),
            quote_literal(&session.account_host)
        ),
        Family::MariaDb(_) => "SELECT ROLE_NAME AS user, '' AS host \
             FROM information_schema.ENABLED_ROLES WHERE ROLE_NAME IS NOT NULL"
            .to_owned(),
    };
    Some(Query { what: "the superuser's roles".to_owned(), sql })
}
