//! What a server answers is told as it said it, with the remedy, and without a secret.

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{
    self, CurrentPasswordWrong, PluginUnsupported, StatementRefused, SuperuserTooWeak,
    TwinNameImpossible, UserMissing,
};
use serde_json::Value;
use tokio::sync::mpsc;

use super::admin::{self, Through};
use crate::support::account::{Tenant, account, literal};
use crate::support::canary::{Capture, assert_absent};
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::{Scene, document, superuser_document, through};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{
    assert_error, assert_refused, change_superuser, give_up, passwords, preflight,
};

const FIRST: &str = "First-canary-1";

/// Where only the last of the grant tables may not be read, the answers to the queries before it have
/// come.
#[tokio::test]
async fn a_superuser_that_may_read_two_of_the_grant_tables_is_told_which_it_lacks() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let user = if server.is_mariadb() { "global_priv" } else { "user" };
        let grants = format!(
            "GRANT CREATE USER ON *.* TO {{}}; \
             GRANT SELECT ON {0}.* TO {{}} WITH GRANT OPTION; \
             GRANT SELECT ON mysql.{user} TO {{}}; GRANT SELECT ON mysql.db TO {{}}",
            tenant.database()
        );
        let admin = admin::with(&tenant, Through::Itself, &grants).await;
        change_superuser(&scene, &admin).await;
        let texts = ["reading mysql.", "1142", "denied", "GRANT SELECT ON mysql.* TO <superuser>"];
        assert_refused(&tenant, &scene, SuperuserTooWeak, &texts).await;
    }
}

/// Fails in `setSecret`, after a preflight that could not see it. Gives up the rotation.
async fn assert_fails(tenant: &Tenant, scene: &Scene, error_type: ErrorType, texts: &[&str]) {
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let log = Capture::everything();
    let error = scene.step("setSecret", &token).await.unwrap_err();
    let log = log.text();
    assert_error(&error, error_type, texts);
    let secrets = passwords(scene).await;
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_absent(&secrets, &error.to_string(), "the error");
    assert_absent(&secrets, &log, "the log");
    let (user, password) = scene.login("AWSCURRENT").await;
    assert!(tenant.logs_in(&user, &password).await);
    give_up(scene, &token).await;
}

#[tokio::test]
async fn grant_tables_of_another_version_are_told_with_the_servers_own_words() {
    for server in Server::with(&[Need::OwnServers, Need::ProtectedUsers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        tenant
            .sql("ALTER TABLE mysql.procs_priv MODIFY Grantor VARCHAR(30) NOT NULL DEFAULT ''")
            .await;
        let texts = ["1728", "Cannot load from mysql.procs_priv", "--upgrade=FORCE"];
        assert_fails(&tenant, &scene, StatementRefused, &texts).await;
    }
}

/// The same with these documents, where `meanwhile` is run when the checks have passed, and before
/// the first account is made.
async fn assert_fails_after(
    tenant: &Tenant,
    [user, superuser]: [Value; 2],
    meanwhile: &str,
    (error_type, texts): (ErrorType, &[&str]),
) -> (Scene, Proxy) {
    let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
    let place = Tenant::at(tenant.address.clone());
    let scene = Scene::with(&place, &through(&proxy, superuser), user).await;
    let (holding, mut held) = mpsc::unbounded_channel();
    proxy.script(move |request| {
        let is_now = request.text.starts_with("CREATE USER") && holding.send(()).is_ok();
        is_now.then_some(Fault::Wait)
    });
    let change = async {
        held.recv().await.expect("nothing was created");
        drop(held);
        tenant.sql(meanwhile).await;
        proxy.let_pass();
    };
    tokio::join!(assert_fails(tenant, &scene, error_type, texts), change);
    (scene, proxy)
}

#[tokio::test]
async fn a_plugin_that_is_gone_since_the_checks_is_told_in_the_servers_words() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle(FIRST).await;
        let (load, identified, unload, texts) = if server.is_mariadb() {
            (
                "INSTALL SONAME 'auth_ed25519'",
                format!("VIA ed25519 USING PASSWORD({})", literal(FIRST)),
                "UNINSTALL SONAME 'auth_ed25519'",
                ["MySQL error", "ed25519", "load"],
            )
        } else {
            (
                "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
                "WITH auth_socket".to_owned(),
                "UNINSTALL PLUGIN auth_socket",
                ["1524", "Plugin 'auth_socket' is not loaded", "load the plugin"],
            )
        };
        let other = account(&tenant.user(), "10.9.9.9");
        tenant.sql(format!("{load}; CREATE USER {other} IDENTIFIED {identified}")).await;
        let user = document(&own.address, &tenant.user(), FIRST);
        let logins = [user, superuser_document(&own.address)];
        let (scene, _proxy) =
            assert_fails_after(&tenant, logins, unload, (PluginUnsupported, &texts)).await;
        tenant.sql(load).await;
        scene.rotate().await;
    }
}

