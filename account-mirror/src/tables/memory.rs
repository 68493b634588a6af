//! The privileges in a server's memory, which decide what an account may do. They are those of the grant
//! tables, unless somebody wrote to these directly and did not run `FLUSH PRIVILEGES`.

use std::collections::{BTreeMap, BTreeSet};

use super::query::Query;
use crate::family::Family;
use crate::grant::GrantTarget;
use crate::privilege::{Privilege, Privileges};
use crate::row::Row;
use crate::sql::quote_literal;
use crate::user::Account;

/// A schema, a table, and a column in lower case; empty where it is at a level above.
type Place = [Box<str>; 3];

/// What an account holds at a place, and whether it may pass that on.
type Held = (Privileges, bool);

/// The privileges in memory, by the account as `information_schema` spells it.
#[derive(Default)]
pub(super) struct Memory(BTreeMap<String, BTreeMap<Place, Held>>);

impl Memory {
    /// Adds a row that answers [`query`].
    pub(super) fn add(&mut self, row: &Row) {
        let text = |column| row.text_or_empty(column);
        let place = place([text("in_schema"), text("in_table"), text("in_column")]);
        let names = || row.text_or_empty("privileges").split(',');
        let mut privileges: Privileges = names().filter_map(Privilege::named).collect();
        privileges.remove_all(of_aurora());
        // A dynamic privilege of MySQL, which is not in our vocabulary, has an option of its own.
        let is_static = !privileges.is_empty() || names().any(|name| name == "USAGE");
        let grantable = is_static && row.text_or_empty("grantable") == "YES";
        if !privileges.is_empty() || grantable {
            let grantee = row.text_or_empty("grantee").to_owned();
            let held = self.0.entry(grantee).or_default().entry(place).or_default();
            held.0.insert_all(privileges);
            held.1 |= grantable;
        }
    }

    /// The first account of a user, and the first place, where the memory is another one than the
    /// tables. What was compared is not kept.
    pub(super) fn difference(
        &mut self,
        family: Family,
        user: &str,
        accounts: &BTreeMap<String, Account>,
    ) -> Option<String> {
        accounts.iter().find_map(|(host, account)| {
            let place = difference(family, account, self.take(user, host))?;
            let named: Vec<_> =
                place.iter().map(|name| &**name).filter(|name| !name.is_empty()).collect();
            let place = if named.is_empty() { "*.*".to_owned() } else { named.join(".") };
            Some(format!("'{user}'@'{host}' on {place}"))
        })
    }

    /// What the memory has of an account. The letter case of a host means nothing.
    fn take(&mut self, user: &str, host: &str) -> BTreeMap<Place, Held> {
        let (user, host) = (format!("'{user}'@"), format!("'{host}'"));
        let is_it = |grantee: &&String| {
            grantee.strip_prefix(&user).is_some_and(|of| of.eq_ignore_ascii_case(&host))
        };
        let grantee = self.0.keys().find(is_it).cloned();
        grantee.and_then(|grantee| self.0.remove(&grantee)).unwrap_or_default()
    }
}

/// The first place where the memory is another one than the tables.
fn difference(
    family: Family,
    account: &Account,
    mut memory: BTreeMap<Place, Held>,
) -> Option<Place> {
    let mut different = Vec::new();
    for (place, in_tables) in places(family, account) {
        let in_memory = memory.remove(&place);
        if in_memory != Some(in_tables) {
            different.push((place, [Some(in_tables), in_memory]));
        }
    }
    different.extend(memory.into_iter().map(|(place, held)| (place, [None, Some(held)])));
    // The option to pass on privileges of columns alone is not shown.
    let is_hidden = |([schema, table, column], held): &(Place, [Option<Held>; 2])| {
        let [schema, name] = [schema, table].map(|name| name.to_string());
        let grant = account.grants.get(&GrantTarget::Table { schema, name });
        column.is_empty()
            && grant.is_some_and(|grant| !grant.columns.is_empty())
            && held.iter().flatten().all(|(privileges, _)| privileges.is_empty())
    };
    different.into_iter().filter(|one| !is_hidden(one)).map(|(place, _)| place).min()
}

fn place([schema, table, column]: [&str; 3]) -> Place {
    [schema.into(), table.into(), column.to_ascii_lowercase().into()]
}

