//! Superusers as managed services give them: without `SUPER`, `SYSTEM_USER`, `SHUTDOWN` and `FILE`.

use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::support::account::{Tenant, account, identifier};
use crate::support::scene::document;
use crate::support::server::{Need, Server};

/// How a superuser has its privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    Itself,
    /// On MySQL not even a default role: the function makes it active.
    ARole,
}

impl Through {
    /// The ways that there are on a server.
    pub(crate) fn all(server: Server) -> &'static [Self] {
        if server.has(Need::Roles) { &[Self::Itself, Self::ARole] } else { &[Self::Itself] }
    }
}

const PASSWORD: &str = "Supercanary'1";

/// What RDS for MariaDB and RDS for MySQL 5.7 publish.
const COMMON: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, \
     INDEX, ALTER, SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, \
     REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, \
     ALTER ROUTINE, CREATE USER, EVENT, TRIGGER";
/// What RDS for MySQL has from 8.0.36 on, as far as the server has it.
const MYSQL: &[&str] = &[
    "APPLICATION_PASSWORD_ADMIN",
    "FLUSH_OPTIMIZER_COSTS",
    "FLUSH_STATUS",
    "FLUSH_TABLES",
    "FLUSH_USER_RESOURCES",
    "ROLE_ADMIN",
    "SESSION_VARIABLES_ADMIN",
    "SET_ANY_DEFINER",
    "SET_USER_ID",
    "SHOW_ROUTINE",
    "XA_RECOVER_ADMIN",
];

/// The document of a new superuser with RDS's privileges.
pub(crate) async fn rds(tenant: &Tenant, through: Through) -> Value {
    let mut privileges = COMMON.to_owned();
    if tenant.address.server.has(Need::DynamicPrivileges) {
        let mut root = tenant.root().await;
        let sql = "SELECT DISTINCT PRIV FROM mysql.global_grants";
        let known: Vec<String> = root.query(sql).await.unwrap();
        root.disconnect().await.unwrap();
        let known = MYSQL.iter().filter(|name| known.iter().any(|known| known == *name));
        for name in ["CREATE ROLE", "DROP ROLE"].iter().chain(known) {
            privileges += &format!(", {name}");
        }
    }
    with(tenant, through, &format!("GRANT {privileges} ON *.* TO {{}} WITH GRANT OPTION")).await
}

/// The document of a new superuser, in the place of an earlier one, with these grants, in which `{}`
/// is whoever gets them.
pub(crate) async fn with(tenant: &Tenant, through: Through, grants: &str) -> Value {
    let name = format!("{}_admin", tenant.mark());
    let (admin, role) = (account(&name, "%"), identifier(&format!("{}_rds", tenant.mark())));
    let is_mariadb = tenant.address.server.is_mariadb();
    let by = PASSWORD.replace('\'', "''");
    let identified = format!("CREATE USER {admin} IDENTIFIED BY '{by}'");
    tenant.sql(format!("DROP USER IF EXISTS {admin}; {identified}")).await;
    match through {
        Through::Itself => tenant.sql(grants.replace("{}", &admin)).await,
        Through::ARole => {
            let grants = grants.replace("{}", &role);
            tenant.sql(format!("DROP ROLE IF EXISTS {role}")).await;
            tenant.sql(format!("CREATE ROLE {role}; {grants}; GRANT {role} TO {admin}")).await;
            if is_mariadb {
                tenant.sql(format!("SET DEFAULT ROLE {role} FOR {admin}")).await;
            }
        }
    }
    document(&tenant.address, &name, PASSWORD)
}
