//! Names that are other names to a server than to us. Which letters are equal is each server's own
//! matter, so it is asked; what no statement copies exactly is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::AccountName;
use super::query::Query;
use crate::error::{Error, ErrorKind};
use crate::family::Family;
use crate::row::Row;
use crate::sql::quote_literal;

/// The columns on which two users have privileges, by what the server finds them by.
#[derive(Default)]
pub(super) struct Spellings(BTreeMap<Key, Vec<Spelled>>);

/// Host, schema and table; by what is compared, and what that is of the column; and its length.
type Key = ([String; 3], &'static str, Vec<u8>, usize);

/// A user, and a column as it is spelled in its row.
type Spelled = (String, String);

impl Spellings {
    /// Adds the row if it is one of `mysql.columns_priv`.
    ///
    /// A server finds a column in its memory by the collation of names: which of two rows it finds
    /// depends on the order in which they came there, until it starts anew. So an account may have one
    /// row for each. Another spelling of the other user is known if it differs in the case of ASCII
    /// letters alone.
    ///
    /// # Errors
    ///
    /// `AccountNotUnderstood`.
    pub(super) fn add(
        &mut self,
        family: Family,
        name: AccountName<'_>,
        row: &Row,
    ) -> Result<(), Error> {
        if row.bytes(WEIGHT).is_none() {
            return Ok(());
        }
        let text = |column| row.text_or_empty(column).to_owned();
        let column = text("Column_name");
        let length = if family.compares_lengths_of_columns() { column.len() } else { 0 };
        for (by, length) in [(WEIGHT, length), (SMALL, 0)] {
            let Some(compared) = row.bytes(by) else {
                continue;
            };
            let place = [name.host.to_owned(), text("Db"), text("Table_name")];
            let spelled = self.0.entry((place, by, compared.to_vec(), length)).or_default();
            let is_conflict = |(user, other): &&Spelled| {
                *other != column && (user == name.user || !other.eq_ignore_ascii_case(&column))
            };
            if let Some((user, other)) = spelled.iter().find(is_conflict) {
                let table = format!("{}.{}", text("Db"), text("Table_name"));
                return Err(same_column(&table, (user, other), name, &column));
            }
            spelled.push((name.user.to_owned(), column.clone()));
        }
        Ok(())
    }
}

fn same_column(
    table: &str,
    (user, other): (&str, &str),
    name: AccountName<'_>,
    column: &str,
) -> Error {
    ErrorKind::AccountNotUnderstood.because(format!(
        "'{user}'@'{}' has privileges on the column `{other}` of {table}, and {name} on `{column}`, \
         which the server takes for the same name; which one counts depends on the order, so no copy \
         would be exact; revoke both, run FLUSH PRIVILEGES, and grant them in one spelling, or on the \
         whole table",
        name.host
    ))
}

/// The query for rows of these users that name a schema or a table with capitals on a server that
/// compares names in small letters: they were made before it did.
pub(super) fn capitals(users: &BTreeSet<String>) -> Query {
    let users: Vec<_> = users.iter().map(|user| quote_literal(user)).collect();
    let users = users.join(", ");
    let tables = [("db", "''"), ("tables_priv", "Table_name"), ("procs_priv", "''")];
    let parts = tables.map(|(table, name)| {
        let small = |name: &str| {
            format!("CAST(LOWER(CONVERT({name} USING utf8mb3)) AS BINARY) <> CAST({name} AS BINARY)")
        };
        let names: Vec<_> = ["Db", name].into_iter().filter(|n| *n != "''").map(small).collect();
        format!(
            "SELECT '{table}' AS of_table, User AS user, Host AS host, Db AS in_schema, {name} AS name \
             FROM mysql.{table} WHERE @@lower_case_table_names <> 0 AND User IN ({users}) AND ({})",
            names.join(" OR ")
        )
    });
    let sql = parts.join(" UNION ALL ");
    Query { what: "mysql.db, tables_priv and procs_priv (names in capitals)".to_owned(), sql }
}

/// The error for a row that answers it.
pub(super) fn in_capitals(row: &Row) -> Error {
    let text = |column| row.text_or_empty(column);
    let dot = if text("name").is_empty() { "" } else { "." };
    ErrorKind::AccountNotUnderstood.because(format!(
        "'{}'@'{}' has privileges on {}{dot}{} in mysql.{}, from before \
         lower_case_table_names was set; the server reads the name in small letters, and no statement \
         copies or revokes the row; write that name in small letters there and run FLUSH PRIVILEGES, or \
         drop the user and create it again with its privileges",
        text("user"),
        text("host"),
        text("in_schema"),
        text("name"),
        text("of_table"),
    ))
}

const WEIGHT: &str = "Weight";
const SMALL: &str = "Small";

/// What is read of a column beside its name: by what the server finds it in its memory, and in a table.
pub(super) fn compared(table: &str, family: Family) -> String {
    if table != "mysql.columns_priv" {
        return String::new();
    }
    let collation = family.collation_of_names();
    let weight = format!(", WEIGHT_STRING(Column_name COLLATE {collation}) AS {WEIGHT}");
    if family.finds_columns_by_collation() {
        weight
    } else {
        format!("{weight}, LOWER(Column_name) AS {SMALL}")
    }
}

/// The condition of `SHOW COLUMNS` for the column that a statement finds by this name.
pub fn is_column(family: Family, name: &str) -> String {
    let literal = format!("CONVERT({} USING utf8mb3)", quote_literal(name));
    let collation = family.collation_of_names();
    if family.finds_columns_by_collation() {
        return format!(" WHERE Field COLLATE {collation} = {literal}");
    }
    let small = |name: &str| format!("CAST(LOWER({name} COLLATE {collation}) AS BINARY)");
    let same = format!(" WHERE {} = {}", small("Field"), small(&literal));
    // MariaDB finds none whose name has another number of bytes.
    if family.is_mysql() { same } else { format!("{same} AND LENGTH(Field) = {}", name.len()) }
}
