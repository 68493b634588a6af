//! Servers as AWS runs them, as near as statements can bring it: what RDS for MySQL and Aurora MySQL
//! document of their accounts, on a server of the same family. `docs/servers.md` lists what was taken
//! from their documentation, and what only an account in AWS can show.

use mysql_async::Error;
use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{ServerReadOnly, TlsFailed};

use crate::support::account::{Tenant, account, literal};
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::scene::{Scene, document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{assert_refused, change_superuser};

const FIRST: &str = "first canary";
const MASTER: &str = "Master-canary-1";

/// The master user of RDS before 8.0.36, and of Aurora MySQL 2.
const STATIC: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, \
     ALTER, SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, \
     REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, \
     TRIGGER";
/// What `rds_superuser_role` has beside these, where the server knows it.
const OF_ROLE: &[&str] = &[
    "CREATE ROLE",
    "DROP ROLE",
    "APPLICATION_PASSWORD_ADMIN",
    "FLUSH_OPTIMIZER_COSTS",
    "FLUSH_STATUS",
    "FLUSH_TABLES",
    "FLUSH_USER_RESOURCES",
    "ROLE_ADMIN",
    "SENSITIVE_VARIABLES_OBSERVER",
    "SESSION_VARIABLES_ADMIN",
    "SET_ANY_DEFINER",
    "SET_USER_ID",
    "SHOW_ROUTINE",
    "XA_RECOVER_ADMIN",
];
/// What may not be done to the grant tables.
const ON_GRANT_TABLES: &str = "INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, \
     CREATE TEMPORARY TABLES, LOCK TABLES, CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER";
const AWS_ROLES: [&str; 6] = [
    "AWS_LAMBDA_ACCESS",
    "AWS_LOAD_S3_ACCESS",
    "AWS_SELECT_S3_ACCESS",
    "AWS_SAGEMAKER_ACCESS",
    "AWS_COMPREHEND_ACCESS",
    "AWS_BEDROCK_ACCESS",
];

/// A server with the accounts of the service, and an application's user that the master user made.
struct Service {
    tenant: Tenant,
    scene: Scene,
    own: OwnServer,
}

impl Service {
    async fn start(server: Server, args: &[&str]) -> Self {
        let secure = ["--require-secure-transport=ON"];
        let own = OwnServer::start(server, &[args, &secure].concat()).await;
        let tenant = Tenant::at(own.address.clone());
        let by = literal("Rdsadmin-canary-1");
        tenant
            .sql(format!(
                "CREATE USER rdsadmin@localhost IDENTIFIED BY {by}; \
                 GRANT ALL PRIVILEGES ON *.* TO rdsadmin@localhost WITH GRANT OPTION; \
                 CREATE USER master@'%' IDENTIFIED BY {}",
                literal(MASTER)
            ))
            .await;
        tenant.settle(FIRST).await;
        let scene = Scene::of(&tenant, FIRST).await;
        change_superuser(&scene, &document(&own.address, "master", MASTER)).await;
        Self { tenant, scene, own }
    }

    /// The privileges of the master user are its own: RDS before 8.0.36.
    async fn grant_to_master(&self) {
        self.tenant.sql(format!("GRANT {STATIC} ON *.* TO master@'%' WITH GRANT OPTION")).await;
    }

    /// The privileges of the master user are those of a role: RDS from 8.0.36 on, and Aurora MySQL 3,
    /// which has roles for other services as well.
    async fn grant_by_role(&self, is_default: bool) {
        let mut root = self.tenant.root().await;
        let sql = "SELECT DISTINCT PRIV FROM mysql.global_grants";
        let known: Vec<String> = root.query(sql).await.unwrap();
        root.disconnect().await.unwrap();
        let is_known =
            |name: &&&str| name.contains(' ') || known.iter().any(|known| known == *name);
        let more: Vec<_> = OF_ROLE.iter().filter(is_known).copied().collect();
        let roles = AWS_ROLES.join(", ");
        self.tenant
            .sql(format!(
                "CREATE ROLE rds_superuser_role, {roles}; \
                 GRANT {STATIC}, {} ON *.* TO rds_superuser_role WITH GRANT OPTION; \
                 GRANT {roles} TO rds_superuser_role WITH ADMIN OPTION; \
                 GRANT rds_superuser_role TO master WITH ADMIN OPTION",
                more.join(", ")
            ))
            .await;
        if is_default {
            self.tenant.sql("SET DEFAULT ROLE rds_superuser_role TO master").await;
        }
    }

    /// What the master user grants an application, with a role if it may make one.
    async fn adorn(&self, with_a_role: bool) {
        let (user, database) = (account(&self.tenant.user(), "%"), self.tenant.database());
        let mut grants = format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON {database}.* TO {user}; \
             GRANT PROCESS ON *.* TO {user}; \
             ALTER USER {user} REQUIRE SSL WITH MAX_USER_CONNECTIONS 20"
        );
        if with_a_role {
            grants += &format!(
                "; CREATE ROLE app_reader; GRANT SELECT ON {database}.items TO app_reader; \
                 GRANT app_reader TO {user}; SET DEFAULT ROLE app_reader TO {user}"
            );
        }
        let mut session = self.tenant.log_in("master", MASTER).await.unwrap();
        if with_a_role {
            session.query_drop("SET ROLE ALL").await.unwrap();
        }
        session.query_drop(grants).await.unwrap();
        session.disconnect().await.unwrap();
    }

    /// Two rotations, each way once.
    async fn rotate(&self) {
        for _ in 0..2 {
            self.scene.rotate().await;
            assert_equal_accounts(&self.tenant, &self.tenant.user(), &self.tenant.twin()).await;
            let (user, password) = self.scene.login("AWSCURRENT").await;
            assert!(self.tenant.logs_in(&user, &password).await);
        }
    }

    /// The code of the error with which a statement of the master user fails.
    async fn refusal(&self, sql: &str) -> Option<u16> {
        let mut session = self.tenant.log_in("master", MASTER).await.unwrap();
        if self.own.address.server.has(Need::Roles) {
            session.query_drop("SET ROLE ALL").await.unwrap();
        }
        let result = session.query_drop(sql).await;
        session.disconnect().await.unwrap();
        match result {
            Ok(()) => None,
            Err(Error::Server(error)) => Some(error.code),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn the_master_user_of_rds_rotates_with_privileges_of_its_own() {
    for server in Server::with(&[Need::Mysql, Need::OwnServers]) {
        let service = Service::start(server, &[]).await;
        service.grant_to_master().await;
        service.adorn(false).await;
        service.rotate().await;
    }
}

#[tokio::test]
async fn the_master_user_of_rds_rotates_with_the_privileges_of_its_role() {
    for server in Server::with(&[Need::PartialRevokes, Need::OwnServers]) {
        for partial_revokes in ["OFF", "ON"] {
            let args = format!("--partial-revokes={partial_revokes}");
            let service = Service::start(server, &[&args]).await;
            service.grant_by_role(partial_revokes == "OFF").await;
            service.adorn(true).await;
            let (user, roles) = (account(&service.tenant.user(), "%"), AWS_ROLES.join(", "));
            service.tenant.sql(format!("GRANT {roles} TO {user}")).await;
            // Nobody but `rdsadmin` may touch `rdsadmin`.
            let alter = service.refusal("ALTER USER rdsadmin@localhost ACCOUNT LOCK").await;
            assert_eq!(alter, Some(1227), "{server:?}");
            service.rotate().await;
            let twin = Picture::of_tables(&service.tenant, &service.tenant.twin()).await;
            assert!(AWS_ROLES.iter().all(|role| twin.holds(role)), "{server:?}: {twin:?}");
        }
    }
}

#[tokio::test]
async fn a_master_user_that_may_only_read_the_grant_tables_rotates() {
    for server in Server::with(&[Need::PartialRevokes, Need::OwnServers]) {
        let service = Service::start(server, &["--partial-revokes=ON"]).await;
        service.grant_by_role(true).await;
        let revoke = format!("REVOKE {ON_GRANT_TABLES} ON mysql.* FROM rds_superuser_role");
        service.tenant.sql(revoke).await;
        let write = service.refusal("DELETE FROM mysql.user WHERE User = 'nobody'").await;
        assert_eq!(write, Some(1142), "{server:?}");
        service.adorn(true).await;
        service.rotate().await;
    }
}

#[tokio::test]
async fn roles_that_the_service_gives_to_everybody_are_left_to_it() {
    for server in Server::with(&[Need::MandatoryRoles, Need::OwnServers]) {
        let service = Service::start(server, &[]).await;
        service.grant_by_role(true).await;
        service.tenant.sql("SET GLOBAL mandatory_roles = 'AWS_LAMBDA_ACCESS'").await;
        service.tenant.sql("SET GLOBAL activate_all_roles_on_login = ON").await;
        service.adorn(true).await;
        service.rotate().await;
    }
}

#[tokio::test]
async fn a_service_that_demands_tls_refuses_a_secret_that_turns_it_off_and_a_reader_writes_nothing()
{
    for server in Server::with(&[Need::Mysql, Need::OwnServers]) {
        let service = Service::start(server, &[]).await;
        service.grant_to_master().await;
        let mut plain = document(&service.own.address, "master", MASTER);
        plain["ssl"] = false.into();
        change_superuser(&service.scene, &plain).await;
        assert_refused(&service.tenant, &service.scene, TlsFailed, &["\"ssl\": false"]).await;
        plain["ssl"] = true.into();
        change_superuser(&service.scene, &plain).await;
        service.rotate().await;

        // As Aurora's readers: no flag but this one is on.
        service.own.restart_with(&["--innodb-read-only=ON"]).await;
        let texts = ["innodb_read_only is on", "writer"];
        assert_refused(&service.tenant, &service.scene, ServerReadOnly, &texts).await;
    }
}

/// Aurora MySQL 2 is MySQL 5.7 with more columns in `mysql.user`. MySQL's own statements refuse a table
/// with such columns, so that it is only read here.
#[tokio::test]
async fn the_columns_that_aurora_mysql_2_adds_are_read() {
    let columns = ["Load_from_S3_priv", "Select_into_S3_priv", "Invoke_lambda_priv"];
    for server in Server::with(&[Need::OldAccounts, Need::OwnServers]) {
        let service = Service::start(server, &[]).await;
        service.grant_to_master().await;
        service.adorn(false).await;
        service.rotate().await;
        let (user, _) = service.scene.login("AWSCURRENT").await;
        let add = |column: &str| {
            format!(
                "ALTER TABLE mysql.user ADD COLUMN {column} ENUM('N', 'Y') NOT NULL DEFAULT 'N'"
            )
        };
        let hold =
            |column: &str| format!("UPDATE mysql.user SET {column} = 'Y' WHERE User = '{user}'");
        for column in columns {
            service.tenant.sql(add(column)).await;
        }
        assert!(preflight(&service).await.ends_with("Ok(())"));
        for column in columns {
            service.tenant.sql(hold(column)).await;
            let said = preflight(&service).await;
            let privilege = column.trim_end_matches("_priv").replace('_', " ").to_uppercase();
            assert!(said.contains(&privilege), "{privilege}: {said}");
        }
        let unknown = "Invoke_teleport_priv";
        service.tenant.sql(add(unknown)).await;
        service.tenant.sql(hold(unknown)).await;
        let said = preflight(&service).await;
        assert!(said.contains(unknown) && said.contains("AccountNotUnderstood"), "{said}");
    }
}

/// What the function logs and answers when it is asked what a rotation would do.
async fn preflight(service: &Service) -> String {
    let log = crate::support::canary::Capture::everything();
    let current = service.scene.text("AWSCURRENT").await;
    let token = service.scene.put_pending(&current).await;
    let result = service.scene.step("testSecret", &token).await;
    let text = format!("{} {result:?}", log.text());
    crate::support::untouched::give_up(&service.scene, &token).await;
    text
}

#[test]
fn each_rule_that_depends_on_the_version_has_its_line_in_the_documentation() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (source, page) = (read("account-mirror/src/family.rs"), read("docs/servers.md"));
    let rules: Vec<_> = (source.split("pub fn ").skip(1))
        .filter_map(|rest| rest.split_once("(self) -> bool").map(|(name, _)| name))
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    assert!(rules.len() > 5, "{rules:?}");
    for rule in &rules {
        assert!(page.contains(&format!("| `{rule}` |")), "docs/servers.md has no line for {rule}");
    }
}
