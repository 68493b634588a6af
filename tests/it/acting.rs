//! Who acts as the twin: a rotation must not give anybody a power that neither user's holders had.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{
    TwinHasProxies, TwinIsDefiner, TwinNotOurs, UserHoldsNothing, UserIsRole,
};
use serde_json::Value;

use crate::refusals::admin::{self, Through};
use crate::support::account::{Tenant, account, identifier, literal};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::{Fault, Request};
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{assert_refused, change_superuser, preflight};

const FIRST: &str = "first canary";
const HANDED_OVER: &str = "a handed over canary";

async fn settled(server: Server) -> (Tenant, Scene) {
    Scene::settled(Tenant::of(server).await, FIRST).await
}

/// What has `{t}` as its definer, how it is called, and how it goes away; `{d}` is the database.
const OBJECTS: &[(&str, &str, &str)] = &[
    ("CREATE DEFINER = {t} VIEW {d}.o AS SELECT * FROM {d}.items", "view", "DROP VIEW {d}.o"),
    ("CREATE DEFINER = {t} PROCEDURE {d}.o() SELECT 1", "procedure", "DROP PROCEDURE {d}.o"),
    (
        "CREATE DEFINER = {t} FUNCTION {d}.o() RETURNS INT DETERMINISTIC RETURN 1",
        "function",
        "DROP FUNCTION {d}.o",
    ),
    (
        "CREATE DEFINER = {t} TRIGGER {d}.o BEFORE INSERT ON {d}.items FOR EACH ROW SET @a = 1",
        "trigger",
        "DROP TRIGGER {d}.o",
    ),
    (
        "CREATE DEFINER = {t} EVENT {d}.o ON SCHEDULE EVERY 1 YEAR DO DELETE FROM {d}.items",
        "event",
        "DROP EVENT {d}.o",
    ),
];

fn filled(tenant: &Tenant, statement: &str, host: &str) -> String {
    let definer = account(&tenant.twin(), host);
    statement.replace("{t}", &definer).replace("{d}", &tenant.database())
}

#[tokio::test]
async fn a_twin_is_not_created_where_it_would_wake_what_waits_for_its_definer_at_any_host() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        for (number, (create, kind, drop)) in OBJECTS.iter().enumerate() {
            let host = ["%", "localhost", "10.1.2.3"][number % 3];
            tenant.sql(filled(&tenant, create, host)).await;
            let object = format!("{kind} {}.o of '{host}'", tenant.database());
            let texts = [object.as_str(), "another definer", "--version-stages HANDOVER"];
            assert_refused(&tenant, &scene, TwinIsDefiner, &texts).await;
            tenant.sql(filled(&tenant, drop, host)).await;
        }
        scene.rotate().await;
    }
}

#[tokio::test]
async fn what_runs_as_whoever_uses_it_or_waits_for_another_user_does_not_matter() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let (database, twin) = (tenant.database(), account(&tenant.twin(), "%"));
        let others = [tenant.twin().to_uppercase(), format!("{}@x", tenant.twin()), tenant.user()];
        for (number, other) in others.iter().enumerate() {
            let definer = account(other, "%");
            let view = format!("CREATE DEFINER = {definer} VIEW {database}.v{number} AS SELECT 1");
            tenant.sql(view).await;
        }
        let invoker = "SQL SECURITY INVOKER";
        tenant
            .sql(format!(
                "CREATE DEFINER = {twin} {invoker} VIEW {database}.v AS SELECT 1; \
                 CREATE DEFINER = {twin} PROCEDURE {database}.p() {invoker} SELECT 1"
            ))
            .await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

/// A statement whose time is up at the server, in the place of one that opens views and triggers.
fn too_slow(server: Server) -> Fault {
    Fault::Instead(if server.is_mariadb() {
        "SET STATEMENT max_statement_time = 0.01 FOR SELECT 1 FROM mysql.user WHERE SLEEP(1)"
    } else {
        "SELECT /*+ MAX_EXECUTION_TIME(10) */ 1 FROM mysql.user WHERE SLEEP(1)"
    })
}

/// Whether a server has no data dictionary to ask for definers.
fn opens_each_view(server: &Server) -> bool {
    server.is_mariadb() || !server.has(Need::DynamicPrivileges)
}

