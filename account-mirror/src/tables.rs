//! Reads accounts from the grant tables.
//!
//! [`Reading`] says what to ask the server, and [`Answers`] makes accounts of the rows. [`GRANT_TABLES`]
//! has a line for each table. It fails closed: what is not known is not copied, and an account that has
//! it is refused.

use crate::family::Family;

mod accounts;
mod answers;
mod defined;
mod grants;
mod letters;
mod mariadb;
mod memory;
mod mysql;
mod not_mirrorable;
mod query;
mod reading;

pub use accounts::Accounts;
pub use answers::Answers;
pub use defined::Defined;
use grants::GRANT_TABLES;
pub use letters::is_column;
pub use query::Query;
pub use reading::Reading;

/// The columns of a table of `mysql` that this function would overlook: neither a key, nor read,
/// nor known to mean nothing for a mirror.
pub fn unknown_columns<'a>(
    family: Family,
    table: &str,
    columns: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let known: Vec<&str> = match GRANT_TABLES.iter().find(|known| known.name == table) {
        Some(table) => table.known_columns().collect(),
        None if table == "mysql.user" => mysql::columns().collect(),
        None => mariadb::keys(family).collect(),
    };
    let columns = columns.into_iter();
    columns.filter(|column| !known.contains(column) && !grants::is_privilege(column)).collect()
}
