//! Where rotation by text, as AWS's own function does it, goes wrong: each such case, on each server
//! where it applies. In all of them the two accounts are equal in the end, or nothing was written.

use mysql_async::prelude::Queryable;

use crate::support::account::{Tenant, account, literal};
use crate::support::builder::run;
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::proxy::Fault;
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};

const PASSWORD: &str = "the user's password: 1";

/// A user that may read one database, and its secret, on one server.
struct Case {
    tenant: Tenant,
    scene: Scene,
}

impl Case {
    async fn on(server: Server) -> Self {
        Self::of(Tenant::of(server).await).await
    }

    async fn of(tenant: Tenant) -> Self {
        tenant.settle(PASSWORD).await;
        let scene = Scene::of(&tenant, PASSWORD).await;
        Self { tenant, scene }
    }

    /// Runs statements as root. `{u}` is the user, `{t}` its twin, `{d}` its database, `{m}` the
    /// mark of the test and `{p}` the user's password.
    async fn sql(&self, statements: &str) {
        let mut root = self.tenant.root().await;
        for statement in statements.split("; ") {
            let statement = statement
                .replace("{u}", &format!("`{}`", self.tenant.user()))
                .replace("{t}", &format!("`{}`", self.tenant.twin()))
                .replace("{d}", &self.tenant.database())
                .replace("{m}", self.tenant.mark())
                .replace("{p}", &literal(PASSWORD));
            run(&mut root, statement.trim()).await;
        }
    }

    /// Rotates, and checks that the accounts are equal and that the new login works.
    async fn rotate(&self) {
        self.scene.rotate().await;
        self.assert_equal().await;
        let (user, password) = self.scene.login("AWSCURRENT").await;
        assert!(self.tenant.logs_in(&user, &password).await);
    }

    async fn assert_equal(&self) {
        assert_equal_accounts(&self.tenant, &self.tenant.user(), &self.tenant.twin()).await;
    }

    async fn twin_tables(&self) -> Picture {
        Picture::of_tables(&self.tenant, &self.tenant.twin()).await
    }

    /// Whether the user, with its first password, may insert into the table.
    async fn user_inserts(&self) -> bool {
        let (user, database) = (self.tenant.user(), self.tenant.database());
        let mut session = self.tenant.log_in(&user, PASSWORD).await.unwrap();
        let insert = format!("INSERT INTO {database}.items VALUES (2, 'two')");
        let inserted = session.query_drop(insert).await;
        session.disconnect().await.unwrap();
        inserted.is_ok()
    }

    /// Begins a rotation whose setSecret is refused, and gives the refusal.
    async fn refusal(&self) -> String {
        let token = self.scene.begin().await;
        self.scene.step("createSecret", &token).await.unwrap();
        let refused = self.scene.step("setSecret", &token).await;
        refused.unwrap_err().error_type().to_string()
    }
}

#[tokio::test]
async fn the_grant_option_and_the_admin_option_are_copied() {
    for server in Server::with(&[Need::Roles]) {
        let case = Case::on(server).await;
        case.sql(
            "CREATE ROLE {m}role; GRANT {m}role TO {u} WITH ADMIN OPTION; \
             GRANT INSERT ON {d}.* TO {u} WITH GRANT OPTION; \
             GRANT DELETE ON {d}.items TO {u} WITH GRANT OPTION",
        )
        .await;
        case.rotate().await;
        case.sql("REVOKE GRANT OPTION ON {d}.* FROM {t}; REVOKE {m}role FROM {t}").await;
        case.sql("GRANT {m}role TO {t}").await;
        case.rotate().await;
    }
}

#[tokio::test]
async fn what_the_user_lost_the_twin_loses() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql("GRANT UPDATE ON {d}.items TO {u}").await;
        case.rotate().await;
        case.rotate().await;
        case.sql("REVOKE SELECT ON {d}.* FROM {u}; GRANT INSERT ON {d}.items TO {u}").await;
        case.rotate().await;
        assert!(!case.twin_tables().await.holds("Select_priv"));
    }
}

