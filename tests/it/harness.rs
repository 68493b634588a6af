//! The measuring instruments, measured: each must be able to say no.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};

use crate::support::account::{Tenant, account};
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};
use crate::support::stack::setting;

#[tokio::test]
async fn a_login_is_taken_with_its_password_alone() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(r#"it's "1" \ `p` %"#).await;
        assert!(tenant.logs_in(&tenant.user(), r#"it's "1" \ `p` %"#).await);
        assert!(!tenant.logs_in(&tenant.user(), "another").await);
        assert!(!tenant.logs_in(&tenant.twin(), r#"it's "1" \ `p` %"#).await);
    }
}

#[tokio::test]
async fn a_tenant_leaves_nothing_behind() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let (mark, user) = (tenant.mark().to_owned(), tenant.user());
        tenant.settle("a password").await;
        let hostile = account(&format!("'`\\{mark}"), "10.%");
        tenant.sql(format!("CREATE USER {hostile}")).await;
        if server.has(Need::Roles) {
            tenant.sql(format!("CREATE ROLE {mark}_role")).await;
        }
        assert_eq!(tenant.hosts(&user).await, ["%"]);
        drop(tenant);

        let mut root = crate::support::account::root(&server.address()).await;
        let left: Vec<String> = root
            .query(format!(
                "SELECT User FROM mysql.user WHERE User LIKE '%{mark}%' UNION ALL SELECT \
                 SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '%{mark}%'"
            ))
            .await
            .unwrap();
        root.disconnect().await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// What makes an account differ from one that was equal to it. `{u}` is the account, `{d}` the
/// tenant's database and `{m}` its mark.
const DIFFERENCES: &[&str] = &[
    "GRANT RELOAD ON *.* TO {u}",
    "GRANT GRANT OPTION ON *.* TO {u}",
    "GRANT INSERT ON {d}.* TO {u}",
    "GRANT SELECT ON `{m}\\_%`.* TO {u}",
    "GRANT DELETE ON {d}.items TO {u}",
    "GRANT UPDATE (name) ON {d}.items TO {u}",
    "GRANT EXECUTE ON PROCEDURE {d}.p TO {u}",
    "ALTER USER {u} REQUIRE SSL",
    "ALTER USER {u} REQUIRE SUBJECT '/CN=x'",
    "ALTER USER {u} WITH MAX_USER_CONNECTIONS 3",
    "ALTER USER {u} PASSWORD EXPIRE INTERVAL 90 DAY",
    "ALTER USER {u} ACCOUNT LOCK",
];
const DIFFERENCES_OF_SOME: &[(Need, &str)] = &[
    (Need::Roles, "GRANT {m}_role TO {u}"),
    (Need::Roles, "GRANT {m}_role TO {u} WITH ADMIN OPTION"),
    (Need::DynamicPrivileges, "GRANT BACKUP_ADMIN ON *.* TO {u}"),
    (Need::DynamicPrivileges, "GRANT BACKUP_ADMIN ON *.* TO {u} WITH GRANT OPTION"),
    (Need::PasswordHistory, "ALTER USER {u} PASSWORD HISTORY 3"),
    (Need::RequireCurrent, "ALTER USER {u} PASSWORD REQUIRE CURRENT"),
    (Need::FailedLogins, "ALTER USER {u} FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1"),
    (Need::Attributes, "ALTER USER {u} ATTRIBUTE '{\"a\": 1}'"),
    (Need::Mysql, "GRANT PROXY ON ''@'' TO {u}"),
    (Need::Mariadb, "GRANT BINLOG MONITOR ON *.* TO {u}"),
    (Need::Mariadb, "ALTER USER {u} WITH MAX_STATEMENT_TIME 2.5"),
    (Need::Mariadb, "ALTER USER {u} IDENTIFIED VIA unix_socket"),
    (Need::Mariadb, "GRANT PROXY ON ''@'%' TO {u}"),
];

#[tokio::test]
async fn every_kind_of_difference_is_in_the_picture_of_an_account() {
    for &server in Server::all() {
        let more = DIFFERENCES_OF_SOME.iter().filter(|(need, _)| server.has(*need));
        let tenant = Tenant::of(server).await;
        tenant.settle("a password").await;
        let (database, mark) = (tenant.database(), tenant.mark().to_owned());
        tenant.sql(format!("CREATE PROCEDURE {database}.p() SELECT 1")).await;
        if server.has(Need::Roles) {
            tenant.sql(format!("CREATE ROLE {mark}_role")).await;
        }
        for difference in DIFFERENCES.iter().chain(more.map(|(_, difference)| difference)) {
            let twin = account(&tenant.twin(), "%");
            tenant
                .sql(format!(
                    "CREATE USER {twin} IDENTIFIED BY 'another'; GRANT SELECT ON {database}.* TO {twin}"
                ))
                .await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
            let statement =
                difference.replace("{u}", &twin).replace("{d}", &database).replace("{m}", &mark);
            tenant.sql(statement).await;
            let tables = [&tenant.user(), &tenant.twin()];
            let [user, changed] = tables.map(|name| Picture::of_tables(&tenant, name));
            assert_ne!(user.await, changed.await, "{server:?} tables: {difference}");
            let [user, changed] = tables.map(|name| Picture::of_shown(&tenant, name));
            assert_ne!(user.await, changed.await, "{server:?} SHOW: {difference}");
            tenant.sql(format!("DROP USER {twin}")).await;
        }
    }
}

/// What can be printed is not shown in hexadecimal.
#[tokio::test]
async fn a_quote_in_the_salt_of_a_hash_is_no_difference() {
    let Some(server) = Server::one_with(&[Need::HexadecimalHashes]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    let names = [tenant.user(), tenant.twin()];
    for (name, salt) in names.iter().zip(["''\\\\''an_AS_''salt_of_20", "another_salt:_all_20"]) {
        let hash = format!("$A$005${salt}{}", "x".repeat(43));
        let user = account(name, "%");
        tenant
            .sql(format!("CREATE USER {user} IDENTIFIED WITH caching_sha2_password AS '{hash}'"))
            .await;
    }
    assert_equal_accounts(&tenant, &names[0], &names[1]).await;
}

/// A session of root through a proxy, without TLS so that the proxy can see it.
async fn through(proxy: &Proxy, server: Server) -> mysql_async::Result<Conn> {
    let address = server.address();
    Conn::new(
        OptsBuilder::default()
            .ip_or_hostname(proxy.address.ip().to_string())
            .tcp_port(proxy.address.port())
            .user(Some(address.root))
            .pass(Some(address.root_password))
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 20))
            .wait_timeout(Some(60)),
    )
    .await
}

#[tokio::test]
async fn a_database_fault_happens_at_its_statement_on_its_side_of_the_server() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let database = tenant.database();
        tenant
            .sql(format!(
                "CREATE DATABASE {database}; CREATE TABLE {database}.rows_seen (fault VARCHAR(20))"
            ))
            .await;
        let address = server.address();
        let proxy = Proxy::mysql(&address.host, address.port).await;
        for (fault, carried_out) in [
            (Fault::Cut, false),
            (Fault::LoseAnswer, true),
            (Fault::Delay(std::time::Duration::from_millis(50)), true),
        ] {
            proxy.reset();
            proxy.script(move |request| request.text.starts_with("INSERT").then_some(fault));
            let mut conn = through(&proxy, server).await.unwrap();
            conn.query_drop("SELECT 1").await.unwrap();
            let insert = format!("INSERT INTO {database}.rows_seen VALUES ('{fault:?}')");
            let answer = conn.query_drop(insert).await;
            assert_eq!(answer.is_ok(), matches!(fault, Fault::Delay(_)), "{fault:?}");
            assert_eq!(proxy.connections(), 1);
            assert_eq!(proxy.calls()["Query"], 2);

            let count = format!("SELECT COUNT(*) FROM {database}.rows_seen WHERE fault = ?");
            let mut root = tenant.root().await;
            let rows: Option<u32> = root.exec_first(count, (format!("{fault:?}"),)).await.unwrap();
            root.disconnect().await.unwrap();
            assert_eq!(rows, Some(u32::from(carried_out)), "{server:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_its_session_at_the_server() {
    let tenant = Tenant::of(Server::one()).await;
    let address = Server::one().address();
    let proxy = Proxy::mysql(&address.host, address.port).await;
    let mut conn = through(&proxy, Server::one()).await.unwrap();
    let lock = format!("SELECT GET_LOCK('{}', 0)", tenant.mark());
    conn.query_drop(&lock).await.unwrap();
    proxy.script(|_| Some(Fault::HoldAnswer));
    let limit = std::time::Duration::from_millis(200);
    let silence = tokio::time::timeout(limit, conn.query_drop("SELECT 1")).await;
    assert!(silence.is_err(), "an answer came through");
    drop(conn);

    let mut root = tenant.root().await;
    let taken: Option<u8> = root.query_first(&lock).await.unwrap();
    assert_eq!(taken, Some(0), "the session and its lock are gone");
    drop(proxy);
    let waited = format!("SELECT GET_LOCK('{}', 20)", tenant.mark());
    let taken: Option<u8> = root.query_first(waited).await.unwrap();
    assert_eq!(taken, Some(1));
    root.disconnect().await.unwrap();
}

// The tenant's end logs in through the proxy, which must run on while it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_session_passes_the_proxy_and_is_counted() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("a password").await;
    let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
    let mut address = tenant.address.clone();
    address.port = proxy.address.port();
    let through = Tenant::at(address);
    assert!(through.logs_in(&tenant.user(), "a password").await);
    assert!(!through.logs_in(&tenant.user(), "another").await);
    assert_eq!(proxy.connections(), 2);
    assert_eq!(proxy.calls()["StartTls"], 2);
}

#[tokio::test]
async fn an_api_fault_happens_at_its_call_on_its_side_of_the_service() {
    let tenant = Tenant::of(Server::one()).await;
    let scene = Scene::of(&tenant, "a password").await;
    let proxy = Proxy::http(&setting("AWS_ENDPOINT_URL")).await;
    for (fault, carried_out) in [
        (Fault::Cut, false),
        (Fault::LoseAnswer, true),
        (Fault::Answer(400, "ThrottlingException"), false),
    ] {
        proxy.reset();
        proxy.script(move |request| (request.operation == "PutSecretValue").then_some(fault));
        let config = scene.secrets.config().to_builder().endpoint_url(proxy.url());
        let retries = aws_config::retry::RetryConfig::disabled();
        let client =
            aws_sdk_secretsmanager::Client::from_conf(config.retry_config(retries).build());
        let described = client.describe_secret().secret_id(&scene.arn).send().await;
        assert!(described.is_ok(), "{described:?}");
        let token = uuid_of(fault);
        let put = client.put_secret_value().secret_id(&scene.arn);
        let put = put.client_request_token(&token).secret_string("{}");
        assert!(put.version_stages(&token).send().await.is_err());
        assert_eq!(proxy.calls()["DescribeSecret"], 1);
        assert_eq!(proxy.calls()["PutSecretValue"], 1);
        let there = scene.version(&token).await.is_some();
        assert_eq!(there, carried_out, "{fault:?}");
    }
}

/// Between 32 and 64 characters, as a version's id must be.
fn uuid_of(fault: Fault) -> String {
    format!("{:-<40}", format!("{fault:?}").replace(|c: char| !c.is_alphanumeric(), ""))
}

#[tokio::test]
async fn a_rotation_begins_with_a_pending_version_that_has_no_value() {
    let tenant = Tenant::of(Server::one()).await;
    let scene = Scene::of(&tenant, "a password").await;
    let first = scene.version("AWSCURRENT").await.unwrap();
    let token = scene.begin().await;
    assert_ne!(token, first);
    assert_eq!(scene.version("AWSPENDING").await, Some(token.clone()));
    let value = scene.secrets.get_secret_value().secret_id(&scene.arn);
    let missing = value.version_id(&token).send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn a_server_of_ones_own_can_be_frozen_restarted_and_killed() {
    let Some(server) = Server::one_with(&[Need::OwnServers]) else {
        return;
    };
    let server = OwnServer::start(server, &["--sql-mode=ANSI_QUOTES"]).await;
    let tenant = Tenant::at(server.address.clone());
    let mut root = tenant.root().await;
    let mode: Option<String> = root.query_first("SELECT @@sql_mode").await.unwrap();
    assert!(mode.unwrap().contains("ANSI_QUOTES"));
    server.freeze().await;
    let limit = std::time::Duration::from_millis(200);
    let silence = tokio::time::timeout(limit, root.query_drop("SELECT 1")).await;
    assert!(silence.is_err(), "a frozen server answered");
    drop(root);
    server.thaw().await;
    tenant.settle("a password").await;
    server.restart().await;
    assert!(tenant.logs_in(&tenant.user(), "a password").await);
    server.kill().await;
    let refused = tenant.log_in(&tenant.user(), "a password").await;
    assert!(matches!(refused, Err(mysql_async::Error::Io(_))));
}
