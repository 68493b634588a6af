//! The tables of grants: one line each, read by one loop.

use std::collections::BTreeSet;

use super::accounts::{AccountName, Unsorted};
use super::not_mirrorable::mis_encoded;
use crate::error::{Error, unsupported};
use crate::family::Family;
use crate::grant::{Grant, GrantTarget, RoleName, RoutineKind};
use crate::privilege::{GRANT_COLUMN, GRANT_MEMBER, Privilege};
use crate::proxies::Proxy;
use crate::row::Row;
use crate::setting::{Setting, Value};

/// A table with rows that belong to accounts.
pub(super) struct GrantTable {
    pub(super) name: &'static str,
    on: fn(Family) -> bool,
    /// The columns that name the account.
    pub(super) user: &'static str,
    pub(super) host: &'static str,
    /// The other columns that are read.
    columns: &'static [&'static str],
    /// Whether each privilege has a column of its own, so that all columns must be read: one that is
    /// not known may be a privilege.
    has_privileges_as_columns: bool,
    /// The condition of rows that are read for their own sake; empty if there are none.
    pub(super) also: &'static str,
    /// Whether a row counts for every client of the user that its host matches, even where there is
    /// no account at that host. Rows of the other tables are dead then.
    pub(super) counts_without_account: bool,
    /// Adds to the account what a row says. The name is for errors.
    pub(super) read: ReadRow,
}

type ReadRow = fn(&mut Unsorted, AccountName<'_>, &Row) -> Result<(), Error>;

const KEY: (&str, &str) = ("User", "Host");

/// Columns that mean nothing for a mirror: who granted something, and when; and which privileges the
/// rows of `mysql.columns_priv` have together.
const IGNORED: [&str; 3] = ["Grantor", "Timestamp", "Column_priv"];

/// A table of privileges on schemas, on what is in them, or to be somebody's proxy.
const fn rows(name: &'static str, columns: &'static [&'static str], read: ReadRow) -> GrantTable {
    GrantTable { counts_without_account: true, ..table(name, all, KEY, columns, read) }
}

/// A table of what belongs to an account.
const fn table(
    name: &'static str,
    on: fn(Family) -> bool,
    (user, host): (&'static str, &'static str),
    columns: &'static [&'static str],
    read: ReadRow,
) -> GrantTable {
    GrantTable {
        name,
        on,
        user,
        host,
        columns,
        has_privileges_as_columns: false,
        also: "",
        counts_without_account: false,
        read,
    }
}

impl GrantTable {
    /// What is selected of the table.
    pub(super) fn selected(&self) -> String {
        if self.has_privileges_as_columns {
            return "*".to_owned();
        }
        let columns = [self.user, self.host].into_iter().chain(self.columns.iter().copied());
        columns.collect::<Vec<_>>().join(", ")
    }

    /// The columns that are known, those of privileges aside.
    pub(super) fn known_columns(&self) -> impl Iterator<Item = &'static str> {
        [self.user, self.host].into_iter().chain(self.columns.iter().copied()).chain(IGNORED)
    }
}

/// Who holds `SYSTEM_USER` itself: only with that privilege can such a role be granted or revoked.
pub(super) const SYSTEM_USER: &str = "SYSTEM_USER";