/// Of the rows on a schema, the server takes that of the most specific pattern alone.
#[tokio::test]
async fn a_row_that_covers_a_less_specific_one_goes_after_it() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, PASSWORD).await;
        let case = Case { tenant, scene };
        case.rotate().await;
        // It is the user's turn to be made equal. In the database's name, `_` is a wildcard.
        case.sql(
            "GRANT SELECT ON `{m}\\_db`.* TO {u}; GRANT INSERT ON {d}.* TO {u}; \
             REVOKE SELECT ON {d}.* FROM {t}; GRANT SELECT ON {d}.items TO {t}",
        )
        .await;
        assert!(!case.user_inserts().await, "the less specific row is not covered");

        let mut revokes = 0;
        proxy.script(move |request| {
            revokes += usize::from(request.text.starts_with("REVOKE"));
            (revokes == 2).then_some(Fault::Cut)
        });
        let token = case.scene.begin().await;
        case.scene.step("createSecret", &token).await.unwrap();
        case.scene.step("setSecret", &token).await.unwrap_err();
        assert!(!case.user_inserts().await, "{server:?}");
        proxy.reset();
        case.scene.resume("createSecret", &token).await.unwrap();
        case.assert_equal().await;
        let (user, password) = case.scene.login("AWSCURRENT").await;
        assert!(case.tenant.logs_in(&user, &password).await);
    }
}

#[tokio::test]
async fn names_that_look_like_sql_are_copied() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql(
            "CREATE TABLE {d}.`ta TO b` (id INT); CREATE DATABASE `{m}mysql TO ``root``@`; \
             GRANT SELECT, INSERT (id) ON {d}.`ta TO b` TO {u}; \
             GRANT SELECT ON `{m}mysql TO ``root``@`.* TO {u}; \
             GRANT DELETE ON `{m}\\_a%'\"`.* TO {u}",
        )
        .await;
        case.rotate().await;
    }
}

#[tokio::test]
async fn a_name_of_as_many_characters_as_a_name_may_have_is_copied() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(PASSWORD).await;
        let user = format!("{}漢'`\\% é\"_ TO x", tenant.mark());
        let user = user.clone() + &"y".repeat(26 - user.chars().count());
        let twin = format!("{user}_clone");
        assert_eq!(twin.chars().count(), 32);
        let name = account(&user, "%");
        tenant
            .sql(format!(
                "CREATE USER {name} IDENTIFIED BY {}; GRANT INSERT ON {}.* TO {name}",
                literal(PASSWORD),
                tenant.database()
            ))
            .await;
        let superuser = crate::support::scene::superuser_document(&tenant.address);
        let document = crate::support::scene::document(&tenant.address, &user, PASSWORD);
        let scene = Scene::with(&tenant, &superuser, document).await;
        scene.rotate().await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &user, &twin).await;
    }
}

#[tokio::test]
async fn a_user_at_one_host_gets_a_twin_at_that_host_alone() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql("RENAME USER {u} TO {u}@'127.%'").await;
        case.rotate().await;
        assert_eq!(case.tenant.hosts(&case.tenant.twin()).await, ["127.%"]);
    }
}

#[tokio::test]
async fn each_host_keeps_its_own_demand_and_its_own_limits() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql(
            "ALTER USER {u} REQUIRE X509 WITH MAX_USER_CONNECTIONS 3; \
             CREATE USER {u}@'127.%' IDENTIFIED BY {p}; GRANT SELECT ON {d}.* TO {u}@'127.%'; \
             CREATE USER {u}@'10.%' IDENTIFIED BY {p} REQUIRE SUBJECT '/CN=app' AND \
             ISSUER '/CN=it''s' AND CIPHER 'ECDHE'",
        )
        .await;
        case.rotate().await;
        case.sql("ALTER USER {u} REQUIRE NONE; ALTER USER {u}@'10.%' REQUIRE X509").await;
        case.rotate().await;
    }
}

#[tokio::test]
async fn a_twin_at_a_host_where_the_user_is_not_is_refused_and_nothing_is_written() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql("CREATE USER {t}@'10.%' IDENTIFIED BY {p} ACCOUNT LOCK").await;
        let before = case.twin_tables().await;
        assert_eq!(case.refusal().await, "TwinAtOtherHosts");
        assert_eq!(case.twin_tables().await, before);
    }
}

