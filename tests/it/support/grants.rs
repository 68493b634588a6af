//! Everything that a server holds about an account, as text that can be compared.
//!
//! A [`Picture`] has one line for each row of the grant tables, without the account's name, its
//! password, and what differs by nature (who granted, and when). The lines of `SHOW GRANTS` and
//! `SHOW CREATE USER` are pictured likewise: the tables tell what will be true after a restart, these
//! what is true now. None of this is shared with the code that it judges.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value as SqlValue};
use serde_json::{Map, Value, json};

use super::account::{Tenant, account, identifier};
use super::server::{Need, Server};

/// What the server holds about one account, at all its hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture(Vec<String>);

impl Picture {
    /// The grant tables' rows.
    pub(crate) async fn of_tables(tenant: &Tenant, user: &str) -> Self {
        let mut root = tenant.root().await;
        let mut lines = Vec::new();
        for (table, user_column) in tables(tenant.address.server) {
            let query = format!("SELECT * FROM mysql.{table} WHERE {user_column} = ?");
            let rows: Vec<Row> = root.exec(query, (user,)).await.unwrap();
            lines.extend(rows.iter().map(|row| line(table, user_column, row)));
        }
        root.disconnect().await.unwrap();
        lines.sort();
        Self(lines)
    }

    /// The lines of `SHOW GRANTS` and `SHOW CREATE USER`.
    pub(crate) async fn of_shown(tenant: &Tenant, user: &str) -> Self {
        let mut root = tenant.root().await;
        root.query_drop("SET sql_mode = ''").await.unwrap();
        if tenant.address.server.has(Need::HexadecimalHashes) {
            root.query_drop("SET print_identified_with_as_hex = 1").await.unwrap();
        }
        let mut lines = Vec::new();
        for host in tenant.hosts(user).await {
            for what in ["GRANTS FOR", "CREATE USER"] {
                let shown = show(&mut root, &format!("SHOW {what} {}", account(user, &host))).await;
                // MySQL 5.7 shows an account as strings.
                let as_string =
                    user.replace('\\', "\\\\").replace('\'', "\\'").replace('"', "\\\"");
                let names = [format!("{}@", identifier(user)), format!("'{as_string}'@")];
                let without_name = |line: &String| {
                    names.iter().fold(line.clone(), |line, name| line.replace(name, "{user}@"))
                };
                lines.extend(
                    shown
                        .iter()
                        .map(|line| without_hashes(&without_name(line)))
                        .map(|line| without_nothing(&line)),
                );
            }
        }
        root.disconnect().await.unwrap();
        lines.sort();
        Self(lines)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn holds(&self, text: &str) -> bool {
        self.0.iter().any(|line| line.contains(text))
    }

    /// The lines that only one of the two has.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let only = |a: &Self, b: &Self, mark| -> Vec<String> {
            let lines = a.0.iter().filter(|line| !b.0.contains(line));
            lines.map(|line| format!("{mark} {line}")).collect()
        };
        [only(self, other, "<"), only(other, self, ">")].concat()
    }
}

/// Fails unless the server holds the same about both users, in its tables and in its memory.
pub(crate) async fn assert_equal_accounts(tenant: &Tenant, a: &str, b: &str) {
    for (what, left, right) in [
        (
            "the grant tables",
            Picture::of_tables(tenant, a).await,
            Picture::of_tables(tenant, b).await,
        ),
        (
            "SHOW GRANTS and SHOW CREATE USER",
            Picture::of_shown(tenant, a).await,
            Picture::of_shown(tenant, b).await,
        ),
    ] {
        assert!(!left.is_empty(), "{a} does not exist");
        assert!(
            left == right,
            "{a} (<) and {b} (>) differ in {what}:\n{}",
            left.differences(&right).join("\n")
        );
    }
}

/// The grant tables of a server, each with the column that holds the account's user name.
pub(crate) fn tables(server: Server) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = if server.is_mariadb() { MARIADB_TABLES } else { MYSQL_TABLES };
    let is_there = move |table: &str| match table {
        "global_grants" => server.has(Need::DynamicPrivileges),
        "role_edges" | "default_roles" => server.has(Need::Roles),
        _ => true,
    };
    all.iter().copied().filter(move |(table, _)| is_there(table))
}

const MYSQL_TABLES: &[(&str, &str)] = &[
    ("user", "User"),
    ("global_grants", "USER"),
    ("db", "User"),
    ("tables_priv", "User"),
    ("columns_priv", "User"),
    ("procs_priv", "User"),
    ("proxies_priv", "User"),
    ("role_edges", "TO_USER"),
    ("default_roles", "USER"),
];
const MARIADB_TABLES: &[(&str, &str)] = &[
    ("global_priv", "User"),
    ("db", "User"),
    ("tables_priv", "User"),
    ("columns_priv", "User"),
    ("procs_priv", "User"),
    ("proxies_priv", "User"),
    ("roles_mapping", "User"),
];

/// Columns that differ between equal accounts.
const LEFT_OUT: &[&str] = &[
    "Grantor",
    "Timestamp",
    "authentication_string",
    "password_last_changed",
    // An expired password is set again, and so not expired.
    "password_expired",
];

