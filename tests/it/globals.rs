//! Servers whose global variables would change what a session reads, or what it leaves in logs.

use mysql_async::prelude::Queryable;

use crate::support::account::{Tenant, account};
use crate::support::grants::assert_equal_accounts;
use crate::support::scene::{STEPS, Scene};
use crate::support::server::{Need, OwnServer, Server};

const PASSWORD: &str = "a password";

/// Global values that truncate, refuse or disguise what a session reads.
const HOSTILE: &[&str] = &[
    "sql_select_limit = 1",
    "max_join_size = 1",
    "group_concat_max_len = 4",
    "autocommit = 0",
    "lock_wait_timeout = 1",
    "wait_timeout = 2",
    "character_set_results = latin1",
    "character_set_client = latin1",
    "character_set_connection = ucs2",
    "collation_connection = latin1_german2_ci",
    "session_track_schema = ON",
    "session_track_state_change = ON",
    "session_track_system_variables = '*'",
    "sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_UNSIGNED_SUBTRACTION'",
];
const OF_MYSQL: &[&str] = &["max_execution_time = 1", "cte_max_recursion_depth = 0"];
/// On MariaDB the first statements of a session are under its global limit, whatever they are.
const OF_MARIADB: &[&str] = &["max_statement_time = 0.05", "sql_mode = 'ORACLE'"];

#[tokio::test]
async fn global_values_that_truncate_or_refuse_reads_do_not_reach_the_sessions() {
    for server in Server::with(&[Need::OwnServers, Need::Roles]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle(PASSWORD).await;
        let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
        let other = account(&tenant.user(), "10.0.0.0/255.0.0.0");
        tenant
            .sql(format!(
                "CREATE USER {other} IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON *.* TO {other}; \
                 GRANT SELECT ON {database}.* TO {user}; GRANT INSERT, CREATE ON {database}.a TO {user}; \
                 GRANT UPDATE, CREATE ON {database}.b TO {user}; \
                 GRANT DELETE, CREATE ON {database}.größe TO {user}"
            ))
            .await;
        let scene = Scene::of(&tenant, PASSWORD).await;
        let mut root = tenant.root().await;
        let own_kind = if server.is_mariadb() { OF_MARIADB } else { OF_MYSQL };
        let names = HOSTILE.iter().chain(own_kind).map(|set| set.split(' ').next().unwrap());
        let usual: Vec<_> = names.map(|name| format!("@@global.{name}")).collect();
        let usual: mysql_async::Row =
            root.query_first(format!("SELECT {}", usual.join(", "))).await.unwrap().unwrap();

        for _ in 0..2 {
            for set in HOSTILE.iter().chain(own_kind) {
                root.query_drop(format!("SET GLOBAL {set}")).await.unwrap();
            }
            let token = scene.begin().await;
            for step in STEPS {
                let ended = scene.step(step, &token).await;
                ended.unwrap_or_else(|error| panic!("{server:?}: {error}"));
            }
            // The test's own reads are as exposed as anybody's.
            for (column, value) in usual.columns_ref().iter().zip(usual.clone().unwrap()) {
                let name = column.name_str().trim_start_matches("@@global.").to_owned();
                let value = match value {
                    mysql_async::Value::Bytes(bytes) => {
                        let text = String::from_utf8(bytes).unwrap();
                        text.parse::<f64>().map_or_else(|_| format!("'{text}'"), |_| text.clone())
                    }
                    other => other.as_sql(true),
                };
                root.query_drop(format!("SET GLOBAL {name} = {value}")).await.unwrap();
            }
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&user, &password).await, "{server:?}");
        }
    }
}

#[tokio::test]
async fn no_account_statement_is_in_the_log_of_slow_statements_of_mariadb() {
    for server in Server::with(&[Need::OwnServers, Need::Mariadb]) {
        let args = ["--slow-query-log", "--long-query-time=0", "--log-output=TABLE"];
        let own = OwnServer::start(server, &args).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle(PASSWORD).await;
        let mut root = tenant.root().await;
        let of_account = format!(
            "SELECT CONVERT(sql_text USING utf8mb4) FROM mysql.slow_log \
             WHERE sql_text LIKE '%{}%' AND sql_text REGEXP '^(CREATE|ALTER) USER'",
            tenant.twin()
        );
        let logged: Vec<String> = root.query(&of_account).await.unwrap();
        assert_eq!(logged, Vec::<String>::new());
        let scene = Scene::of(&tenant, PASSWORD).await;
        scene.rotate().await;
        scene.rotate().await;
        let logged: Vec<String> = root.query(&of_account).await.unwrap();
        assert_eq!(logged, Vec::<String>::new(), "{server:?}");
        // Statements of other sessions are there.
        tenant.sql(format!("ALTER USER {} ACCOUNT UNLOCK", account(&tenant.twin(), "%"))).await;
        let logged: Vec<String> = root.query(&of_account).await.unwrap();
        assert_eq!(logged.len(), 1, "{server:?}: {logged:?}");
    }
}