#[tokio::test]
async fn limits_are_copied_and_a_lock_where_the_user_does_not_log_in() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql(
            "ALTER USER {u} WITH MAX_USER_CONNECTIONS 30 MAX_QUERIES_PER_HOUR 5000; \
             CREATE USER {u}@'10.%' IDENTIFIED BY {p} ACCOUNT LOCK",
        )
        .await;
        case.rotate().await;
        case.sql("ALTER USER {u} ACCOUNT LOCK; ALTER USER {t} ACCOUNT LOCK").await;
        assert_eq!(case.refusal().await, "AccountUnusable");
    }
}

#[tokio::test]
async fn an_existing_twin_gets_a_new_password_on_every_version() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.rotate().await;
        let (_, replaced) = case.scene.login("AWSCURRENT").await;
        case.rotate().await;
        case.rotate().await;
        assert!(!case.tenant.logs_in(&case.tenant.twin(), &replaced).await);
    }
}

#[tokio::test]
async fn a_twin_that_has_the_password_and_nothing_else_is_completed_before_it_is_accepted() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        let token = case.scene.begin().await;
        case.scene.step("createSecret", &token).await.unwrap();
        let (_, pending) = case.scene.login("AWSPENDING").await;
        case.sql(&format!("CREATE USER {{t}} IDENTIFIED BY {}", literal(&pending))).await;
        let refused = case.scene.step("testSecret", &token).await;
        assert!(refused.is_err(), "a half-made twin is accepted");
        case.scene.resume("setSecret", &token).await.unwrap();
        case.assert_equal().await;
    }
}

#[tokio::test]
async fn roles_and_default_roles_are_copied() {
    for server in Server::with(&[Need::Roles]) {
        let case = Case::on(server).await;
        let to = if server.is_mariadb() { "FOR" } else { "TO" };
        case.sql(&format!(
            "CREATE ROLE {{m}}one; CREATE ROLE `{{m}} TO two`; GRANT {{m}}one TO {{u}}; \
             GRANT `{{m}} TO two` TO {{u}}; SET DEFAULT ROLE `{{m}} TO two` {to} {{u}}"
        ))
        .await;
        case.rotate().await;
        case.sql(&format!("SET DEFAULT ROLE NONE {to} {{u}}; REVOKE {{m}}one FROM {{u}}")).await;
        case.sql(&format!("SET DEFAULT ROLE NONE {to} {{t}}; GRANT {{m}}one TO {{u}}")).await;
        case.rotate().await;
    }
}

#[tokio::test]
async fn partial_revokes_are_copied_and_go_with_their_privilege() {
    let Some(server) = Server::one_with(&[Need::PartialRevokes, Need::OwnServers]) else {
        return;
    };
    let server = OwnServer::start(server, &["--partial-revokes=ON"]).await;
    let case = Case::of(Tenant::at(server.address.clone())).await;
    case.sql(
        "GRANT SELECT, INSERT ON *.* TO {u}; REVOKE SELECT ON mysql.* FROM {u}; \
         REVOKE INSERT ON {d}.* FROM {u}",
    )
    .await;
    case.rotate().await;
    assert!(case.twin_tables().await.holds("Restrictions"));
    // The twin is in use now.
    case.sql("REVOKE SELECT ON *.* FROM {t}; GRANT INSERT ON {d}.* TO {t}").await;
    case.rotate().await;
    assert!(!case.twin_tables().await.holds("Restrictions"));
}

