//! Users that cannot be rotated.

use rotation::error::ErrorType::{
    AccountNotUnderstood, AccountUnusable, ClientCertificateRequired, CurrentPasswordWrong,
    MultiFactorUnsupported, PluginUnsupported, SuperuserIsRotated, SystemUserProtected, TlsFailed,
    UserIsRole, UserMissing,
};
use serde_json::{Value, json};

use crate::support::account::{Tenant, account, identifier};
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, Server};
use crate::support::untouched::{assert_refused, change_superuser};

const FIRST: &str = "first canary";

async fn settled(server: Server) -> (Tenant, Scene, String) {
    let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
    let user = account(&tenant.user(), "%");
    (tenant, scene, user)
}

/// The account as the function's errors name it.
fn named(user: &str, host: &str) -> String {
    format!("'{user}'@'{host}'")
}

#[tokio::test]
async fn a_user_whose_login_cannot_be_proven_is_refused_by_the_reason() {
    for &server in Server::all() {
        let (tenant, scene, user) = settled(server).await;
        let name = named(&tenant.user(), "%");
        for (change, error_type, text) in [
            ("ACCOUNT LOCK", AccountUnusable, "is locked"),
            ("PASSWORD EXPIRE", AccountUnusable, "expired"),
            ("REQUIRE X509", ClientCertificateRequired, "REQUIRE SSL"),
            ("REQUIRE SUBJECT '/CN=app'", ClientCertificateRequired, "REQUIRE SSL"),
            ("REQUIRE ISSUER '/CN=ca'", ClientCertificateRequired, "REQUIRE SSL"),
            ("WITH MAX_USER_CONNECTIONS -1", AccountUnusable, "may open no connection"),
        ] {
            if change.ends_with("-1") && !server.is_mariadb() {
                continue; // MySQL has no negative limits
            }
            tenant.sql(format!("ALTER USER {user} {change}")).await;
            assert_refused(&tenant, &scene, error_type, &[&name, text]).await;
            let identified = format!("IDENTIFIED BY '{FIRST}'");
            tenant
                .sql(format!(
                    "ALTER USER {user} {identified} REQUIRE NONE WITH MAX_USER_CONNECTIONS 0; \
                     ALTER USER {user} ACCOUNT UNLOCK"
                ))
                .await;
        }
        scene.rotate().await;
    }
}

#[tokio::test]
async fn a_user_with_a_plugin_that_has_no_password_or_is_not_spoken_is_refused() {
    for &server in Server::all() {
        let (tenant, scene, user) = settled(server).await;
        let plugins: &[&str] = if server.is_mariadb() {
            &["unix_socket"]
        } else {
            &["sha256_password", "mysql_no_login"]
        };
        for plugin in plugins {
            let (load, identified) = match *plugin {
                "unix_socket" => ("DO 0", "IDENTIFIED VIA unix_socket".to_owned()),
                "mysql_no_login" => (
                    "INSTALL PLUGIN mysql_no_login SONAME 'mysql_no_login.so'",
                    "IDENTIFIED WITH mysql_no_login".to_owned(),
                ),
                plugin => ("DO 0", format!("IDENTIFIED WITH {plugin} BY '{FIRST}'")),
            };
            let mut root = tenant.root().await;
            // It stays installed for the next run.
            let _ = mysql_async::prelude::Queryable::query_drop(&mut root, load).await;
            root.disconnect().await.unwrap();
            tenant.sql(format!("ALTER USER {user} {identified}")).await;
            let name = named(&tenant.user(), "%");
            let texts = [name.as_str(), plugin, "change it to"];
            assert_refused(&tenant, &scene, PluginUnsupported, &texts).await;
        }
    }
}

#[tokio::test]
async fn a_user_that_is_not_there_or_has_another_password_is_told_apart() {
    for &server in Server::all() {
        let (tenant, scene, user) = settled(server).await;
        tenant.sql(format!("ALTER USER {user} IDENTIFIED BY 'another'")).await;
        let texts = ["at '%'", "no login was made"];
        assert_refused(&tenant, &scene, CurrentPasswordWrong, &texts).await;
        tenant.sql(format!("DROP USER {user}")).await;
        let texts = [tenant.user(), "does not exist".to_owned()];
        let texts = texts.each_ref().map(String::as_str);
        assert_refused(&tenant, &scene, UserMissing, &texts).await;
        if !server.has(Need::Roles) {
            continue;
        }
        tenant.sql(format!("CREATE ROLE {}", identifier(&tenant.user()))).await;
        let host = if server.is_mariadb() { "" } else { "%" };
        let name = named(&tenant.user(), host);
        assert_refused(&tenant, &scene, UserIsRole, &[&name, "is a role"]).await;
    }
}

#[tokio::test]
async fn a_login_that_ends_in_a_more_specific_account_is_refused() {
    for &server in Server::all() {
        let (tenant, scene, user) = settled(server).await;
        let nearer = account(&tenant.user(), "127.0.0.1");
        tenant.sql(format!("CREATE USER {nearer} IDENTIFIED BY 'another'")).await;
        let texts = ["at '127.0.0.1'"];
        assert_refused(&tenant, &scene, CurrentPasswordWrong, &texts).await;
        tenant.sql(format!("DROP USER {user}; ALTER USER {nearer} IDENTIFIED BY '{FIRST}'")).await;
        scene.rotate().await;
        assert_eq!(tenant.hosts(&tenant.twin()).await, ["127.0.0.1"]);
    }
}

