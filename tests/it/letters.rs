//! Names in letters that Unicode and a server fold differently, and that one server folds otherwise than
//! another: each ends in an exact copy, or in a refusal before anything is written.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use rotation::error::ErrorType::AccountNotUnderstood;

use crate::support::account::{Tenant, account, identifier};
use crate::support::canary::Capture;
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::assert_refused;

const FIRST: &str = "first canary";

/// Two names that some server, or Unicode, takes for one.
const PAIRS: &[[&str; 2]] = &[
    ["A", "a"],
    ["É", "é"],
    ["é", "e"],
    ["ß", "ẞ"],
    ["ß", "s"],
    ["İ", "i"],
    ["ı", "I"],
    ["σ", "ς"],
    ["\u{212a}", "k"],
    ["Ⅷ", "ⅷ"],
    ["Ⱥ", "ⱥ"],
    ["Ꭰ", "ꭰ"],
];

async fn own(server: Server, args: &[&str]) -> (OwnServer, Tenant, Scene) {
    let own = OwnServer::start(server, args).await;
    let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
    (own, tenant, scene)
}

/// What comes of each attempt in a session.
async fn codes(session: &mut Conn, attempts: &[String]) -> Vec<u16> {
    let mut codes = Vec::new();
    for attempt in attempts {
        codes.push(match session.query_drop(attempt).await {
            Ok(()) => 0,
            Err(Error::Server(refusal)) => refusal.code,
            Err(error) => panic!("{error}\n{attempt}"),
        });
    }
    codes
}

/// The two are equal in the tables, and both fare alike, also after the server has read its tables anew.
async fn assert_equal(tenant: &Tenant, scene: &Scene, attempts: &[String]) -> Vec<u16> {
    assert_equal_accounts(tenant, &tenant.user(), &tenant.twin()).await;
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        for label in ["AWSCURRENT", "AWSPREVIOUS"] {
            let (user, password) = scene.login(label).await;
            let mut session = tenant.log_in(&user, &password).await.unwrap();
            outcomes.push(codes(&mut session, attempts).await);
            session.disconnect().await.unwrap();
        }
        tenant.sql("FLUSH PRIVILEGES").await;
    }
    let server = tenant.address.server;
    assert!(outcomes.windows(2).all(|two| two[0] == two[1]), "{server:?}: {outcomes:?}");
    outcomes.remove(0)
}

fn attempts(table: &str, columns: [&str; 2]) -> Vec<String> {
    let of = |column: &str| {
        let column = identifier(column);
        [
            format!("INSERT INTO {table} ({column}) VALUES (1)"),
            format!("UPDATE {table} SET {column} = 1"),
        ]
    };
    columns.iter().flat_map(|column| of(column)).collect()
}

/// A table with both columns, or with the first alone where the server takes them for one. Says which.
async fn table_with(tenant: &Tenant, table: &str, columns: [&str; 2]) -> bool {
    let mut root = tenant.root().await;
    let [first, second] = columns.map(identifier);
    let both = format!("CREATE TABLE {table} ({first} INT, {second} INT)");
    let has_both = root.query_drop(both).await.is_ok();
    if !has_both {
        root.query_drop(format!("CREATE TABLE {table} ({first} INT)")).await.unwrap();
    }
    root.disconnect().await.unwrap();
    has_both
}

#[tokio::test]
async fn two_columns_are_copied_each_or_refused_where_the_server_does_not_tell_them_apart() {
    for server in Server::with(&[Need::OwnServers]) {
        let (_own, tenant, scene) = own(server, &[]).await;
        let user = account(&tenant.user(), "%");
        let (mut copied, mut refused) = (Vec::new(), Vec::new());
        for (number, columns) in PAIRS.iter().enumerate() {
            let table = format!("{}.t{number}", tenant.database());
            let has_both = table_with(&tenant, &table, *columns).await;
            let mut root = tenant.root().await;
            let [first, second] = columns.map(identifier);
            for (privilege, column) in [("INSERT", &first), ("UPDATE", &second)] {
                let grant = format!("GRANT {privilege} ({column}) ON {table} TO {user}");
                // MariaDB does not find every column that it would not create twice.
                let _ = root.query_drop(grant).await;
            }
            root.disconnect().await.unwrap();
            let token = scene.begin().await;
            scene.step("createSecret", &token).await.unwrap();
            let is_refused = scene.step("setSecret", &token).await.is_err();
            crate::support::untouched::give_up(&scene, &token).await;
            if is_refused {
                let texts = ["takes for the same name", "FLUSH PRIVILEGES"];
                assert_refused(&tenant, &scene, AccountNotUnderstood, &texts).await;
                refused.push(columns[0]);
            } else {
                scene.rotate().await;
                let codes = assert_equal(&tenant, &scene, &attempts(&table, *columns)).await;
                assert!(!has_both || codes == [0, 1143, 1143, 0], "{columns:?}: {codes:?}");
                copied.push(columns[0]);
            }
            tenant
                .sql(format!(
                    "DROP TABLE {table}; REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}; \
                GRANT SELECT ON {}.* TO {user}; FLUSH PRIVILEGES",
                    tenant.database()
                ))
                .await;
            // Both are as before for the next pair.
            scene.rotate().await;
            if scene.login("AWSCURRENT").await.0 != tenant.user() {
                scene.rotate().await;
            }
        }
        // Two rows of one column are refused everywhere, and ß and ẞ are two.
        assert!(refused.contains(&"A") && refused.contains(&"É"), "{server:?}: {refused:?}");
        assert!(copied.contains(&"ß"), "{server:?}: {copied:?}");
    }
}

