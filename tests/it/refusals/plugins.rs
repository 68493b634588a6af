//! Plugins that a twin cannot get, and the ciphers and policies that keep it from logging in.

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{
    AccountUnusable, ClientCertificateRequired, GrantImpossible, HostPasswordsDiffer,
    PluginUnsupported, TlsFailed, TwinNotOurs,
};
use serde_json::json;

use super::admin::{Through, rds};
use crate::support::account::{Tenant, account, literal};
use crate::support::grants::assert_equal_accounts;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{assert_refused, change_superuser, preflight};

const FIRST: &str = "first canary";
const ELSEWHERE: &str = "10.9.9.9";

/// A user with another account at a host where nobody is, identified so.
async fn with_another(tenant: Tenant, identified: &str) -> (Tenant, Scene) {
    let (tenant, scene) = Scene::settled(tenant, FIRST).await;
    let other = account(&tenant.user(), ELSEWHERE);
    tenant.sql(format!("CREATE USER {other} {identified}")).await;
    (tenant, scene)
}

#[tokio::test]
async fn a_plugin_whose_strings_are_not_known_is_refused_by_name_at_each_host_of_each_user() {
    for server in Server::with(&[Need::Mariadb]) {
        let identified = "IDENTIFIED VIA mysql_old_password USING '5d2e19393cc5ef67'";
        let (tenant, scene) = with_another(Tenant::of(server).await, identified).await;
        let (user, twin) = (tenant.user(), tenant.twin());
        let named = |user: &str| format!("'{user}'@'{ELSEWHERE}'");
        let texts = [&named(&user), "mysql_old_password", "change it to ed25519"];
        assert_refused(&tenant, &scene, PluginUnsupported, &texts).await;

        let known = format!("IDENTIFIED BY {}", literal(FIRST));
        tenant.sql(format!("ALTER USER {} {known}", account(&user, ELSEWHERE))).await;
        scene.rotate().await;
        scene.rotate().await;
        tenant.sql(format!("ALTER USER {} {identified}", account(&twin, ELSEWHERE))).await;
        let texts = [&named(&twin), "mysql_old_password", "lock it"];
        assert_refused(&tenant, &scene, PluginUnsupported, &texts).await;
        // Also beside a password that is this secret's.
        let beside = format!("{identified} OR mysql_native_password USING PASSWORD('x')");
        tenant.sql(format!("ALTER USER {} {beside}", account(&twin, ELSEWHERE))).await;
        assert_refused(&tenant, &scene, PluginUnsupported, &texts).await;
        tenant.sql(format!("ALTER USER {} ACCOUNT LOCK", account(&twin, ELSEWHERE))).await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &user, &twin).await;
    }
}

#[tokio::test]
async fn a_plugin_that_the_server_has_not_loaded_is_found_at_every_host_before_the_first_write() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        let (user, twin) = (tenant.user(), tenant.twin());
        let (other, name) = (account(&user, ELSEWHERE), format!("'{user}'@'{ELSEWHERE}'"));
        let known = format!("CREATE USER {other} IDENTIFIED BY {}", literal(FIRST));
        let leave = |host: &str| {
            if server.is_mariadb() {
                format!(
                    "INSTALL SONAME 'auth_ed25519'; \
                 ALTER USER {} IDENTIFIED VIA ed25519 USING PASSWORD({}); \
                 UNINSTALL SONAME 'auth_ed25519'",
                    account(&user, host),
                    literal(FIRST)
                )
            } else {
                // As it is left over by an upgrade from a version that had it.
                format!(
                    "UPDATE mysql.user SET plugin = 'auth_socket' \
                 WHERE User = '{user}' AND Host = '{host}'; FLUSH PRIVILEGES"
                )
            }
        };
        let plugin =
            if server.is_mariadb() { "INSTALL SONAME 'auth_ed25519'" } else { "auth_socket" };
        tenant.sql(format!("{known}; {}", leave(ELSEWHERE))).await;
        let texts = [&name, "has not loaded", plugin, "drop it"];
        assert_refused(&tenant, &scene, PluginUnsupported, &texts).await;

        tenant.sql(format!("DROP USER {other}")).await;
        scene.rotate().await;
        scene.rotate().await;
        if server.is_mariadb() {
            tenant.sql(leave("%")).await;
            let texts = ["has not loaded", plugin, "applications cannot log in either"];
            assert_refused(&tenant, &scene, PluginUnsupported, &texts).await;
            // What only the twin still has is replaced.
            tenant
                .sql(format!(
                    "ALTER USER {} IDENTIFIED BY {}; INSTALL SONAME 'auth_ed25519'",
                    account(&user, "%"),
                    literal(&scene.login("AWSCURRENT").await.1)
                ))
                .await;
            let previous = scene.login("AWSPREVIOUS").await.1;
            tenant
                .sql(format!(
                    "ALTER USER {} IDENTIFIED VIA ed25519 USING PASSWORD({}); \
                     UNINSTALL SONAME 'auth_ed25519'",
                    account(&twin, "%"),
                    literal(&previous)
                ))
                .await;
            scene.rotate().await;
            assert_equal_accounts(&tenant, &user, &twin).await;
        }
    }
}

