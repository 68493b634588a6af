//! Makes what the generator describes, with real statements on a real server.
//!
//! It has nothing in common with the code under test, which makes such statements too.

use account_mirror::grant::{Grant, GrantTarget, RoleName, RoutineKind};
use account_mirror::privilege::Privileges;
use account_mirror::setting::{Setting, Tls, Value};
use account_mirror::user::{Account, User};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::account::{account, identifier, literal};
use super::generator::{COLUMNS, Flavor, VIEW, World};

/// Runs a statement as root.
pub(crate) async fn run(root: &mut Conn, sql: &str) {
    if let Err(error) = root.query_drop(sql).await {
        panic!("{error}\n{sql}");
    }
}

/// Makes the schemas, tables, routines, roles and proxied users of a world.
pub(crate) async fn settle(root: &mut Conn, world: &World) {
    for schema in world.schemas() {
        run(root, &format!("CREATE DATABASE {}", identifier(&schema))).await;
    }
    let columns = COLUMNS.map(|column| format!("{} INT", identifier(column)));
    for table in world.tables() {
        let columns = columns.join(", ");
        let place = place(&table);
        if let GrantTarget::Table { schema, name } = &table
            && name == VIEW
        {
            let base = format!("{}.base", identifier(schema));
            run(root, &format!("CREATE TABLE {base} ({columns})")).await;
            run(root, &format!("CREATE VIEW {place} AS SELECT * FROM {base}")).await;
        } else {
            run(root, &format!("CREATE TABLE {place} ({columns})")).await;
        }
    }
    let objects = world.routines().into_iter().filter_map(routine);
    for sql in objects {
        // MariaDB parses packages in this mode only.
        let oracle = sql.contains("PACKAGE");
        if oracle {
            run(root, "SET SESSION sql_mode = 'ORACLE'").await;
        }
        run(root, &sql).await;
        if oracle {
            run(root, "SET SESSION sql_mode = DEFAULT").await;
        }
    }
    for name in world.roles() {
        run(root, &format!("CREATE ROLE {}", role(&name))).await;
    }
    for object in world.proxied() {
        if let GrantTarget::Proxy { user, host } = object
            && !user.is_empty()
        {
            run(root, &format!("CREATE USER {}", account(&user, &host))).await;
        }
    }
}

fn routine(object: GrantTarget) -> Option<String> {
    let GrantTarget::Routine { kind, .. } = &object else {
        return None;
    };
    let name = place(&object);
    Some(match kind {
        RoutineKind::Function => {
            format!("CREATE {name}() RETURNS INT DETERMINISTIC RETURN 1")
        }
        RoutineKind::Procedure => format!("CREATE {name}() SELECT 1"),
        RoutineKind::Library => format!("CREATE {name} LANGUAGE JAVASCRIPT AS 'export let a = 1'"),
        RoutineKind::Package => format!("CREATE {name} AS PROCEDURE q; END"),
        RoutineKind::PackageBody => {
            format!("CREATE {name} AS PROCEDURE q AS BEGIN SELECT 1; END; END")
        }
    })
}

/// Makes an account at all its hosts.
pub(crate) async fn make(root: &mut Conn, flavor: Flavor, account: &User, password: &str) {
    for sql in statements(flavor, account, password) {
        let oracle = sql.contains(" ON PACKAGE") && flavor == Flavor::Mariadb1011;
        if oracle {
            run(root, "SET SESSION sql_mode = 'ORACLE'").await;
        }
        run(root, &sql).await;
        if oracle {
            run(root, "SET SESSION sql_mode = DEFAULT").await;
        }
    }
}

/// The statements that make an account at all its hosts. Exceptions come before the rows of any
/// host, and the rows of the most specific host first: MySQL takes the row of another host that
/// matches for one of the account's own, and a row for what is to be revoked.
pub(crate) fn statements(flavor: Flavor, account: &User, password: &str) -> Vec<String> {
    let (mut all, mut later) = (Vec::new(), Vec::new());
    for (host, profile) in &account.accounts {
        let name = super::account::account(account.name.as_str(), host);
        all.push(create(flavor, &name, profile, password));
        all.extend(on_server(&name, profile));
        later.push(on_objects(flavor, &name, profile));
    }
    all.extend(later.into_iter().rev().flatten());
    all
}

/// What is for the whole server, and exceptions from it. Proxies first: they bring the global grant
/// option along.
fn on_server(name: &str, profile: &Account) -> Vec<String> {
    let of_kind = |chosen: fn(&GrantTarget) -> bool| {
        let grants = profile.grants.iter();
        grants.filter(move |(object, _)| chosen(object))
    };
    let mut statements = Vec::new();
    let mut brought = false;
    for (object, held) in of_kind(|object| matches!(object, GrantTarget::Proxy { .. })) {
        statements.push(grant(name, object, held));
        brought |= held.grantable;
    }
    if brought {
        statements.push(format!("REVOKE GRANT OPTION ON *.* FROM {name}"));
    }
    for (object, held) in
        of_kind(|object| matches!(object, GrantTarget::Global | GrantTarget::Dynamic(_)))
    {
        statements.push(grant(name, object, held));
    }
    for (object, held) in of_kind(|object| matches!(object, GrantTarget::PartialRevoke(_))) {
        let what = list(held.privileges);
        statements.push(format!("REVOKE {what} ON {} FROM {name}", place(object)));
    }
    statements
}

