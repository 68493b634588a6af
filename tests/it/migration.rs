//! What changes for those who used AWS's function: `docs/migration.md` names a test for each row.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::ServerSilent;

use crate::support::account::{Tenant, account, identifier};
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::refusal::refused;
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};

const PASSWORD: &str = "a password";

/// What AWS's function loses, or cannot copy. `{u}` is the user, `{h}` the user at another host, `{d}`
/// its database, `{n}` a database with a hostile name, `{m}` the mark.
const COPIED: &str = r"
    GRANT RELOAD ON *.* TO {u} WITH GRANT OPTION;
    GRANT INSERT ON `{m}\_%`.* TO {u} WITH GRANT OPTION;
    CREATE DATABASE {n};
    GRANT SELECT ON {n}.* TO {u};
    GRANT DELETE ON {d}.items TO {u};
    GRANT UPDATE (name) ON {d}.items TO {u};
    CREATE PROCEDURE {d}.p() SELECT 1;
    GRANT EXECUTE ON PROCEDURE {d}.p TO {u};
    ALTER USER {u} REQUIRE SSL WITH MAX_USER_CONNECTIONS 30 MAX_QUERIES_PER_HOUR 100000;
    ALTER USER {u} PASSWORD EXPIRE INTERVAL 90 DAY;
    CREATE USER {h} IDENTIFIED BY 'a password';
    GRANT SELECT ON {d}.items TO {h};
";
/// The same, on servers that have it.
const COPIED_BY_SOME: &[(Need, &str)] = &[
    (Need::Roles, "CREATE ROLE {m}_role; GRANT {m}_role TO {u} WITH ADMIN OPTION"),
    (Need::Mysql, "GRANT PROXY ON ''@'' TO {u}"),
    (Need::Mariadb, "GRANT PROXY ON ''@'%' TO {u}; SET DEFAULT ROLE {m}_role FOR {u}"),
    (Need::DynamicPrivileges, "GRANT BACKUP_ADMIN ON *.* TO {u}; SET DEFAULT ROLE {m}_role TO {u}"),
    (Need::PasswordHistory, "ALTER USER {u} PASSWORD HISTORY 3"),
    (Need::RequireCurrent, "ALTER USER {u} PASSWORD REQUIRE CURRENT"),
    (Need::FailedLogins, "ALTER USER {u} FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1"),
    (
        Need::Attributes,
        r#"ALTER USER {u} ATTRIBUTE '{"team": "a"}'; ALTER USER {u} COMMENT 'of the application'"#,
    ),
];

async fn settled(tenant: &Tenant) -> Scene {
    tenant.settle(PASSWORD).await;
    Scene::of(tenant, PASSWORD).await
}

async fn adorn(tenant: &Tenant, statements: &str) {
    let hostile = identifier(&format!("{} TO 'x' \"`\\", tenant.mark()));
    let statements = statements
        .replace("{u}", &account(&tenant.user(), "%"))
        .replace("{h}", &account(&tenant.user(), "10.%"))
        .replace("{n}", &hostile)
        .replace("{d}", &tenant.database())
        .replace("{m}", tenant.mark());
    tenant.sql(statements).await;
}

#[tokio::test]
async fn what_awss_function_loses_is_copied() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let scene = settled(&tenant).await;
        let (user, twin) = (tenant.user(), tenant.twin());
        adorn(&tenant, COPIED).await;
        for (_, more) in COPIED_BY_SOME.iter().filter(|(need, _)| server.has(*need)) {
            adorn(&tenant, more).await;
        }
        let before = Picture::of_tables(&tenant, &user).await;
        for holder in [&twin, &user] {
            scene.rotate().await;
            assert_eq!(&scene.login("AWSCURRENT").await.0, holder);
            assert_equal_accounts(&tenant, &user, &twin).await;
            assert_eq!(tenant.hosts(&twin).await, ["%", "10.%"]);
        }
        assert_eq!(Picture::of_tables(&tenant, &user).await, before, "{server:?}");
    }
}