#[tokio::test]
async fn a_column_that_the_twin_has_in_another_letter_case_is_granted_as_the_twin_has_it() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let table = format!("{}.spelled", tenant.database());
        let [user, twin] = [tenant.user(), tenant.twin()].map(|name| account(&name, "%"));
        scene.rotate().await;
        scene.rotate().await;
        tenant
            .sql(format!(
                "CREATE TABLE {table} (Id INT, `É` INT); \
                 GRANT INSERT (Id), UPDATE (Id) ON {table} TO {user}; \
                 GRANT INSERT (iD) ON {table} TO {twin}"
            ))
            .await;
        scene.rotate().await;
        let (name, password) = scene.login("AWSCURRENT").await;
        assert_eq!(name, tenant.twin());
        let mut session = tenant.log_in(&name, &password).await.unwrap();
        let attempts =
            [format!("INSERT INTO {table} (id) VALUES (1)"), format!("UPDATE {table} SET id = 1")];
        assert_eq!(codes(&mut session, &attempts).await, [0, 0], "{server:?}");
        session.disconnect().await.unwrap();
        assert!(!Picture::of_tables(&tenant, &name).await.holds("\"Id\""), "{server:?}");
        scene.rotate().await;

        // In other letters than ASCII the server's rule is not ours.
        tenant
            .sql(format!(
                "GRANT SELECT (`É`) ON {table} TO {user}; GRANT SELECT (`é`) ON {table} TO {twin}"
            ))
            .await;
        let texts = ["takes for the same name", "`é`", "`É`"];
        assert_refused(&tenant, &scene, AccountNotUnderstood, &texts).await;
    }
}

#[tokio::test]
async fn a_column_that_is_granted_in_other_letters_than_it_has_is_not_gone() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let table = format!("{}.spelled", tenant.database());
        let user = account(&tenant.user(), "%");
        let grant = |column| format!("GRANT INSERT ({column}) ON {table} TO {user}");
        tenant
            .sql(format!(
                "CREATE TABLE {table} (`größe` INT, gone INT, `fort_é` INT); {}; {}; {}; \
                 ALTER TABLE {table} DROP COLUMN gone, DROP COLUMN `fort_é`",
                grant("`GRÖßE`"),
                grant("gone"),
                grant("`fort_é`")
            ))
            .await;
        let log = Capture::everything();
        scene.rotate().await;
        let log = log.text();
        let (name, password) = scene.login("AWSCURRENT").await;
        let mut session = tenant.log_in(&name, &password).await.unwrap();
        let attempts = [format!("INSERT INTO {table} (`größe`) VALUES (1)")];
        assert_eq!(codes(&mut session, &attempts).await, [0], "{server:?}: {log}");
        session.disconnect().await.unwrap();
        let twin = Picture::of_tables(&tenant, &name).await;
        assert!(twin.holds("GRÖßE") && !twin.holds("gone") && !twin.holds("fort_"), "{twin:?}");
    }
}

/// Grants on names in other letters, on each level, as far as the server takes the statements.
async fn grant_on_names(tenant: &Tenant, user: &str) {
    let mark = tenant.mark();
    let mut root = tenant.root().await;
    for (number, name) in PAIRS.iter().flatten().enumerate() {
        let schema = identifier(&format!("{mark}{name}"));
        // Of a table that does not exist too.
        let absent = format!("{}.{}", tenant.database(), identifier(&format!("n{number}{name}")));
        let table = format!("{schema}.{}", identifier(&format!("t{name}")));
        for grant in [
            format!("GRANT SELECT, CREATE ON {schema}.* TO {user}"),
            format!("GRANT SELECT, CREATE ON {absent} TO {user}"),
            format!("REVOKE CREATE ON {absent} FROM {user}"),
            format!("GRANT INSERT, CREATE ON {table} TO {user} WITH GRANT OPTION"),
        ] {
            // MariaDB 11.8 cannot revoke what it would call otherwise after a restart.
            let _ = root.query_drop(grant).await;
        }
    }
    root.disconnect().await.unwrap();
}