#[tokio::test]
async fn schemas_that_could_not_be_read_in_time_are_told_and_the_rotation_goes_on() {
    for server in Server::all().iter().copied().filter(opens_each_view) {
        let (tenant, mut scene, proxy) = Scene::seen(server, FIRST).await;
        scene.timeout = Duration::from_secs(20);
        let database = tenant.database();
        let name = database.trim_matches('`').to_owned();
        // The server ends the one at its time; the client comes to no other after the first.
        for (fault, only_ours) in
            [(too_slow(server), true), (Fault::Delay(Duration::from_secs(11)), false)]
        {
            proxy.reset();
            let ours = format!("TABLE_SCHEMA = '{name}'");
            let mut first = true;
            proxy.script(move |request: &Request| {
                let opens = request.text.contains("information_schema.VIEWS");
                let is_meant = if only_ours { request.text.contains(&ours) } else { first };
                first &= !opens;
                (opens && is_meant).then_some(fault)
            });
            let (result, log) = preflight(&tenant, &scene).await;
            result.unwrap();
            let told = log.lines().find(|line| line.contains("could not be read in time: "));
            let told = told.expect("what was not read is told").split_once(" in time: ").unwrap().1;
            assert_eq!(told.contains(&name) && !told.contains(", "), only_ours, "{told}");
            let seen = proxy.seen();
            let asked: Vec<_> =
                seen.iter().filter(|it| it.text.contains("information_schema.VIEWS")).collect();
            let limit =
                if server.is_mariadb() { "max_statement_time = " } else { "MAX_EXECUTION_TIME(" };
            assert!(asked.iter().all(|query| query.text.contains(limit)), "{asked:?}");
            assert_eq!(asked.len() > 1, only_ours, "{asked:?}");
        }
        proxy.reset();
        scene.rotate().await;
    }
}

/// The text of the current value with another login.
async fn with_login(scene: &Scene, user: &str, password: &str) -> String {
    let mut document: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
    document["username"] = user.into();
    document["password"] = password.into();
    document.to_string()
}

#[tokio::test]
async fn an_applications_own_procedures_come_back_with_an_account_that_is_handed_over() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let procedure = filled(&tenant, OBJECTS[1].0, "10.1.2.3");
        tenant.sql(procedure).await;
        assert_refused(&tenant, &scene, TwinIsDefiner, &["procedure"]).await;
        let twin = account(&tenant.twin(), "%");
        tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY {}", literal(HANDED_OVER))).await;
        let text = with_login(&scene, &tenant.twin(), HANDED_OVER).await;
        let put = scene.secrets.put_secret_value().secret_id(&scene.arn).secret_string(text);
        put.version_stages("HANDOVER").send().await.unwrap();
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, tenant.twin());
        assert!(tenant.logs_in(&user, &password).await);
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
    }
}

/// An account that may log in, and whoever else of the tenant.
fn stranger(tenant: &Tenant) -> String {
    account(&format!("{}_m", tenant.mark()), "%")
}

#[tokio::test]
async fn whoever_may_act_as_the_twin_alone_keeps_the_rotation_from_it_until_that_is_revoked() {
    for &server in Server::all() {
        for exists in [false, true] {
            let (tenant, scene) = settled(server).await;
            let (twin, mallory) = (account(&tenant.twin(), "%"), stranger(&tenant));
            tenant.sql(format!("CREATE USER {mallory}; CREATE USER {twin}")).await;
            tenant.sql(format!("GRANT PROXY ON {twin} TO {mallory}; DROP USER {twin}")).await;
            if exists {
                tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY 'x' ACCOUNT LOCK")).await;
            }
            let revoke = format!("REVOKE PROXY ON {twin} FROM {mallory}");
            let texts = [revoke.as_str(), "may act as"];
            assert_refused(&tenant, &scene, TwinHasProxies, &texts).await;
            tenant.sql(revoke).await;
            scene.rotate().await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        }
    }
}

#[tokio::test]
async fn who_may_act_as_the_user_alone_is_foretold_with_what_to_grant_and_then_both_rotate() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let (user, twin) = (account(&tenant.user(), "%"), account(&tenant.twin(), "%"));
        let group = stranger(&tenant);
        tenant.sql(format!("CREATE USER {group}; GRANT PROXY ON {user} TO {group}")).await;
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        let grant = format!("GRANT PROXY ON {twin} TO {group}");
        assert!(log.contains(&grant), "{log}");
        tenant.sql(grant).await;
        let (_, log) = preflight(&tenant, &scene).await;
        assert!(!log.contains("GRANT PROXY"), "{log}");
        for _ in 0..3 {
            scene.rotate().await;
        }
    }
}