#[tokio::test]
async fn an_account_without_a_password_is_refused_also_where_it_is_not_in_use() {
    for &server in Server::all() {
        let (tenant, scene, _) = settled(server).await;
        let open = account(&tenant.user(), "10.%");
        tenant.sql(format!("CREATE USER {open}")).await;
        let name = named(&tenant.user(), "10.%");
        let texts = [name.as_str(), "has no password", "drop it"];
        assert_refused(&tenant, &scene, AccountUnusable, &texts).await;
    }
}

#[tokio::test]
async fn privileges_on_a_routine_whose_name_the_server_mis_encodes_are_refused() {
    for &server in Server::all() {
        let (tenant, scene, user) = settled(server).await;
        let database = tenant.database();
        tenant
            .sql(format!(
                "CREATE PROCEDURE {database}.`prüfe`() SELECT 1; \
                 GRANT EXECUTE ON PROCEDURE {database}.`prüfe` TO {user}"
            ))
            .await;
        let name = named(&tenant.user(), "%");
        let texts = [name.as_str(), "not ASCII", "grant EXECUTE on the schema"];
        assert_refused(&tenant, &scene, AccountNotUnderstood, &texts).await;
        tenant
            .sql(format!(
                "REVOKE EXECUTE ON PROCEDURE {database}.`prüfe` FROM {user}; \
                 GRANT EXECUTE ON {database}.* TO {user}; CREATE PROCEDURE {database}.p() SELECT 1"
            ))
            .await;
        scene.rotate().await;

        // Where the user's own name is garbled, the row is not found by it.
        let name = format!("{}ü", tenant.user());
        let user = account(&name, "%");
        tenant
            .sql(format!(
                "CREATE USER {user} IDENTIFIED BY '{FIRST}'; \
                 GRANT EXECUTE ON PROCEDURE {database}.p TO {user}"
            ))
            .await;
        let text = document(&tenant.address, &name, FIRST);
        let mut text = text.as_object().unwrap().clone();
        text.insert("masterarn".to_owned(), json!(scene.superuser_arn));
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        call.secret_string(Value::from(text).to_string()).send().await.unwrap();
        assert_refused(&tenant, &scene, AccountNotUnderstood, &[&name, "not ASCII"]).await;
    }
}

#[tokio::test]
async fn a_user_that_demands_tls_is_not_rotated_by_a_secret_that_turns_it_off() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let mut user = document(&tenant.address, &tenant.user(), FIRST);
        user["ssl"] = json!(false);
        let scene = Scene::with(&tenant, &superuser_document(&tenant.address), user).await;
        let user = account(&tenant.user(), "%");
        tenant.sql(format!("ALTER USER {user} REQUIRE SSL")).await;
        let name = named(&tenant.user(), "%");
        assert_refused(&tenant, &scene, TlsFailed, &[&name, "\"ssl\": false"]).await;
    }
}

#[tokio::test]
async fn a_superuser_that_is_one_of_the_two_users_is_refused() {
    let (tenant, scene, _) = settled(Server::one()).await;
    for name in [tenant.user(), tenant.twin()] {
        change_superuser(&scene, &document(&tenant.address, &name, FIRST)).await;
        assert_refused(&tenant, &scene, SuperuserIsRotated, &[&name]).await;
    }
}

#[tokio::test]
async fn what_the_account_tables_of_mysql_say_and_nobody_can_copy_is_refused() {
    let Some(server) = Server::one_with(&[Need::Attributes]) else {
        return;
    };
    let (tenant, scene, _) = settled(server).await;
    let factor = json!({"multi_factor_authentication": [{"plugin": "authentication_webauthn"}]});
    set_attributes(&tenant, &factor).await;
    let name = named(&tenant.user(), "%");
    assert_refused(&tenant, &scene, MultiFactorUnsupported, &[&name, "one factor"]).await;
}

/// What no statement makes here: the tables are what is read.
async fn set_attributes(tenant: &Tenant, attributes: &Value) {
    let user = tenant.user();
    tenant
        .sql(format!(
            "UPDATE mysql.user SET User_attributes = '{attributes}' WHERE User = '{user}'"
        ))
        .await;
}

#[tokio::test]
async fn a_protected_user_takes_a_protected_superuser() {
    let Some(server) = Server::one_with(&[Need::ProtectedUsers]) else {
        return;
    };
    let (tenant, scene, user) = settled(server).await;
    tenant.sql(format!("GRANT SYSTEM_USER ON *.* TO {user}")).await;
    scene.rotate().await;

    let admin = super::admin::rds(&tenant, super::admin::Through::Itself).await;
    change_superuser(&scene, &admin).await;
    let texts = ["SYSTEM_USER", "revoke it from the user", "<superuser>"];
    assert_refused(&tenant, &scene, SystemUserProtected, &texts).await;
}