pub(super) const GRANT_TABLES: &[GrantTable] = &[
    GrantTable { has_privileges_as_columns: true, ..rows("mysql.db", &["Db"], schema) },
    rows("mysql.tables_priv", &["Db", "Table_name", "Table_priv"], whole_table),
    rows("mysql.columns_priv", &["Db", "Table_name", "Column_name", "Column_priv"], column),
    rows("mysql.procs_priv", &["Db", "Routine_name", "Routine_type", "Proc_priv"], routine),
    GrantTable {
        also: "Proxied_user <> ''",
        ..rows("mysql.proxies_priv", &["Proxied_user", "Proxied_host", "With_grant"], proxy)
    },
    GrantTable {
        also: "PRIV = 'SYSTEM_USER'",
        ..table(
            "mysql.global_grants",
            mysql_with_roles,
            ("USER", "HOST"),
            &["PRIV", "WITH_GRANT_OPTION"],
            dynamic_privilege,
        )
    },
    table(
        "mysql.role_edges",
        mysql_with_roles,
        ("TO_USER", "TO_HOST"),
        &["FROM_USER", "FROM_HOST", "WITH_ADMIN_OPTION"],
        role_of_mysql,
    ),
    table(
        "mysql.default_roles",
        mysql_with_roles,
        ("USER", "HOST"),
        &["DEFAULT_ROLE_USER", "DEFAULT_ROLE_HOST"],
        default_role,
    ),
    // The same two from the side of the role: an account that is granted to somebody is a role.
    table("mysql.role_edges", mysql_with_roles, ("FROM_USER", "FROM_HOST"), &[], mark_role),
    table(
        "mysql.default_roles",
        mysql_with_roles,
        ("DEFAULT_ROLE_USER", "DEFAULT_ROLE_HOST"),
        &[],
        mark_role,
    ),
    table("mysql.roles_mapping", mariadb, KEY, &["Role", "Admin_option"], role_of_mariadb),
];

/// The tables that a server of this family has.
pub(super) fn tables(family: Family) -> impl Iterator<Item = &'static GrantTable> {
    GRANT_TABLES.iter().filter(move |table| (table.on)(family))
}

fn all(_: Family) -> bool {
    true
}

fn mysql_with_roles(family: Family) -> bool {
    family.is_mysql() && family.has_roles()
}

fn mariadb(family: Family) -> bool {
    !family.is_mysql()
}

/// Whether a column says whether a privilege is granted.
pub(super) fn is_privilege(column: &str) -> bool {
    column.ends_with("_priv") && (column == GRANT_COLUMN || Privilege::of_column(column).is_some())
}

/// Adds what is granted on a target; a row without any privilege adds nothing.
fn add(account: &mut Unsorted, target: GrantTarget, grant: Grant) {
    if !grant.is_empty() {
        account.grants.push((target, grant));
    }
}

/// The privileges of a row's `…_priv` columns.
pub(super) fn column_privileges(name: AccountName<'_>, row: &Row) -> Result<Grant, Error> {
    let mut grant = Grant::default();
    for column in row.columns().filter(|column| column.ends_with("_priv")) {
        if !row.is_yes(column) {
            continue;
        }
        if column == GRANT_COLUMN {
            grant.grantable = true;
        } else {
            let privilege = Privilege::of_column(column)
                .ok_or_else(|| unsupported(name, format!("the privilege {column}")))?;
            grant.privileges.insert(privilege);
        }
    }
    Ok(grant)
}

fn set_privileges(name: AccountName<'_>, set: &str) -> Result<Grant, Error> {
    let mut grant = Grant::default();
    for member in set.split(',').filter(|member| !member.is_empty()) {
        if member == GRANT_MEMBER {
            grant.grantable = true;
        } else {
            let privilege = Privilege::of_member(member)
                .ok_or_else(|| unsupported(name, format!("the privilege \"{member}\"")))?;
            grant.privileges.insert(privilege);
        }
    }
    Ok(grant)
}

fn schema(account: &mut Unsorted, name: AccountName<'_>, row: &Row) -> Result<(), Error> {
    let target = GrantTarget::Schema(row.text_or_empty("Db").to_owned());
    add(account, target, column_privileges(name, row)?);
    Ok(())
}

fn table_of(row: &Row) -> GrantTarget {
    GrantTarget::Table {
        schema: row.text_or_empty("Db").to_owned(),
        name: row.text_or_empty("Table_name").to_owned(),
    }
}

