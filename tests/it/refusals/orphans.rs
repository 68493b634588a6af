//! Privileges on what no longer exists: they cannot be granted to the twin, and are skipped.

use crate::support::account::{Tenant, account};
use crate::support::canary::Capture;
use crate::support::grants::Picture;
use crate::support::scene::{STEPS, Scene};
use crate::support::stack::Server;

const FIRST: &str = "first kanarienvogel";

#[tokio::test]
async fn privileges_on_dropped_objects_are_skipped_with_a_warning_and_the_rotation_ends_well() {
    let dropped = [
        (
            "GRANT SELECT, INSERT ON {d}.gone TO {u}",
            "DROP TABLE {d}.gone",
            "gone",
        ),
        (
            "GRANT EXECUTE ON PROCEDURE {d}.p TO {u}",
            "DROP PROCEDURE {d}.p",
            "p",
        ),
        (
            "GRANT EXECUTE ON FUNCTION {d}.f TO {u}",
            "DROP FUNCTION {d}.f",
            "f",
        ),
        (
            "GRANT UPDATE (name), SELECT (name, id) ON {d}.wide TO {u}",
            "ALTER TABLE {d}.wide DROP COLUMN name",
            "wide",
        ),
    ];
    for server in Server::ALL {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let scene = Scene::of(&tenant, FIRST).await;
        let database = tenant.database();
        let user = account(&tenant.user(), "%");
        tenant
            .sql(format!(
                "CREATE TABLE {database}.gone (id INT); CREATE TABLE {database}.wide (id INT, name TEXT); \
                 CREATE PROCEDURE {database}.p() SELECT 1; \
                 CREATE FUNCTION {database}.f() RETURNS INT DETERMINISTIC RETURN 1; \
                 GRANT INSERT ON {database}.items TO {user}"
            ))
            .await;
        let fill = |sql: &str| sql.replace("{d}", &database).replace("{u}", &user);
        for (grant, _, _) in &dropped {
            tenant.sql(fill(grant)).await;
        }
        for (_, drop, _) in &dropped {
            let before = Picture::of_tables(&tenant, &tenant.user()).await;
            tenant.sql(fill(drop)).await;
            let after = Picture::of_tables(&tenant, &tenant.user()).await;
            if *drop != "DROP TABLE {d}.gone" && !drop.starts_with("ALTER") {
                continue;
            }
            // Otherwise this would prove nothing: the server keeps these.
            assert_eq!(before, after, "{server:?} {drop}");
        }
        let held = Picture::of_tables(&tenant, &tenant.user()).await;

        let token = scene.begin().await;
        for step in STEPS {
            let log = Capture::everything();
            scene
                .step(step, &token)
                .await
                .unwrap_or_else(|error| panic!("{server:?} {error}"));
            let log = log.text();
            if step == "setSecret" {
                for (_, _, object) in &dropped {
                    let kept = held.holds(&format!("\"{object}\""));
                    let warned =
                        log.contains(&format!(".{object}")) || log.contains(&format!("`{object}`"));
                    assert_eq!(kept, warned, "{server:?} {object}: {log}");
                }
            }
        }
        // What exists was mirrored all the same.
        let twin = Picture::of_tables(&tenant, &tenant.twin()).await;
        assert!(twin.holds("items") && !twin.holds("gone"), "{twin:?}");
        let (user, password) = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&user, &password).await);

        // The way back takes them from the other user as well.
        scene.rotate().await;
        let user = Picture::of_tables(&tenant, &tenant.user()).await;
        let twin = Picture::of_tables(&tenant, &tenant.twin()).await;
        assert_eq!(user, twin, "{server:?}");
    }
}

#[tokio::test]
async fn a_twin_that_has_the_orphan_too_keeps_it() {
    for server in Server::ALL {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let scene = Scene::of(&tenant, FIRST).await;
        let database = tenant.database();
        let user = account(&tenant.user(), "%");
        tenant
            .sql(format!(
                "CREATE TABLE {database}.gone (id INT); GRANT SELECT ON {database}.gone TO {user}"
            ))
            .await;
        scene.rotate().await;
        tenant.sql(format!("DROP TABLE {database}.gone")).await;
        let log = Capture::everything();
        scene.rotate().await;
        assert!(!log.text().contains("no longer exists"));
        for user in [tenant.user(), tenant.twin()] {
            assert!(
                Picture::of_tables(&tenant, &user).await.holds("gone"),
                "{server:?}"
            );
        }
    }
}