#[tokio::test]
async fn a_plugin_that_the_servers_policy_forbids_the_superuser_is_found_before_the_first_write() {
    for server in Server::with(&[Need::OwnServers, Need::DynamicPrivileges]) {
        let own = OwnServer::start(server, &["--authentication-policy=sha256_password,,"]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        let user = account(&tenant.user(), "%");
        let identified = format!("IDENTIFIED WITH caching_sha2_password BY {}", literal(FIRST));
        tenant.sql(format!("ALTER USER {user} {identified}")).await;
        scene.rotate().await;
        let admin = rds(&tenant, Through::Itself).await;
        let [name, password] = ["username", "password"].map(|key| admin[key].as_str().unwrap());
        let identified = format!("IDENTIFIED WITH caching_sha2_password BY {}", literal(password));
        tenant.sql(format!("ALTER USER {} {identified}", account(name, "%"))).await;
        change_superuser(&scene, &admin).await;
        let texts = ["sha256_password", "GRANT AUTHENTICATION_POLICY_ADMIN ON *.* TO <superuser>"];
        assert_refused(&tenant, &scene, GrantImpossible, &texts).await;
    }
}

#[tokio::test]
async fn a_cipher_that_is_required_is_compared_and_on_mysql_takes_a_certificate() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let user = account(&tenant.user(), "%");
        let mut session = tenant.log_in(&tenant.user(), FIRST).await.unwrap();
        let own: Option<(String, String)> =
            session.query_first("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await.unwrap();
        session.disconnect().await.unwrap();
        let (_, own) = own.unwrap();
        let require = |cipher: &str| format!("ALTER USER {user} REQUIRE CIPHER '{cipher}'");
        tenant.sql(require(&own)).await;
        if !server.is_mariadb() {
            let texts = ["CIPHER", "REQUIRE SSL"];
            assert_refused(&tenant, &scene, ClientCertificateRequired, &texts).await;
            continue;
        }
        scene.rotate().await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        tenant.sql(require("AES128-SHA")).await;
        let texts = ["REQUIRE CIPHER 'AES128-SHA'", own.as_str(), "REQUIRE SSL"];
        assert_refused(&tenant, &scene, TlsFailed, &texts).await;

        // Where the superuser's session has no cipher to compare with, a login is made that has one.
        let mut superuser = superuser_document(&tenant.address);
        superuser["ssl"] = json!(false);
        change_superuser(&scene, &superuser).await;
        tenant.sql(require(&own)).await;
        scene.rotate().await;
    }
}

/// MariaDB's plugin for accounts that came from MySQL, which calls itself by MySQL's name. The session
/// that installs it may be cut off.
async fn with_mysql_sha2(server: Server) -> Option<(OwnServer, Tenant)> {
    let own = OwnServer::start(server, &[]).await;
    let tenant = Tenant::at(own.address.clone());
    let mut root = tenant.root().await;
    let installed = root.query_drop("INSTALL SONAME 'auth_mysql_sha2'").await;
    drop(root);
    if let Err(mysql_async::Error::Server(error)) = installed {
        crate::support::stack::tell(&format!("skipped on {server:?}: auth_mysql_sha2: {error}"));
        return None;
    }
    Some((own, tenant))
}