fn whole_table(account: &mut Unsorted, name: AccountName<'_>, row: &Row) -> Result<(), Error> {
    add(account, table_of(row), set_privileges(name, row.text_or_empty("Table_priv"))?);
    Ok(())
}

fn column(account: &mut Unsorted, name: AccountName<'_>, row: &Row) -> Result<(), Error> {
    let grant = set_privileges(name, row.text_or_empty("Column_priv"))?;
    if !grant.privileges.is_empty() {
        let columns = [(row.text_or_empty("Column_name").into(), grant.privileges)].into();
        add(account, table_of(row), Grant { columns, ..Grant::default() });
    }
    Ok(())
}

fn routine(account: &mut Unsorted, name: AccountName<'_>, row: &Row) -> Result<(), Error> {
    let (schema, routine) = (row.text_or_empty("Db"), row.text_or_empty("Routine_name"));
    if !schema.is_ascii() || !routine.is_ascii() {
        return Err(mis_encoded(name));
    }
    let kind = row.text_or_empty("Routine_type");
    let target = GrantTarget::Routine {
        kind: RoutineKind::named(kind)
            .ok_or_else(|| unsupported(name, format!("privileges on a {kind}")))?,
        schema: schema.to_owned(),
        name: routine.into(),
    };
    add(account, target, set_privileges(name, row.text_or_empty("Proc_priv"))?);
    Ok(())
}

/// Something that is granted as a whole.
fn atomic(grantable: bool) -> Grant {
    Grant { grantable, ..Grant::default() }
}

fn proxy(account: &mut Unsorted, name: AccountName<'_>, row: &Row) -> Result<(), Error> {
    if let Some(Proxy { on: (user, host), grantable, .. }) =
        Proxy::of_row(name.user, name.host, row)
    {
        account.grants.push((GrantTarget::Proxy { user, host }, atomic(grantable)));
    }
    Ok(())
}

/// Dynamic privileges are copied by name: a new one needs no new vocabulary.
fn dynamic_privilege(
    account: &mut Unsorted,
    name: AccountName<'_>,
    row: &Row,
) -> Result<(), Error> {
    let privilege = row.text_or_empty("PRIV");
    if privilege.is_empty() || !privilege.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(unsupported(name, format!("the dynamic privilege \"{privilege}\"")));
    }
    let target = GrantTarget::Dynamic(privilege.to_owned());
    account.grants.push((target, atomic(row.is_yes("WITH_GRANT_OPTION"))));
    Ok(())
}

fn role(row: &Row, user: &str, host: &str) -> RoleName {
    RoleName {
        user: row.text_or_empty(user).to_owned(),
        host: Some(row.text_or_empty(host).to_owned()),
    }
}

fn role_of_mysql(account: &mut Unsorted, _: AccountName<'_>, row: &Row) -> Result<(), Error> {
    let role = GrantTarget::Role(role(row, "FROM_USER", "FROM_HOST"));
    account.grants.push((role, atomic(row.is_yes("WITH_ADMIN_OPTION"))));
    Ok(())
}

fn role_of_mariadb(account: &mut Unsorted, _: AccountName<'_>, row: &Row) -> Result<(), Error> {
    let role = RoleName { user: row.text_or_empty("Role").to_owned(), host: None };
    account.grants.push((GrantTarget::Role(role), atomic(row.is_yes("Admin_option"))));
    Ok(())
}

fn default_role(account: &mut Unsorted, _: AccountName<'_>, row: &Row) -> Result<(), Error> {
    let role = role(row, "DEFAULT_ROLE_USER", "DEFAULT_ROLE_HOST");
    let none = || Value::Roles(BTreeSet::new());
    if let Value::Roles(roles) =
        account.account.settings.entry(Setting::DefaultRoles).or_insert_with(none)
    {
        roles.insert(role);
    }
    Ok(())
}

fn mark_role(account: &mut Unsorted, _: AccountName<'_>, _: &Row) -> Result<(), Error> {
    account.account.state.role = true;
    Ok(())
}
