//! The tables of accounts, as a server has them: nothing in them is overlooked.

use account_mirror::family::Family;
use account_mirror::tables::unknown_columns;
use mysql_async::prelude::Queryable;
use serde_json::{Map, Value};

use crate::support::account::{Tenant, account};
use crate::support::grants::tables;
use crate::support::server::{Need, Server};

#[tokio::test]
async fn every_column_of_the_grant_tables_of_each_server_is_known() {
    for &server in Server::all() {
        let family = family(server);
        let mut root = crate::support::account::root(&server.address()).await;
        for (table, _) in tables(server).filter(|(table, _)| *table != "global_priv") {
            let columns: Vec<String> = root
                .query(format!(
                    "SELECT COLUMN_NAME FROM information_schema.COLUMNS \
                     WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = '{table}'"
                ))
                .await
                .unwrap();
            assert!(columns.len() > 3, "{server:?}: {table} has {columns:?}");
            let name = format!("mysql.{table}");
            let unknown = unknown_columns(family, &name, columns.iter().map(String::as_str));
            assert!(unknown.is_empty(), "{server:?}: {name} has {unknown:?}");
        }
        root.disconnect().await.unwrap();
    }
}

#[tokio::test]
async fn every_property_of_an_account_with_all_settings_is_known_on_mariadb() {
    for server in Server::with(&[Need::Mariadb]) {
        crate::mirror_fuzz::load_ed25519(&server.address()).await;
        let tenant = Tenant::of(server).await;
        let (user, role) = (account(&tenant.user(), "%"), format!("{}r", tenant.mark()));
        tenant
            .sql(format!(
                "CREATE USER {user} IDENTIFIED VIA mysql_native_password USING PASSWORD('x') \
                 OR ed25519 USING PASSWORD('x') OR unix_socket \
                 REQUIRE SUBJECT '/s' AND ISSUER '/i' AND CIPHER 'c' \
                 WITH MAX_QUERIES_PER_HOUR 1 MAX_UPDATES_PER_HOUR 2 MAX_CONNECTIONS_PER_HOUR 3 \
                 MAX_USER_CONNECTIONS 4 MAX_STATEMENT_TIME 5.5 \
                 PASSWORD EXPIRE INTERVAL 6 DAY ACCOUNT LOCK; \
                 CREATE ROLE {role}; GRANT {role} TO {user}; SET DEFAULT ROLE {role} FOR {user}; \
                 GRANT ALL PRIVILEGES ON *.* TO {user} WITH GRANT OPTION"
            ))
            .await;
        let mut root = tenant.root().await;
        let select = "SELECT Priv FROM mysql.global_priv WHERE User = ?";
        for name in [tenant.user(), role] {
            let found: Option<String> = root.exec_first(select, (&name,)).await.unwrap();
            let json: Map<String, Value> = serde_json::from_str(&found.unwrap()).unwrap();
            let keys = json.keys().map(String::as_str);
            let unknown = unknown_columns(family(server), "mysql.global_priv", keys);
            assert!(unknown.is_empty(), "{server:?}: {name} has {unknown:?}");
        }
        root.disconnect().await.unwrap();
    }
}

pub(crate) fn family(server: Server) -> Family {
    let version = server.version();
    if server.is_mariadb() { Family::MariaDb(version) } else { Family::MySql(version) }
}
