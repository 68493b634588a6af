//! Superusers as managed services give them: without `SUPER`, `SYSTEM_USER`, `SHUTDOWN` and `FILE`.

use serde_json::Value;

use crate::support::account::{Tenant, account, identifier};
use crate::support::scene::document;

/// How a superuser has its privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    Itself,
    /// On MySQL not even a default role: the function makes it active.
    ARole,
}

impl Through {
    pub(super) const BOTH: [Self; 2] = [Self::Itself, Self::ARole];
}

const PASSWORD: &str = "Superkanarienvogel'1";

/// What RDS for MySQL 8.0.36 and RDS for MariaDB publish.
const COMMON: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, \
     INDEX, ALTER, SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, \
     REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, \
     ALTER ROUTINE, CREATE USER, EVENT, TRIGGER";
const MYSQL: &str = ", CREATE ROLE, DROP ROLE, APPLICATION_PASSWORD_ADMIN, FLUSH_OPTIMIZER_COSTS, \
     FLUSH_STATUS, FLUSH_TABLES, FLUSH_USER_RESOURCES, ROLE_ADMIN, SESSION_VARIABLES_ADMIN, \
     SET_ANY_DEFINER, SHOW_ROUTINE, XA_RECOVER_ADMIN";

/// The document of a new superuser with RDS's privileges.
pub(super) async fn rds(tenant: &Tenant, through: Through) -> Value {
    let more = if tenant.address.server.is_mariadb() { "" } else { MYSQL };
    with(tenant, through, &format!("GRANT {COMMON}{more} ON *.* TO {{}} WITH GRANT OPTION")).await
}

/// The document of a new superuser, in the place of an earlier one, with these grants, in which `{}`
/// is whoever gets them.
pub(super) async fn with(tenant: &Tenant, through: Through, grants: &str) -> Value {
    let name = format!("{}_admin", tenant.mark());
    let (admin, role) = (account(&name, "%"), identifier(&format!("{}_rds", tenant.mark())));
    let is_mariadb = tenant.address.server.is_mariadb();
    let by = PASSWORD.replace('\'', "''");
    let identified = format!("CREATE USER {admin} IDENTIFIED BY '{by}'");
    tenant
        .sql(format!("DROP USER IF EXISTS {admin}; DROP ROLE IF EXISTS {role}; {identified}"))
        .await;
    match through {
        Through::Itself => tenant.sql(grants.replace("{}", &admin)).await,
        Through::ARole => {
            let grants = grants.replace("{}", &role);
            tenant.sql(format!("CREATE ROLE {role}; {grants}; GRANT {role} TO {admin}")).await;
            if is_mariadb {
                tenant.sql(format!("SET DEFAULT ROLE {role} FOR {admin}")).await;
            }
        }
    }
    document(&tenant.address, &name, PASSWORD)
}