/// The row of the other host, which matches, is one that MySQL takes for this host's: it refuses to
/// make or to lift the exception, and to grant anything on the server.
#[tokio::test]
async fn a_partial_revoke_at_one_host_is_copied_beside_the_same_privilege_at_another() {
    let Some(server) = Server::one_with(&[Need::PartialRevokes, Need::OwnServers]) else {
        return;
    };
    let server = OwnServer::start(server, &["--partial-revokes=ON"]).await;
    let case = Case::of(Tenant::at(server.address.clone())).await;
    case.sql(
        "REVOKE SELECT ON {d}.* FROM {u}; \
         CREATE USER {u}@'127.0.0.1' IDENTIFIED BY {p}; \
         CREATE USER {m}p; GRANT PROXY ON {m}p TO {u}@'127.0.0.1'; \
         GRANT SELECT, INSERT ON *.* TO {u}@'127.0.0.1' WITH GRANT OPTION; \
         REVOKE SELECT ON {d}.* FROM {u}@'127.0.0.1'; GRANT SELECT ON {d}.* TO {u}",
    )
    .await;
    case.rotate().await;
    for drift in [
        "GRANT SELECT ON {d}.* TO {u}@'127.0.0.1'",
        "REVOKE GRANT OPTION ON *.* FROM {t}@'127.0.0.1'; GRANT RELOAD ON *.* TO {t}@'127.0.0.1'",
        "REVOKE INSERT ON {d}.* FROM {u}@'127.0.0.1'; REVOKE PROXY ON {m}p FROM {u}@'127.0.0.1'",
    ] {
        let other = if drift.contains("{t}") { "{t}" } else { "{u}" };
        case.sql(&format!(
            "REVOKE SELECT ON {{d}}.* FROM {other}; {drift}; GRANT SELECT ON {{d}}.* TO {other}"
        ))
        .await;
        case.rotate().await;
    }
}

/// Where it can all be printed, MySQL shows a hash as it is, unless the session asks for hexadecimal.
#[tokio::test]
async fn a_hash_whose_salt_has_quotes_and_backslashes_is_no_difference() {
    let Some(server) = Server::one_with(&[Need::CachingSha2]) else {
        return;
    };
    let case = Case::on(server).await;
    let (salt, rest) = (r"a\\''b''\\c AS d REQUIRE", "x".repeat(43));
    case.sql(&format!(
        "CREATE USER {{u}}@'10.1.2.3' IDENTIFIED WITH caching_sha2_password \
         AS '$A$005${salt}{rest}'"
    ))
    .await;
    for _ in 0..2 {
        case.rotate().await;
    }
}

#[tokio::test]
async fn a_retained_second_password_of_the_twin_ends() {
    let Some(server) = Server::one_with(&[Need::SecondPasswords]) else {
        return;
    };
    let case = Case::on(server).await;
    case.sql(
        "CREATE USER {t} IDENTIFIED BY 'leaked: 1'; \
         ALTER USER {t} IDENTIFIED BY 'another: 2' RETAIN CURRENT PASSWORD ACCOUNT LOCK",
    )
    .await;
    case.rotate().await;
    for password in ["leaked: 1", "another: 2"] {
        assert!(!case.tenant.logs_in(&case.tenant.twin(), password).await);
    }
}

#[tokio::test]
async fn a_locked_twin_is_unlocked() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql("CREATE USER {t} IDENTIFIED BY {p} ACCOUNT LOCK; GRANT DELETE ON {d}.* TO {t}")
            .await;
        case.rotate().await;
    }
}

#[tokio::test]
async fn the_plugin_of_a_mariadb_user_is_kept() {
    for server in Server::with(&[Need::Mariadb]) {
        let case = Case::on(server).await;
        crate::mirror_fuzz::load_ed25519(&case.tenant.address).await;
        for methods in [
            "mysql_native_password USING PASSWORD({p}) OR ed25519 USING PASSWORD({p})",
            "unix_socket OR mysql_native_password USING PASSWORD({p})",
        ] {
            let (user, password) = case.scene.login("AWSCURRENT").await;
            let methods = methods.replace("{p}", &literal(&password));
            case.sql(&format!("ALTER USER `{user}` IDENTIFIED VIA {methods}")).await;
            case.rotate().await;
        }
    }
}

#[tokio::test]
async fn a_grant_on_a_dropped_table_is_copied_as_the_others_are() {
    for &server in Server::all() {
        let case = Case::on(server).await;
        case.sql(
            "CREATE TABLE {d}.gone (id INT); GRANT SELECT ON {d}.gone TO {u}; \
             GRANT UPDATE ON {d}.items TO {u}; DROP TABLE {d}.gone",
        )
        .await;
        case.scene.rotate().await;
        let (user, twin) = (case.tenant.user(), case.tenant.twin());
        let of_user = Picture::of_tables(&case.tenant, &user).await;
        assert!(of_user.holds("gone"));
        assert_eq!(of_user, case.twin_tables().await);
        assert!(
            Picture::of_shown(&case.tenant, &user).await
                == Picture::of_shown(&case.tenant, &twin).await
        );
    }
}
