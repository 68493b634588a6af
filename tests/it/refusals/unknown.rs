//! What a newer server may say of an account, and this function does not know: it is refused, never
//! left out.

use rotation::error::ErrorType::AccountNotUnderstood;

use crate::support::account::Tenant;
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::assert_refused;

const FIRST: &str = "first canary";

/// Writes what no statement can make, and takes it back; `{u}` is the user, `{d}` its database.
#[tokio::test]
async fn an_unknown_property_or_privilege_is_refused_by_its_name() {
    let mysql = [
        (
            "UPDATE mysql.user SET User_attributes = '{\"Teleport\": 1}' WHERE User = '{u}'",
            "UPDATE mysql.user SET User_attributes = NULL WHERE User = '{u}'",
            "\"Teleport\"",
        ),
        (
            "ALTER TABLE mysql.user ADD COLUMN Teleport_priv ENUM('N', 'Y') NOT NULL DEFAULT 'N'; \
             UPDATE mysql.user SET Teleport_priv = 'Y' WHERE User = '{u}'",
            "ALTER TABLE mysql.user DROP COLUMN Teleport_priv",
            "Teleport_priv",
        ),
        (
            "ALTER TABLE mysql.user ADD COLUMN Gravity INT NOT NULL DEFAULT 0; \
             UPDATE mysql.user SET Gravity = 9 WHERE User = '{u}'",
            "ALTER TABLE mysql.user DROP COLUMN Gravity",
            "Gravity",
        ),
        (
            "ALTER TABLE mysql.db ADD COLUMN Teleport_priv ENUM('N', 'Y') NOT NULL DEFAULT 'N'; \
             UPDATE mysql.db SET Teleport_priv = 'Y' WHERE User = '{u}'",
            "ALTER TABLE mysql.db DROP COLUMN Teleport_priv",
            "Teleport_priv",
        ),
    ];
    let mariadb = [
        (
            "UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.teleport', 1) WHERE User = '{u}'",
            "UPDATE mysql.global_priv SET Priv = JSON_REMOVE(Priv, '$.teleport') WHERE User = '{u}'",
            "\"teleport\"",
        ),
        (
            "ALTER TABLE mysql.db ADD COLUMN Teleport_priv ENUM('N', 'Y') NOT NULL DEFAULT 'N'; \
             UPDATE mysql.db SET Teleport_priv = 'Y' WHERE User = '{u}'",
            "ALTER TABLE mysql.db DROP COLUMN Teleport_priv",
            "Teleport_priv",
        ),
    ];
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        let cases = if server.is_mariadb() { &mariadb[..] } else { &mysql[..] };
        let name = format!("'{}'@'%'", tenant.user());
        for (write, take_back, found) in cases {
            if write.contains("User_attributes") && !server.has(Need::Attributes) {
                continue;
            }
            tenant.sql(write.replace("{u}", &tenant.user())).await;
            let texts = [found, name.as_str(), "update the function"];
            assert_refused(&tenant, &scene, AccountNotUnderstood, &texts).await;
            tenant.sql(take_back.replace("{u}", &tenant.user())).await;
        }
        scene.rotate().await;
    }
}
