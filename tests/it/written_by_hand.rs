//! Rows that somebody wrote into the grant tables without GRANT, and those that a server reads otherwise
//! than they were granted.
//!
//! On servers of their own: where a server reads the grant tables anew, it forgets the passwords that
//! it has seen, and the next login of everybody takes more packets, at any of which it can break off.

use rotation::error::ErrorType::{AccountNotUnderstood, FlushPrivilegesDue, GrantsWithoutAccount};

use crate::support::account::{Tenant, account, literal};
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::assert_refused;

const PASSWORD: &str = "canary of the user: 1";
const OTHER: &str = "another canary";

async fn settled(server: Server) -> (OwnServer, Tenant, Scene) {
    let own = OwnServer::start(server, &[]).await;
    let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), PASSWORD).await;
    (own, tenant, scene)
}

#[tokio::test]
async fn privileges_at_a_host_without_an_account_are_refused_until_drop_user_removes_them() {
    for server in Server::with(&[Need::OwnServers]) {
        let (_own, tenant, scene) = settled(server).await;
        let database = tenant.database();
        tenant.sql(format!("CREATE PROCEDURE {database}.p() SELECT 1")).await;
        scene.rotate().await;
        for (user, table, columns, values) in [
            (tenant.user(), "db", "Db, Insert_priv", "'{d}', 'Y'"),
            (
                tenant.twin(),
                "tables_priv",
                "Db, Table_name, Grantor, Table_priv, Column_priv",
                "'{d}', 'items', '', 'Insert', ''",
            ),
            (
                tenant.user(),
                "columns_priv",
                "Db, Table_name, Column_name, Column_priv",
                "'{d}', 'items', 'id', 'Update'",
            ),
            (
                tenant.twin(),
                "procs_priv",
                "Db, Routine_name, Routine_type, Grantor, Proc_priv",
                "'{d}', 'p', 'PROCEDURE', '', 'Execute'",
            ),
            (
                tenant.user(),
                "proxies_priv",
                "Proxied_host, Proxied_user, With_grant, Grantor",
                "'%', 'somebody', 0, ''",
            ),
        ] {
            let values = values.replace("{d}", &database);
            tenant
                .sql(format!(
                    "INSERT INTO mysql.{table} (Host, User, {columns}) \
                     VALUES ('127.%', '{user}', {values})"
                ))
                .await;
            tenant.sql("FLUSH PRIVILEGES").await;
            let name = format!("'{user}'@'127.%'");
            let remedy = format!("DROP USER {name}");
            let texts = [name.as_str(), remedy.as_str()];
            assert_refused(&tenant, &scene, GrantsWithoutAccount, &texts).await;
            tenant.sql(remedy).await;
        }
        scene.rotate().await;
    }
}

#[tokio::test]
async fn dynamic_privileges_of_an_empty_host_are_refused_and_the_remedy_helps() {
    for server in Server::with(&[Need::OwnServers, Need::DynamicPrivileges]) {
        let (_own, tenant, scene) = settled(server).await;
        let user = account(&tenant.user(), "");
        let identified = format!("IDENTIFIED BY {}", literal(PASSWORD));
        tenant.sql(format!("CREATE USER {user} {identified}")).await;
        scene.rotate().await;
        // After this, SHOW GRANTS has it at '%', and a REVOKE alone does nothing.
        let grant = format!("GRANT BACKUP_ADMIN ON *.* TO {user}");
        tenant.sql(&grant).await;
        tenant.sql("FLUSH PRIVILEGES").await;
        let texts = ["'@''", "BACKUP_ADMIN", "GRANT it again, REVOKE it"];
        assert_refused(&tenant, &scene, AccountNotUnderstood, &texts).await;
        tenant.sql(format!("{grant}; REVOKE BACKUP_ADMIN ON *.* FROM {user}")).await;
        tenant.sql("FLUSH PRIVILEGES").await;
        scene.rotate().await;
        scene.rotate().await;
    }
}

#[tokio::test]
async fn roles_of_a_host_without_an_account_mean_nothing() {
    for server in Server::with(&[Need::OwnServers, Need::Roles]) {
        let (_own, tenant, scene) = settled(server).await;
        let (user, role) = (tenant.user(), format!("{}r", tenant.mark()));
        let insert = if server.is_mariadb() {
            format!("roles_mapping VALUES ('127.%', '{user}', '{role}', 'N')")
        } else {
            format!("role_edges VALUES ('%', '{role}', '127.%', '{user}', 'N')")
        };
        tenant.sql(format!("CREATE ROLE {role}; INSERT INTO mysql.{insert}")).await;
        tenant.sql("FLUSH PRIVILEGES").await;
        scene.rotate().await;
    }
}

#[tokio::test]
async fn a_table_that_was_written_by_hand_proves_nothing_until_the_server_has_read_it() {
    for server in Server::with(&[Need::OwnServers]) {
        let (_own, tenant, scene) = settled(server).await;
        let donor = account(&tenant.twin(), "10.9.%");
        tenant.sql(format!("CREATE USER {donor} IDENTIFIED BY {}", literal(OTHER))).await;
        let copy = |to: &str, from: &str| {
            if server.is_mariadb() {
                format!(
                    "UPDATE mysql.global_priv t, mysql.global_priv f SET t.Priv = f.Priv \
             WHERE t.User = '{to}' AND f.User = '{from}'"
                )
            } else {
                format!(
                    "UPDATE mysql.user t, mysql.user f \
             SET t.authentication_string = f.authentication_string, t.plugin = f.plugin \
             WHERE t.User = '{to}' AND f.User = '{from}'"
                )
            }
        };
        tenant.sql(copy(&tenant.user(), &tenant.twin())).await;
        // No DROP USER before the check: it would read the tables anew on some servers.
        let place = Tenant::at(tenant.address.clone());
        let user = document(&tenant.address, &tenant.user(), OTHER);
        let other = Scene::with(&place, &superuser_document(&tenant.address), user).await;
        let token = other.begin().await;
        other.step("createSecret", &token).await.unwrap();
        let result = other.step("setSecret", &token).await;
        refused(result, FlushPrivilegesDue, &["FLUSH PRIVILEGES"]);
        tenant.sql("FLUSH PRIVILEGES").await;
        tenant.sql(format!("DROP USER {donor}")).await;
        drop(scene);
        other.step("setSecret", &token).await.unwrap();
    }
}