#[tokio::test]
async fn accounts_that_came_from_mysql_are_rotated_by_hashes_made_here_and_none_is_shown() {
    for server in Server::with(&[Need::Mariadb, Need::OwnServers]) {
        let Some((_own, tenant)) = with_mysql_sha2(server).await else { continue };
        let by = |password: &str| {
            format!("IDENTIFIED VIA caching_sha2_password USING PASSWORD({})", literal(password))
        };
        let (tenant, scene) = with_another(tenant, &by(FIRST)).await;
        let (user, twin) = (tenant.user(), tenant.twin());
        let reserved = "$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED";
        tenant
            .sql(format!(
                "CREATE USER {} IDENTIFIED VIA caching_sha2_password USING '{reserved}'",
                account(&user, "10.9.9.8")
            ))
            .await;
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        assert!(log.contains("CREATE USER") && !log.contains("$A$005$W"), "{log}");
        scene.rotate().await;
        let (login, first_pending) = scene.login("AWSCURRENT").await;
        assert_eq!(login, twin);
        assert_stored(&tenant, &twin, ELSEWHERE, &first_pending).await;
        assert_eq!(string_of(&tenant, &twin, "10.9.9.8").await, reserved);

        // The account in use too: a login by it is made, and it keeps its plugin.
        for name in [&user, &twin] {
            let password = if *name == twin { first_pending.as_str() } else { FIRST };
            tenant.sql(format!("ALTER USER {} {}", account(name, "%"), by(password))).await;
        }
        for _ in 0..2 {
            scene.rotate().await;
            let (login, password) = scene.login("AWSCURRENT").await;
            assert_stored(&tenant, &login, "%", &password).await;
            assert!(tenant.logs_in(&login, &password).await);
        }
        assert_equal_accounts(&tenant, &user, &twin).await;

        // An account at another host whose password is not the secret's is nobody's to overwrite.
        let odd = format!("IDENTIFIED VIA caching_sha2_password USING '$A$000${}'", "x".repeat(63));
        let not_provable = "is no hash that this function can prove";
        let (in_use, other) =
            if scene.login("AWSCURRENT").await.0 == user { (&user, &twin) } else { (&twin, &user) };
        for (name, identified, error_type, text) in [
            (other, &by("another"), TwinNotOurs, ELSEWHERE),
            (other, &odd, TwinNotOurs, ELSEWHERE),
            (in_use, &by("another"), HostPasswordsDiffer, ELSEWHERE),
            (in_use, &odd, PluginUnsupported, not_provable),
            (in_use, &by(""), AccountUnusable, "has no password"),
        ] {
            tenant.sql(format!("ALTER USER {} {identified}", account(name, ELSEWHERE))).await;
            assert_refused(&tenant, &scene, error_type, &[text]).await;
        }
    }
}

#[tokio::test]
async fn without_tls_a_password_that_the_server_cannot_decrypt_is_refused_before_the_first_write() {
    for server in Server::with(&[Need::Mariadb, Need::OwnServers]) {
        let Some((_own, tenant)) = with_mysql_sha2(server).await else { continue };
        tenant.settle(FIRST).await;
        let identified = format!("VIA caching_sha2_password USING PASSWORD({})", literal(FIRST));
        let user = account(&tenant.user(), "%");
        tenant.sql(format!("ALTER USER {user} IDENTIFIED {identified}")).await;
        let mut text = document(&tenant.address, &tenant.user(), FIRST);
        text["ssl"] = json!(false);
        let scene = Scene::with(&tenant, &superuser_document(&tenant.address), text).await;
        let texts = ["\"ssl\": false", "no RSA key", "remove"];
        assert_refused(&tenant, &scene, TlsFailed, &texts).await;
    }
}

async fn string_of(tenant: &Tenant, user: &str, host: &str) -> String {
    let mut root = tenant.root().await;
    let sql = format!(
        "SELECT CONCAT(JSON_VALUE(Priv, '$.plugin'), ' ', JSON_VALUE(Priv, '$.authentication_string')) \
         FROM mysql.global_priv WHERE User = '{user}' AND Host = '{host}'"
    );
    let found: Option<String> = root.query_first(sql).await.unwrap();
    root.disconnect().await.unwrap();
    found.unwrap().strip_prefix("caching_sha2_password ").expect("the plugin stays").to_owned()
}

/// The account has this password, by a hash with a salt of its own.
async fn assert_stored(tenant: &Tenant, user: &str, host: &str, password: &str) {
    use account_mirror::proof::{AuthString, Format, Meaning};
    let string = string_of(tenant, user, host).await;
    let Meaning::Hash(hash) = AuthString::new(string).meaning(Some(Format::MysqlSha2)) else {
        panic!("{user} has no hash");
    };
    assert_eq!(hash.matches(password.as_bytes(), |_, _| Ok::<_, ()>(())), Ok(true), "{user}");
}
