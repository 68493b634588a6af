//! What is decided by the stored hash, and what nobody's word can put in its place.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{
    AccountUnusable, CurrentPasswordWrong, HostPasswordsDiffer, PendingLoginRefused,
    PendingValueMissing, TwinNotOurs,
};
use serde_json::Value;
use tokio::sync::Notify;

use crate::support::account::{Tenant, account, end_session_of, literal};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::{Fault, Proxy};
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, Server};
use crate::support::untouched::{assert_refused, preflight};

const FIRST: &str = "first canary";
const OTHER: &str = "another canary";

async fn settled(server: Server) -> (Tenant, Scene) {
    Scene::settled(Tenant::of(server).await, FIRST).await
}

/// Makes an account of the user at another host, without grants.
async fn at(tenant: &Tenant, host: &str, identified: &str) {
    let name = account(&tenant.user(), host);
    tenant.sql(format!("CREATE USER {name} {identified}")).await;
}

#[tokio::test]
async fn another_password_at_another_host_is_refused_and_its_remedy_helps() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        at(&tenant, "10.9.%", &format!("IDENTIFIED BY {}", literal(OTHER))).await;
        let texts = ["at '10.9.%'", "SHOW CREATE USER", "lock them"];
        assert_refused(&tenant, &scene, HostPasswordsDiffer, &texts).await;
        assert!(tenant.hosts(&tenant.twin()).await.is_empty());

        let there = account(&tenant.user(), "10.9.%");
        tenant.sql(format!("ALTER USER {there} IDENTIFIED BY {}", literal(FIRST))).await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        assert_eq!(tenant.hosts(&tenant.twin()).await, ["%", "10.9.%"]);
    }
}

#[tokio::test]
async fn another_password_at_a_host_that_is_locked_is_mirrored_as_a_lock() {
    for server in Server::all().iter().copied() {
        let (tenant, scene) = settled(server).await;
        let locked = format!("IDENTIFIED BY {} ACCOUNT LOCK", literal(OTHER));
        at(&tenant, "10.9.%", &locked).await;
        scene.rotate().await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

#[tokio::test]
async fn a_disabled_password_is_mirrored_as_one() {
    for server in Server::all().iter().copied() {
        let (tenant, scene) = settled(server).await;
        let disabled = match server.is_mariadb() {
            true => "IDENTIFIED VIA mysql_native_password USING 'invalid'",
            false if server.has(Need::CachingSha2) => {
                "IDENTIFIED WITH caching_sha2_password AS \
                 '$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED'"
            }
            false => {
                "IDENTIFIED WITH mysql_native_password AS '*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE'"
            }
        };
        at(&tenant, "10.9.%", disabled).await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        let mut root = tenant.root().await;
        let (table, column) = if server.is_mariadb() {
            ("mysql.global_priv", "JSON_VALUE(Priv, '$.authentication_string')")
        } else {
            ("mysql.user", "authentication_string")
        };
        let sql = format!(
            "SELECT COUNT(DISTINCT {column}) FROM {table} \
             WHERE User LIKE '{}%' AND Host = '10.9.%'",
            tenant.user()
        );
        let count: Option<u64> = root.query_first(sql).await.unwrap();
        assert_eq!(count, Some(1), "{server:?}: both have the same");
        root.disconnect().await.unwrap();
    }
}

#[tokio::test]
async fn the_version_with_the_servers_password_is_named_and_the_command_helps() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let right = scene.version("AWSCURRENT").await.unwrap();
        let mut document: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
        document["password"] = OTHER.into();
        let put = scene.secrets.put_secret_value().secret_id(&scene.arn);
        let put = put.secret_string(document.to_string()).send().await.unwrap();
        let wrong = put.version_id.unwrap();

        let command = format!("--move-to-version-id {right} --remove-from-version-id {wrong}");
        let texts = ["no login was made", command.as_str()];
        assert_refused(&tenant, &scene, CurrentPasswordWrong, &texts).await;
        let moved = scene.secrets.update_secret_version_stage().secret_id(&scene.arn);
        let moved = moved.version_stage("AWSCURRENT").move_to_version_id(right);
        moved.remove_from_version_id(wrong).send().await.unwrap();
        scene.rotate().await;
    }
}