fn line(table: &str, user_column: &str, row: &Row) -> String {
    let mut line = table.to_owned();
    for (column, value) in row.columns_ref().iter().zip(0..) {
        let name = column.name_str();
        if name == user_column || LEFT_OUT.contains(&name.as_ref()) {
            continue;
        }
        let value = text(row.as_ref(value).expect("as many values as columns"));
        let value = match name.as_ref() {
            "User_attributes" => mysql_attributes(value),
            "Priv" => mariadb_account(value),
            _ => value,
        };
        // Most privileges are not held, and are left out to keep a failure readable.
        let value = match value {
            Some(no) if no == "N" && name.ends_with("_priv") => continue,
            Some(value) => format!("{value:?}"),
            None => "NULL".to_owned(),
        };
        line += &format!(" {name}={value}");
    }
    line
}

fn text(value: &SqlValue) -> Option<String> {
    match value {
        SqlValue::NULL => None,
        SqlValue::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}

/// The JSON column without the second password; no metadata and empty metadata are the same.
fn mysql_attributes(column: Option<String>) -> Option<String> {
    let mut attributes: Map<String, Value> = serde_json::from_str(&column?).unwrap();
    attributes.remove("additional_password");
    if attributes.get("metadata") == Some(&json!({})) {
        attributes.remove("metadata");
    }
    if let Some(Value::Array(restrictions)) = attributes.get_mut("Restrictions") {
        restrictions.sort_by_key(|restriction| restriction["Database"].to_string());
    }
    (!attributes.is_empty()).then(|| Value::from(attributes).to_string())
}

/// MariaDB's JSON without the passwords; an absent key means zero.
fn mariadb_account(column: Option<String>) -> Option<String> {
    let mut account: Map<String, Value> = serde_json::from_str(&column?).unwrap();
    for key in ["authentication_string", "password_last_changed", "version_id"] {
        account.remove(key);
    }
    if account.get("password_lifetime") == Some(&json!(-1)) {
        account.remove("password_lifetime");
    }
    if let Some(Value::Array(alternatives)) = account.get_mut("auth_or") {
        // One that once had alternatives keeps a list of itself alone.
        if *alternatives == [json!({})] {
            alternatives.clear();
        }
        for alternative in alternatives.iter_mut().filter_map(Value::as_object_mut) {
            alternative.remove("authentication_string");
        }
    }
    // A lifetime of zero is `PASSWORD EXPIRE NEVER`: there, absent is something else.
    account.retain(|key, value| {
        let zero = *value == json!([])
            || *value == json!(0)
            || *value == json!(0.0)
            || *value == ""
            || *value == false;
        !zero || key == "password_lifetime"
    });
    Some(Value::from(account).to_string())
}

async fn show(root: &mut Conn, query: &str) -> Vec<String> {
    let rows: Vec<Vec<u8>> = root
        .query_map(query, |row: Row| {
            let first: Vec<u8> = row.get(0).expect("SHOW gives one column");
            first
        })
        .await
        .unwrap_or_else(|error| panic!("{error}\n{query}"));
    rows.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

/// The line without limits of zero and without an empty attribute, which are shown where they were
/// once set and not where they never were, and with its lists in order.
fn without_nothing(line: &str) -> String {
    let limits =
        ["QUERIES_PER_HOUR", "UPDATES_PER_HOUR", "CONNECTIONS_PER_HOUR", "USER_CONNECTIONS"];
    let mut line = line.replace(" ATTRIBUTE '{}'", "");
    for limit in limits {
        line = line.replace(&format!(" MAX_{limit} 0 "), " ");
    }
    let line = line.replace(" WITH PASSWORD ", " PASSWORD ");
    // Columns are listed in the order of a hash table, before MySQL 8 without quotes.
    let mut sorted = String::new();
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once(" (")
        && let Some((columns, after)) = after.split_once(')')
    {
        let mut columns: Vec<_> = columns.split(", ").collect();
        columns.sort_unstable();
        sorted += &format!("{before} ({})", columns.join(", "));
        rest = after;
    }
    sorted + rest
}

/// The line with each password's hash replaced.
fn without_hashes(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    let next = |rest: &str| {
        [" AS ", " USING ", " PASSWORD "]
            .iter()
            .filter_map(|word| Some(rest.find(word)? + word.len()))
            .min()
    };
    while let Some(end) = next(rest) {
        let (before, hash) = rest.split_at(end);
        kept += before;
        rest = if let Some(quoted) = hash.strip_prefix('\'') {
            kept += "{hash}";
            after_string(quoted)
        } else if hash.starts_with("0x") {
            kept += "{hash}";
            hash.find(' ').map_or("", |end| &hash[end..])
        } else {
            hash
        };
    }
    kept + rest
}

/// What follows a string whose first quote is gone. A hash that can be printed is not shown in
/// hexadecimal, and its salt may hold a quote.
fn after_string(quoted: &str) -> &str {
    let mut is_escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            '\\' if !is_escaped => is_escaped = true,
            '\'' if !is_escaped => return &quoted[at + 1..],
            _ => is_escaped = false,
        }
    }
    ""
}