/// Rows on schemas, tables and routines, and roles.
fn on_objects(flavor: Flavor, name: &str, profile: &Account) -> Vec<String> {
    let mut statements = Vec::new();
    for (object, held) in &profile.grants {
        match object {
            GrantTarget::Proxy { .. }
            | GrantTarget::Global
            | GrantTarget::Dynamic(_)
            | GrantTarget::PartialRevoke(_) => {}
            GrantTarget::Role(granted) => {
                let option = if held.grantable { " WITH ADMIN OPTION" } else { "" };
                statements.push(format!("GRANT {} TO {name}{option}", role(granted)));
            }
            _ => statements.push(grant(name, object, held)),
        }
    }
    if let Some(Value::Roles(roles)) = profile.settings.get(&Setting::DefaultRoles)
        && !roles.is_empty()
    {
        let roles: Vec<_> = roles.iter().map(role).collect();
        let roles = roles.join(", ");
        statements.push(if flavor.is_mysql() {
            format!("SET DEFAULT ROLE {roles} TO {name}")
        } else {
            format!("SET DEFAULT ROLE {roles} FOR {name}")
        });
    }
    statements
}

fn grant(name: &str, object: &GrantTarget, held: &Grant) -> String {
    let mut what: Vec<String> =
        held.privileges.iter().map(|privilege| privilege.to_string()).collect();
    for (column, privileges) in &held.columns {
        what.extend(
            privileges.iter().map(|privilege| format!("{privilege} ({})", identifier(column))),
        );
    }
    match object {
        GrantTarget::Dynamic(privilege) => what.push(privilege.clone()),
        GrantTarget::Proxy { .. } => what.push("PROXY".to_owned()),
        _ if what.is_empty() => what.push("USAGE".to_owned()),
        _ => {}
    }
    let option = if held.grantable { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {} ON {} TO {name}{option}", what.join(", "), place(object))
}

pub(crate) fn place(object: &GrantTarget) -> String {
    match object {
        GrantTarget::Dynamic(_) | GrantTarget::Global => "*.*".to_owned(),
        GrantTarget::PartialRevoke(name) | GrantTarget::Schema(name) => {
            format!("{}.*", identifier(name))
        }
        GrantTarget::Table { schema, name } => {
            format!("{}.{}", identifier(schema), identifier(name))
        }
        GrantTarget::Routine { kind, schema, name } => {
            let kind = match kind {
                RoutineKind::Function => "FUNCTION",
                RoutineKind::Procedure => "PROCEDURE",
                RoutineKind::Library => "LIBRARY",
                RoutineKind::Package => "PACKAGE",
                RoutineKind::PackageBody => "PACKAGE BODY",
            };
            format!("{kind} {}.{}", identifier(schema), identifier(name))
        }
        GrantTarget::Role(granted) => role(granted),
        GrantTarget::Proxy { user, host } => account(user, host),
    }
}

fn role(name: &RoleName) -> String {
    match &name.host {
        Some(host) => account(&name.user, host),
        None => identifier(&name.user),
    }
}

fn list(privileges: Privileges) -> String {
    let names: Vec<_> = privileges.iter().map(|privilege| privilege.to_string()).collect();
    names.join(", ")
}

fn create(flavor: Flavor, name: &str, profile: &Account, password: &str) -> String {
    let password = literal(password);
    let methods: Vec<_> = profile
        .authentication
        .iter()
        .map(|method| match (flavor.is_mysql(), &method.auth_string) {
            (true, _) => format!("{} BY {password}", method.plugin),
            (false, None) => format!("{} USING PASSWORD({password})", method.plugin),
            (false, Some(_)) => method.plugin.clone(),
        })
        .collect();
    let with = if flavor.is_mysql() { "WITH" } else { "VIA" };
    let mut sql = format!("CREATE USER {name} IDENTIFIED {with} {}", methods.join(" OR "));
    let (mut limits, mut policies, mut attribute) = (String::new(), String::new(), String::new());
    for value in profile.settings.values() {
        match value {
            Value::Tls(tls) => sql += &require(tls),
            Value::Clause(clause) if clause.starts_with("MAX_") => limits += &format!(" {clause}"),
            Value::Clause(clause) => policies += &format!(" {clause}"),
            Value::Json(json) => {
                let json = serde_json::Value::Object(json.clone()).to_string();
                attribute = format!(" ATTRIBUTE {}", literal(&json));
            }
            Value::Roles(_) => {}
        }
    }
    let lock = if profile.state.locked { " ACCOUNT LOCK" } else { "" };
    sql + " WITH" + &limits + &policies + lock + &attribute
}

fn require(tls: &Tls) -> String {
    match tls {
        Tls::None => String::new(),
        Tls::Ssl => " REQUIRE SSL".to_owned(),
        Tls::X509 => " REQUIRE X509".to_owned(),
        Tls::Specified { subject, issuer, cipher } => {
            let parts = [("CIPHER", cipher), ("ISSUER", issuer), ("SUBJECT", subject)];
            let parts: Vec<_> = parts
                .iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(word, text)| format!("{word} {}", literal(text)))
                .collect();
            format!(" REQUIRE {}", parts.join(" AND "))
        }
    }
}