#[tokio::test]
async fn a_secret_that_names_a_server_of_its_writers_own_gets_no_twin_and_learns_no_login() {
    for &server in Server::all() {
        let (tenant, _) = settled(server).await;
        // That server's word would be the superuser's server's own, for it is that server.
        let elsewhere = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let place = Tenant::at(tenant.address.clone());
        let mut user = document(&tenant.address, &tenant.user(), "a guess");
        user["host"] = "localhost".into();
        user["port"] = elsewhere.address.port().into();
        let scene = Scene::with(&place, &superuser_document(&tenant.address), user).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        let result = scene.step("setSecret", &token).await;
        refused(result, CurrentPasswordWrong, &["no login was made"]);
        assert_eq!(elsewhere.connections(), 0);
        assert!(tenant.hosts(&tenant.twin()).await.is_empty());
    }
}

#[tokio::test]
async fn a_user_whose_only_connection_is_taken_is_rotated_without_a_login() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let user = account(&tenant.user(), "%");
        tenant.sql(format!("ALTER USER {user} WITH MAX_USER_CONNECTIONS 1")).await;
        let application = tenant.log_in(&tenant.user(), FIRST).await.unwrap();
        scene.rotate().await;
        application.disconnect().await.unwrap();
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

#[tokio::test]
async fn a_second_try_does_not_set_a_password_that_is_in_place_whatever_the_server_remembers() {
    for server in Server::with(&[Need::PasswordHistory]) {
        let (tenant, scene) = settled(server).await;
        let user = account(&tenant.user(), "%");
        tenant.sql(format!("ALTER USER {user} PASSWORD HISTORY 5")).await;
        for _ in 0..2 {
            let token = scene.begin().await;
            scene.step("createSecret", &token).await.unwrap();
            for _ in 0..3 {
                scene.step("setSecret", &token).await.unwrap();
            }
            scene.resume("testSecret", &token).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_retained_second_password_of_the_user_counts_with_a_warning() {
    for server in Server::with(&[Need::SecondPasswords]) {
        let (tenant, scene) = settled(server).await;
        let user = account(&tenant.user(), "%");
        let newer = format!("IDENTIFIED BY {} RETAIN CURRENT PASSWORD", literal(OTHER));
        tenant.sql(format!("ALTER USER {user} {newer}")).await;
        let foretold = preflight(&tenant, &scene).await.1;
        assert!(foretold.contains("a rotation is refused (TwinNotOurs) until"), "{foretold}");
        scene.rotate().await;
        let (twin, password) = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&twin, &password).await);
        assert_refused(&tenant, &scene, TwinNotOurs, &["no version of this secret holds"]).await;
        let (previous, password) = scene.login("AWSPREVIOUS").await;
        assert!(tenant.logs_in(&previous, &password).await);
    }
}

#[tokio::test]
async fn of_alternative_passwords_one_must_be_the_secrets_and_none_empty() {
    for server in Server::with(&[Need::Mariadb]) {
        let (tenant, scene) = settled(server).await;
        crate::mirror_fuzz::load_ed25519(&tenant.address).await;
        let user = account(&tenant.user(), "%");
        let methods = |using: String| {
            format!(
                "ALTER USER {user} IDENTIFIED VIA ed25519{using} \
                 OR mysql_native_password USING PASSWORD({})",
                literal(FIRST)
            )
        };
        tenant.sql(methods(String::new())).await;
        // Of a method that was given nothing, some versions make one with an empty password.
        let mut root = tenant.root().await;
        let stored = format!(
            "SELECT JSON_VALUE(Priv, '$.auth_or[0].authentication_string') \
             FROM mysql.global_priv WHERE User = '{}'",
            tenant.user()
        );
        let stored: Option<Option<String>> = root.query_first(stored).await.unwrap();
        root.disconnect().await.unwrap();
        if stored.flatten().is_some_and(|stored| !stored.is_empty()) {
            assert_refused(&tenant, &scene, AccountUnusable, &["has no password"]).await;
        }
        tenant.sql(methods(format!(" USING PASSWORD({})", literal(OTHER)))).await;
        scene.rotate().await;
        let (twin, password) = scene.login("AWSCURRENT").await;
        let session = tenant.log_in_patiently(&twin, &password).await.unwrap();
        end_session_of(&twin, session).await;
        // The driver does not speak the second method that a server with alternatives asks for then.
        assert!(tenant.log_in(&twin, OTHER).await.is_err());
    }
}

#[tokio::test]
async fn a_refused_login_is_made_once_more_with_ed25519_alone() {
    for server in Server::with(&[Need::Mariadb]) {
        for (plugins, connections) in [
            (&["ed25519"][..], 3),
            (&["ed25519", "mysql_native_password"], 3),
            (&["mysql_native_password"], 2),
        ] {
            let tenant = Tenant::of(server).await;
            tenant.settle(FIRST).await;
            crate::mirror_fuzz::load_ed25519(&tenant.address).await;
            let set = async |name: &str, password: &str| {
                let (name, password) = (account(name, "%"), literal(password));
                let methods: Vec<_> = plugins
                    .iter()
                    .map(|plugin| format!("{plugin} USING PASSWORD({password})"))
                    .collect();
                let methods = methods.join(" OR ");
                tenant.sql(format!("ALTER USER {name} IDENTIFIED VIA {methods}")).await;
            };
            set(&tenant.user(), FIRST).await;
            let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
            let scene = Scene::through(&proxy, &tenant, FIRST).await;
            let token = scene.begin().await;
            scene.resume_until("testSecret", &token).await;
            let (twin, password) = scene.login("AWSPENDING").await;

            // After the superuser has seen the hash, the password is another one for one login.
            proxy.reset();
            let mut made = 0;
            let login = Arc::new(Notify::new());
            let arrived = login.clone();
            proxy.script(move |request| {
                let is_connection = request.operation == "Connect";
                made += usize::from(is_connection);
                (is_connection && made >= 2).then(|| {
                    login.notify_one();
                    Fault::Wait
                })
            });
            let mend = async {
                for password in [OTHER, &password] {
                    arrived.notified().await;
                    set(&twin, password).await;
                    proxy.let_pass();
                }
                std::future::pending().await
            };
            let result = tokio::select! {
                result = scene.step("testSecret", &token) => result,
                () = mend => unreachable!(),
            };
            assert_eq!(proxy.connections(), connections, "{plugins:?}");
            match plugins {
                ["ed25519", ..] => result.unwrap(),
                _ => refused(result, PendingLoginRefused, &["1045"]),
            }
        }
    }
}

#[tokio::test]
async fn a_password_that_was_changed_after_set_secret_is_found_at_every_host() {
    for server in Server::with(&[Need::LocalClients]) {
        for host in ["%", "10.9.%"] {
            let (tenant, scene) = settled(server).await;
            at(&tenant, "10.9.%", &format!("IDENTIFIED BY {}", literal(FIRST))).await;
            let token = scene.begin().await;
            scene.resume_until("testSecret", &token).await;
            let twin = account(&tenant.twin(), host);
            tenant.sql(format!("ALTER USER {twin} IDENTIFIED BY {}", literal(OTHER))).await;
            let result = scene.step("testSecret", &token).await;
            refused(result, PendingLoginRefused, &["sets"]);
        }
    }
}

#[tokio::test]
async fn a_guest_who_holds_a_lock_with_the_pairs_name_stops_no_rotation() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let mut guest = tenant.log_in(&tenant.user(), FIRST).await.unwrap();
        let lock = format!("SELECT GET_LOCK('rotation:{}', 0)", tenant.user());
        guest.query_drop(lock).await.unwrap();
        scene.rotate().await;
        guest.disconnect().await.unwrap();
    }
}

#[tokio::test]
async fn a_version_without_a_value_never_becomes_current() {
    let (_, scene) = settled(Server::one()).await;
    let token = scene.begin().await;
    let result = scene.step("finishSecret", &token).await;
    refused(result, PendingValueMissing, &["was not made current"]);
    assert_ne!(scene.version("AWSCURRENT").await, Some(token));
}