/// What an account holds by the tables, at each of the places that the memory shows.
fn places(family: Family, account: &Account) -> impl Iterator<Item = (Place, Held)> {
    let names = move |target| match target {
        &GrantTarget::Global if family.is_mysql() => Some(["", ""]),
        GrantTarget::Schema(schema) => Some([schema.as_str(), ""]),
        GrantTarget::Table { schema, name } => Some([schema.as_str(), name.as_str()]),
        _ => None,
    };
    let shown = account.grants.iter().filter_map(move |(target, grant)| {
        let names = names(target)?;
        Some((names, grant))
    });
    shown.flat_map(|([schema, table], grant)| {
        let mut privileges = grant.privileges;
        privileges.remove_all(of_aurora());
        let is_there = !privileges.is_empty() || grant.grantable;
        let whole = is_there.then(|| (place([schema, table, ""]), (privileges, grant.grantable)));
        let columns = grant.columns.iter().map(move |(column, privileges)| {
            (place([schema, table, column]), (*privileges, false))
        });
        whole.into_iter().chain(columns)
    })
}

/// What Aurora MySQL 2 has added to the columns of `mysql.user`: whether it shows them in
/// `information_schema` was not run, so they are not compared.
fn of_aurora() -> Privileges {
    Privilege::all().filter(|privilege| privilege.is_of_aurora()).collect()
}

/// The query for what the memory has of these users: one row for each place. The global privileges of
/// MariaDB are read from the memory anyway.
pub(super) fn query(family: Family, users: &BTreeSet<String>) -> Query {
    let of_user = |user: &String| {
        let start = quote_literal(&format!("'{user}'@'"));
        format!("LEFT(GRANTEE, CHAR_LENGTH({start})) = {start}")
    };
    let of_users: Vec<_> = users.iter().map(of_user).collect();
    let of_users = of_users.join(" OR ");
    let levels = [
        ("USER", "''", "''", "''"),
        ("SCHEMA", "TABLE_SCHEMA", "''", "''"),
        ("TABLE", "TABLE_SCHEMA", "TABLE_NAME", "''"),
        ("COLUMN", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME"),
    ];
    let parts = levels.into_iter().skip(usize::from(!family.is_mysql())).map(
        |(level, schema, table, column)| {
            // The option to pass on a privilege of a column is that of the table.
            let grantable = if level == "COLUMN" { "'NO'" } else { "IS_GRANTABLE" };
            format!(
                "SELECT GRANTEE AS grantee, {schema} AS in_schema, {table} AS in_table, \
                 {column} AS in_column, GROUP_CONCAT(PRIVILEGE_TYPE) AS privileges, \
                 {grantable} AS grantable FROM information_schema.{level}_PRIVILEGES \
                 WHERE {of_users} GROUP BY CAST(GRANTEE AS BINARY), CAST({schema} AS BINARY), \
                 CAST({table} AS BINARY), CAST({column} AS BINARY), {grantable}"
            )
        },
    );
    Query {
        what: "information_schema (privileges in memory)".to_owned(),
        sql: parts.collect::<Vec<_>>().join(" UNION ALL "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Grant;

    const MARIADB: Family = Family::MariaDb((11, 8, 0));

    fn row(values: [&str; 6]) -> Row {
        let columns = ["grantee", "in_schema", "in_table", "in_column", "privileges", "grantable"];
        let columns: Vec<String> = columns.map(str::to_owned).into();
        Row::new(columns.into(), values.map(|value| Some(value.as_bytes().to_vec())).into())
    }

    fn difference(grant: Grant, rows: &[[&str; 6]]) -> Option<String> {
        let target = GrantTarget::Table { schema: "d".to_owned(), name: "t".to_owned() };
        let account = Account { grants: [(target, grant)].into(), ..Account::default() };
        let mut memory = Memory::default();
        rows.iter().for_each(|values| memory.add(&row(*values)));
        memory.difference(MARIADB, "app", &[("%".to_owned(), account)].into())
    }

    #[test]
    fn what_the_memory_has_not_or_has_more_is_found_and_an_option_on_columns_alone_is_hidden() {
        let select: Privileges = Privilege::named("SELECT").into_iter().collect();
        let whole = Grant { privileges: select, ..Grant::default() };
        let columns =
            Grant { columns: [("c".into(), select)].into(), grantable: true, ..Grant::default() };
        let table = ["'app'@'%'", "d", "t", "", "SELECT", "NO"];
        let column = ["'app'@'%'", "d", "t", "C", "SELECT", "NO"];
        let other = ["'app'@'%'", "e", "", "", "DELETE", "NO"];
        let of_another = ["'App'@'%'", "e", "", "", "DELETE", "NO"];
        assert_eq!(difference(whole.clone(), &[table]), None);
        assert_eq!(difference(whole.clone(), &[table, of_another]), None);
        assert_eq!(difference(whole.clone(), &[]).as_deref(), Some("'app'@'%' on d.t"));
        assert_eq!(difference(whole, &[table, other]).as_deref(), Some("'app'@'%' on e"));
        assert_eq!(difference(columns.clone(), &[column]), None);
        assert_eq!(difference(columns, &[]).as_deref(), Some("'app'@'%' on d.t.c"));
    }
}