/// Rows of names in capitals.
async fn loud(tenant: &Tenant) -> Vec<String> {
    let small = |name: &str| {
        format!("CAST(LOWER(CONVERT({name} USING utf8mb3)) AS BINARY) <> CAST({name} AS BINARY)")
    };
    let mut root = tenant.root().await;
    let mut found = Vec::new();
    for (table, condition) in [
        ("db", small("Db")),
        ("tables_priv", format!("({} OR {})", small("Db"), small("Table_name"))),
    ] {
        let of_tenant =
            format!("FROM mysql.{table} WHERE User LIKE '{}%' AND {condition}", tenant.mark());
        let names: Vec<String> = root.query(format!("SELECT Db {of_tenant}")).await.unwrap();
        found.extend(names);
        root.query_drop(format!("DELETE {of_tenant}")).await.unwrap();
    }
    root.query_drop("FLUSH PRIVILEGES").await.unwrap();
    root.disconnect().await.unwrap();
    found
}

#[tokio::test]
async fn schemas_and_tables_in_any_letters_are_copied_whatever_the_server_folds() {
    for server in Server::with(&[Need::OwnServers]) {
        for lower in ["--lower-case-table-names=0", "--lower-case-table-names=1"] {
            let (_own, tenant, scene) = own(server, &[lower]).await;
            let user = account(&tenant.user(), "%");
            grant_on_names(&tenant, &user).await;
            if lower.ends_with('1') && server.is_mariadb() && server.version() >= (11, 5, 0) {
                // It stores some names otherwise than it reads them.
                assert_refused(&tenant, &scene, AccountNotUnderstood, &["in small letters"]).await;
                assert!(!loud(&tenant).await.is_empty());
            }
            tenant
                .sql(format!(
                    "CREATE TABLE {0}.`ÀÉ_Table` (`Ö` INT, id INT); CREATE PROCEDURE {0}.Proc() SELECT 1; \
                     GRANT UPDATE (`Ö`) ON {0}.`ÀÉ_Table` TO {user}; \
                     GRANT EXECUTE ON PROCEDURE {0}.Proc TO {user}",
                    tenant.database()
                ))
                .await;
            scene.rotate().await;
            let tries = [
                format!("UPDATE {}.`ÀÉ_Table` SET `ö` = 1", tenant.database()),
                format!("CALL {}.proc()", tenant.database()),
            ];
            assert_eq!(assert_equal(&tenant, &scene, &tries).await, [0, 0], "{server:?} {lower}");
            scene.rotate().await;
            // What one loses, the other loses.
            let schema = identifier(&format!("{}É", tenant.mark()));
            tenant.sql(format!("REVOKE SELECT ON {schema}.* FROM {user}")).await;
            scene.rotate().await;
            assert_equal(&tenant, &scene, &tries).await;
        }
    }
}

#[tokio::test]
async fn names_in_capitals_from_before_the_server_had_small_letters_are_refused() {
    for server in Server::with(&[Need::OwnServers]) {
        let small = "--lower-case-table-names=1";
        // MySQL 8 cannot be started otherwise than its data was made.
        let restarts = server.is_mariadb() || server.version() < (8, 0, 0);
        let args: &[&str] = if restarts { &[] } else { &[small] };
        let (own, tenant, scene) = own(server, args).await;
        let user = account(&tenant.user(), "%");
        let schema = format!("{}LOUD", tenant.mark().to_uppercase());
        tenant
            .sql(format!(
                "CREATE DATABASE {schema}; CREATE TABLE {schema}.T (id INT); \
                 CREATE PROCEDURE {schema}.P() SELECT 1; GRANT INSERT ON {schema}.* TO {user}; \
                 GRANT DELETE ON {schema}.T TO {user}; \
                 GRANT EXECUTE ON PROCEDURE {schema}.P TO {user}"
            ))
            .await;
        let in_case = |table: &str, change: &str| {
            let name = if table == "tables_priv" { ", Table_name = LOWER(Table_name)" } else { "" };
            format!(
                "UPDATE mysql.{table} SET Db = {change}(Db){name} \
                 WHERE Db LIKE '%LOUD' OR Db LIKE '%loud'"
            )
        };
        let tables = ["db", "tables_priv", "procs_priv"];
        if restarts {
            own.restart_with(&[small]).await;
        } else {
            for table in tables {
                tenant.sql(format!("{}; FLUSH PRIVILEGES", in_case(table, "UPPER"))).await;
            }
        }
        for table in tables {
            let texts = ["in small letters", &schema, table];
            assert_refused(&tenant, &scene, AccountNotUnderstood, &texts).await;
            // The remedy.
            tenant.sql(format!("{}; FLUSH PRIVILEGES", in_case(table, "LOWER"))).await;
        }
        // What was made in capitals is not found any more.
        tenant.sql(format!("REVOKE EXECUTE ON PROCEDURE {schema}.P FROM {user}")).await;
        scene.rotate().await;
        assert_equal(&tenant, &scene, &[]).await;
    }
}