#[tokio::test]
async fn what_the_twin_has_too_much_is_revoked_and_what_it_lacks_is_granted() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let scene = settled(&tenant).await;
        scene.rotate().await;
        let (database, previous) = (tenant.database(), account(&tenant.user(), "%"));
        let current = account(&tenant.twin(), "%");
        tenant
            .sql(format!(
                "GRANT INSERT ON {database}.* TO {previous}; GRANT PROCESS ON *.* TO {previous}; \
                 GRANT DELETE ON {database}.items TO {previous}; \
                 GRANT UPDATE ON {database}.* TO {current}; \
                 ALTER USER {previous} WITH MAX_USER_CONNECTIONS 1"
            ))
            .await;
        let before = Picture::of_tables(&tenant, &tenant.twin()).await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        assert_eq!(Picture::of_tables(&tenant, &tenant.twin()).await, before);
    }
}

#[tokio::test]
async fn partial_revokes_are_copied_and_no_login_fails_on_the_way() {
    let Some(server) = Server::one_with(&[Need::PartialRevokes, Need::OwnServers]) else {
        return;
    };
    let server = OwnServer::start(server, &["--partial-revokes=ON"]).await;
    let tenant = Tenant::at(server.address.clone());
    let scene = settled(&tenant).await;
    adorn(&tenant, "GRANT SELECT ON *.* TO {u}; REVOKE SELECT ON mysql.* FROM {u}").await;
    let mut root = tenant.root().await;
    let failed = "SHOW GLOBAL STATUS LIKE 'Aborted_connects'";
    let before: Option<(String, u64)> = root.query_first(failed).await.unwrap();
    for _ in 0..2 {
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        let restricted = Picture::of_tables(&tenant, &tenant.twin()).await;
        assert!(restricted.holds("Restrictions"), "{restricted:?}");
    }
    let after: Option<(String, u64)> = root.query_first(failed).await.unwrap();
    assert_eq!(after, before);
    root.disconnect().await.unwrap();
}

#[tokio::test]
async fn a_half_made_twin_is_completed_and_never_promoted_as_it_is() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let scene = settled(&tenant).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        // What AWS's function leaves behind when its GRANT fails: a login without privileges.
        let (twin, password) = scene.login("AWSPENDING").await;
        let literal = crate::support::account::literal(&password);
        tenant.sql(format!("CREATE USER {} IDENTIFIED BY {literal}", account(&twin, "%"))).await;
        assert!(tenant.logs_in(&twin, &password).await);
        let unproven = scene.step("testSecret", &token).await;
        assert!(unproven.is_err(), "{server:?}");
        scene.resume("createSecret", &token).await.unwrap();
        assert_equal_accounts(&tenant, &tenant.user(), &twin).await;
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_an_error_that_says_so() {
    let Some(server) = Server::one_with(&[Need::OwnServers]) else {
        return;
    };
    let server = OwnServer::start(server, &[]).await;
    let tenant = Tenant::at(server.address.clone());
    let mut scene = settled(&tenant).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    server.freeze().await;
    scene.timeout = Duration::from_secs(8);
    let result = scene.step("setSecret", &token).await;
    server.thaw().await;
    refused(result, ServerSilent, &["accepted the connection", "and sent nothing"]);
    scene.timeout = Duration::from_secs(30);
    scene.resume("createSecret", &token).await.unwrap();
}

#[test]
fn every_row_of_the_migration_page_is_shown_by_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/migration.md")).unwrap();
    let (_, table) = page.split_once("## Behavior, line by line").unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: BTreeSet<_> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test shows: {row}");
        for name in names {
            let (file, test) = name.rsplit_once("::").unwrap_or((name, ""));
            let file = root.join("tests/it").join(file.replace("::", "/")).with_extension("rs");
            let source = std::fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("{name}: {}: {error}", file.display()));
            let found = test.is_empty() || source.contains(&format!("fn {test}()"));
            assert!(found, "{} has no test {test}", file.display());
        }
    }
}