#[tokio::test]
async fn a_policy_for_plugins_that_came_since_the_checks_is_told_in_the_servers_words() {
    for server in Server::with(&[Need::OwnServers, Need::DynamicPrivileges]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle(FIRST).await;
        let user = document(&own.address, &tenant.user(), FIRST);
        let logins = [user, admin::rds(&tenant, Through::Itself).await];
        let set = "SET GLOBAL authentication_policy = 'sha256_password,,'";
        let texts = ["4058", "authentication_policy demands", "AUTHENTICATION_POLICY_ADMIN"];
        let (scene, _proxy) =
            assert_fails_after(&tenant, logins, set, (StatementRefused, &texts)).await;
        tenant.sql("SET GLOBAL authentication_policy = DEFAULT").await;
        scene.rotate().await;
    }
}

/// The grant tables say how long a name may be; the server's own limit is another thing.
#[tokio::test]
async fn a_name_that_is_too_long_for_the_server_alone_is_told_in_its_words() {
    for server in Server::with(&[Need::OwnServers, Need::Mysql]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        let long = format!("{}_{}", tenant.mark(), "x".repeat(18));
        tenant
            .sql(format!(
                "CREATE USER {} IDENTIFIED BY '{FIRST}'; \
                 ALTER TABLE mysql.db MODIFY User CHAR(40) BINARY NOT NULL DEFAULT ''",
                account(&long, "%")
            ))
            .await;
        let texts = ["1470", "is too long for user name", "(should be no longer than 32)"];
        let mut user = document(&own.address, &long, FIRST);
        user["engine"] = "mariadb".into();
        let logins = [user, superuser_document(&own.address)];
        assert_fails_after(&tenant, logins, "DO 0", (TwinNameImpossible, &texts)).await;
    }
}

#[tokio::test]
async fn a_digest_that_the_server_cannot_make_is_no_password_policy() {
    for server in Server::with(&[Need::OwnServers, Need::CachingSha2, Need::Mysql]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        let mut root = tenant.root().await;
        let set = "SET GLOBAL caching_sha2_password_digest_rounds = DEFAULT";
        if server.version() < (9, 0, 0) || root.query_drop(set).await.is_err() {
            continue;
        }
        root.disconnect().await.unwrap();
        let texts = ["1396", "gives no reason", "caching_sha2_password_digest_rounds = 10000"];
        assert_fails(&tenant, &scene, StatementRefused, &texts).await;
        tenant.sql("SET GLOBAL caching_sha2_password_digest_rounds = 10000").await;
        scene.rotate().await;
    }
}

#[tokio::test]
async fn a_current_user_that_was_dropped_leaves_the_way_back_to_the_other_one() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        scene.rotate().await;
        tenant.sql(format!("DROP USER {}", account(&tenant.twin(), "%"))).await;
        let texts =
            ["AWSPREVIOUS, still logs in", "--version-stage AWSCURRENT --move-to-version-id"];
        assert_refused(&tenant, &scene, UserMissing, &texts).await;

        // Where that is locked too, nothing is promised.
        tenant.sql(format!("ALTER USER {} ACCOUNT LOCK", account(&tenant.user(), "%"))).await;
        let (foretold, _) = preflight(&tenant, &scene).await;
        let error = foretold.unwrap_err();
        assert_error(&error, UserMissing, &["create it there"]);
        assert!(!error.to_string().contains("still logs in"), "{error}");
    }
}

#[tokio::test]
async fn a_line_break_at_the_end_of_a_password_is_named_and_nothing_else_of_it() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, FIRST).await;
    let mut current: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
    current["password"] = format!("{FIRST}\n").into();
    let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
    call.secret_string(current.to_string()).send().await.unwrap();
    let texts = ["\"password\" in the secret ends with the invisible character U+000A"];
    assert_refused(&tenant, &scene, CurrentPasswordWrong, &texts).await;
}

#[tokio::test]
async fn a_superuser_without_an_account_for_this_address_is_told_the_address() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let name = format!("{}_boss", tenant.mark());
        let elsewhere = account(&name, "10.1.%");
        tenant.sql(format!("CREATE USER {elsewhere} IDENTIFIED BY 'Canary-of-boss-1'")).await;
        let superuser = document(&tenant.address, &name, "Canary-of-boss-1");
        change_superuser(&scene, &superuser).await;
        let error = preflight(&tenant, &scene).await.0.unwrap_err();
        let told = ["client's address (127.0.0.1)", "account of this name matches the address"];
        assert!(told.iter().any(|told| error.to_string().contains(told)), "{server:?}: {error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn the_server_and_not_the_secret_says_what_it_is_and_how_long_a_name_may_be() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let mut current: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
        current["engine"] = if server.is_mariadb() { "mysql" } else { "mariadb" }.into();
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        call.secret_string(current.to_string()).send().await.unwrap();
        let (foretold, log) = preflight(&tenant, &scene).await;
        assert!(foretold.is_ok(), "{foretold:?}");
        assert!(log.contains("and the server says that it is M"), "{log}");
        scene.rotate().await;
        if server.is_mariadb() {
            continue;
        }
        let long = format!("{}_{}", tenant.mark(), "x".repeat(18));
        tenant.sql(format!("CREATE USER {} IDENTIFIED BY '{FIRST}'", account(&long, "%"))).await;
        current["username"] = long.into();
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        call.secret_string(current.to_string()).send().await.unwrap();
        let texts = ["has 36 characters", "allow 32", "a shorter name"];
        assert_refused(&tenant, &scene, TwinNameImpossible, &texts).await;
    }
}