#[tokio::test]
async fn a_locked_account_that_somebody_acts_as_is_not_taken_over_by_its_lock() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let (user, twin) = (account(&tenant.user(), "%"), account(&tenant.twin(), "%"));
        let mallory = stranger(&tenant);
        let by = literal(HANDED_OVER);
        tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY {by}; CREATE USER {mallory}")).await;
        let session = tenant.log_in(&tenant.twin(), HANDED_OVER).await.unwrap();
        tenant.sql(format!("ALTER USER {twin} ACCOUNT LOCK")).await;

        tenant.sql(filled(&tenant, OBJECTS[0].0, "10.1.2.3")).await;
        let definer = format!("it is the definer of view {}.o", tenant.database());
        assert_refused(&tenant, &scene, TwinNotOurs, &[&definer, "--version-stages"]).await;
        tenant.sql(filled(&tenant, OBJECTS[0].2, "%")).await;

        // Also where it may act as the user as well.
        let proxies =
            format!("GRANT PROXY ON {twin} TO {mallory}; GRANT PROXY ON {user} TO {mallory}");
        tenant.sql(proxies).await;
        let proxy = format!("REVOKE PROXY ON {twin} FROM {mallory}");
        assert_refused(&tenant, &scene, TwinNotOurs, &[&proxy]).await;
        tenant.sql(format!("{proxy}; REVOKE PROXY ON {user} FROM {mallory}")).await;

        let open = format!("{} from '", session.id());
        assert_refused(&tenant, &scene, TwinNotOurs, &[&open, "KILL each"]).await;
        session.disconnect().await.unwrap();

        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        assert!(!tenant.logs_in(&tenant.twin(), HANDED_OVER).await);
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
    }
}

#[tokio::test]
async fn a_lock_hands_nothing_over_to_a_superuser_that_does_not_see_who_is_logged_in() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let twin = account(&tenant.twin(), "%");
        tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY 'x' ACCOUNT LOCK")).await;
        let grants = format!(
            "GRANT CREATE USER ON *.* TO {{}}; GRANT SELECT ON mysql.* TO {{}}; \
             GRANT SELECT ON {}.* TO {{}} WITH GRANT OPTION",
            tenant.database()
        );
        let weak = admin::with(&tenant, Through::Itself, &grants).await;
        change_superuser(&scene, &weak).await;
        assert_refused(&tenant, &scene, TwinNotOurs, &["lacks PROCESS", "HANDOVER"]).await;
    }
}

#[tokio::test]
async fn a_password_of_the_secret_proves_a_locked_twin_whoever_acts_as_it_and_its_objects_are_told()
{
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        scene.rotate().await;
        tenant.sql(format!("ALTER USER {} ACCOUNT LOCK", account(&tenant.user(), "%"))).await;
        let definer = account(&tenant.user(), "%");
        let database = tenant.database();
        tenant.sql(format!("CREATE DEFINER = {definer} VIEW {database}.o AS SELECT 1")).await;
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        let told = format!("is the definer of view {database}.o of '%'");
        assert!(log.contains(&told), "{log}");
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, tenant.user());
        assert!(tenant.logs_in(&user, &password).await);
    }
}

#[tokio::test]
async fn of_the_two_users_none_may_be_a_mandatory_role_even_before_it_exists() {
    for server in Server::with(&[Need::OwnServers, Need::MandatoryRoles]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        for name in [tenant.twin(), tenant.user()] {
            tenant.sql(format!("SET GLOBAL mandatory_roles = '{name}'")).await;
            let texts = [name.as_str(), "mandatory_roles"];
            assert_refused(&tenant, &scene, UserIsRole, &texts).await;
        }
        tenant.sql("SET GLOBAL mandatory_roles = ''").await;
        scene.rotate().await;
    }
}

/// A tenant whose first rotation has been made, with the accounts of the user in use and of the twin,
/// which is the user of the beginning.
async fn rotated_once(server: Server) -> (Tenant, Scene, String, String) {
    let (tenant, scene) = settled(server).await;
    scene.rotate().await;
    let (current, twin) = (account(&tenant.twin(), "%"), account(&tenant.user(), "%"));
    (tenant, scene, current, twin)
}

