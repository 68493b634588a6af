//! What the user and its twin both try, to see whether they fare alike.

use account_mirror::grant::GrantTarget;

use crate::support::account::{account, identifier};
use crate::support::generator::{COLUMNS, World};

/// The statements, for a world in which `guest` exists.
pub(super) fn attempts(world: &World, guest: &str) -> Vec<String> {
    // Of a user with several hosts, MariaDB adds a role to the privileges at whichever host it
    // finds first.
    let without_role = (!world.flavor.is_mysql()).then(|| "SET ROLE NONE".to_owned());
    let mut attempts: Vec<String> = without_role.iter().cloned().collect();
    let first = [
        "SELECT COUNT(*) FROM mysql.user",
        "SHOW ENGINE INNODB STATUS",
        "FLUSH STATUS",
        "XA RECOVER CONVERT XID",
        "SET GLOBAL max_connections = @@max_connections",
        "SHOW DATABASES",
    ];
    attempts.extend(first.map(str::to_owned));
    attempts.push(format!("ALTER USER {guest} ACCOUNT UNLOCK"));
    for schema in world.schemas() {
        let schema = identifier(&schema);
        attempts.extend([
            format!("CREATE TABLE IF NOT EXISTS {schema}.made (id INT)"),
            format!("GRANT SELECT ON {schema}.* TO {guest}"),
            format!("GRANT INSERT, EXECUTE ON {schema}.* TO {guest}"),
        ]);
    }
    for table in world.tables() {
        let GrantTarget::Table { schema, name } = &table else {
            continue;
        };
        let table = format!("{}.{}", identifier(schema), identifier(name));
        for column in COLUMNS.map(identifier) {
            attempts.extend([
                format!("SELECT {column} FROM {table}"),
                format!("UPDATE {table} SET {column} = 1"),
                format!("GRANT SELECT ({column}) ON {table} TO {guest}"),
            ]);
        }
        attempts.extend([
            format!("INSERT INTO {table} VALUES (1, 2)"),
            format!("DELETE FROM {table} WHERE FALSE"),
            format!("DELETE FROM {table}"),
            format!("SHOW CREATE TABLE {table}"),
        ]);
    }
    for routine in world.routines() {
        if let GrantTarget::Routine { kind, schema, name } = &routine {
            let place = format!("{}.{}", identifier(schema), identifier(name));
            let kind = kind.as_sql();
            attempts.extend(match kind {
                "FUNCTION" => Some(format!("SELECT {place}()")),
                "PROCEDURE" => Some(format!("CALL {place}()")),
                "PACKAGE" => Some(format!("CALL {place}.q()")),
                _ => None,
            });
            attempts.push(format!("SHOW CREATE {kind} {place}"));
        }
    }
    for role in world.roles() {
        let role = match &role.host {
            Some(host) => account(&role.user, host),
            None => identifier(&role.user),
        };
        attempts.extend(["SELECT CURRENT_ROLE()".to_owned(), format!("SET ROLE {role}")]);
        attempts.extend(without_role.clone());
        attempts.push(format!("GRANT {role} TO {guest}"));
    }
    for proxied in world.proxied() {
        if let GrantTarget::Proxy { user, host } = &proxied {
            let proxied = account(user, host);
            attempts.push(format!("GRANT PROXY ON {proxied} TO {guest}"));
        }
    }
    attempts
}