async fn sees_the_items(tenant: &Tenant, scene: &Scene) -> bool {
    let (user, password) = scene.login("AWSCURRENT").await;
    let mut session = tenant.log_in(&user, &password).await.unwrap();
    let read = session.query_drop(format!("SELECT * FROM {}.items", tenant.database())).await;
    session.disconnect().await.unwrap();
    read.is_ok()
}

fn reads_the_users(request: &Request) -> bool {
    request.text.contains("mysql.tables_priv")
}

#[tokio::test]
async fn a_user_that_is_revoked_and_granted_again_meanwhile_is_mirrored_as_it_is_afterwards() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, FIRST).await;
        scene.rotate().await;
        let (database, current) = (tenant.database(), account(&tenant.twin(), "%"));
        tenant.sql(format!("CREATE TABLE {database}.others (id INT)")).await;
        tenant.sql(format!("GRANT SELECT ON {database}.others TO {current}")).await;
        scene.rotate().await;
        let current = account(&tenant.user(), "%");
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();

        // Three readings, and three states: no two of them agree before all is there again.
        let [all, some] = ["*", "others"].map(|what| format!("SELECT ON {database}.{what}"));
        tenant.sql(format!("REVOKE {all} FROM {current}")).await;
        let mut readings = 0;
        proxy.reset();
        proxy.script(move |request| {
            readings += usize::from(reads_the_users(request));
            (reads_the_users(request) && [2, 3].contains(&readings)).then_some(Fault::Wait)
        });
        let meanwhile = async {
            for (reading, sql) in [
                (2, format!("REVOKE {some} FROM {current}")),
                (3, format!("GRANT {all} TO {current}; GRANT {some} TO {current}")),
            ] {
                let readings = || proxy.seen().iter().filter(|it| reads_the_users(it)).count();
                while readings() < reading {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                tenant.sql(sql).await;
                proxy.let_pass();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            step = scene.step("setSecret", &token) => step.unwrap(),
            () = meanwhile => {}
        }
        let revoked = proxy.seen().into_iter().find(|request| request.text.contains("REVOKE"));
        assert!(revoked.is_none(), "{revoked:?}");
        proxy.reset();
        scene.resume("testSecret", &token).await.unwrap();
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        assert!(sees_the_items(&tenant, &scene).await);
    }
}

#[tokio::test]
async fn a_user_that_holds_nothing_of_what_the_twin_has_is_not_mirrored_unless_a_role_gives_it() {
    for &server in Server::all() {
        let (tenant, scene, current, twin) = rotated_once(server).await;
        let (database, role) = (tenant.database(), identifier(&format!("{}_r", tenant.mark())));
        let select = format!("SELECT ON {database}.*");
        tenant.sql(format!("REVOKE {select} FROM {current}")).await;
        let texts = ["holds nothing at all", "revoke from the twin by hand"];
        assert_refused(&tenant, &scene, UserHoldsNothing, &texts).await;
        if server.has(Need::Roles) {
            let to = if server.is_mariadb() { "FOR" } else { "TO" };
            tenant
                .sql(format!(
                    "CREATE ROLE {role}; GRANT {select} TO {role}; GRANT {role} TO {current}; \
                     SET DEFAULT ROLE {role} {to} {current}"
                ))
                .await;
        } else {
            tenant.sql(format!("GRANT INSERT ON {database}.* TO {current}")).await;
            assert_refused(&tenant, &scene, UserHoldsNothing, &texts).await;
            tenant.sql(format!("REVOKE {select} FROM {twin}")).await;
        }
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        assert_eq!(sees_the_items(&tenant, &scene).await, server.has(Need::Roles));
    }
}

#[tokio::test]
async fn what_is_granted_to_everybody_counts_as_held() {
    for server in Server::with(&[Need::Mariadb]) {
        let (tenant, scene, current, _) = rotated_once(server).await;
        let select = format!("SELECT ON {}.*", tenant.database());
        tenant.sql(format!("REVOKE {select} FROM {current}; GRANT {select} TO PUBLIC")).await;
        scene.rotate().await;
        assert!(sees_the_items(&tenant, &scene).await);
        tenant.sql(format!("REVOKE {select} FROM PUBLIC")).await;
    }
}
