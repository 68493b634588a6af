//! Accounts of any size: how many questions are asked of the server, and what happens when a plan
//! is longer than an invocation.

use std::fmt::Write;
use std::time::Duration;

use rotation::error::ErrorType;

use crate::mirror_fuzz::number;
use crate::support::account::{Tenant, account, literal};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};
use crate::support::stack::tell;

/// Statements that give the tenant's user this many grants on tables. A privilege to create may be
/// granted on a table that does not exist.
fn table_grants(tenant: &Tenant, from: usize, to: usize) -> String {
    let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
    let mut sql = String::new();
    for n in from..to {
        write!(sql, "GRANT SELECT, CREATE ON {database}.n{n} TO {user};").unwrap();
    }
    sql.push_str("DO 0");
    sql
}

fn statements(proxy: &Proxy) -> Vec<String> {
    let requests = proxy.seen().into_iter();
    requests
        .filter(|request| request.operation == "Query" || request.operation == "Command")
        .map(|request| request.text)
        .collect()
}

#[tokio::test]
async fn reading_the_accounts_takes_as_many_questions_for_many_grants_as_for_few() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle("the first password").await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let scene = Scene::through(&proxy, &tenant, "the first password").await;
        scene.rotate().await;
        proxy.reset();
        scene.rotate().await;
        let few = statements(&proxy).len();

        let (user, twin) = (tenant.user(), tenant.twin());
        let grants = table_grants(&tenant, 0, 300);
        tenant.sql(&grants).await;
        tenant.sql(grants.replace(&account(&user, "%"), &account(&twin, "%"))).await;
        proxy.reset();
        scene.rotate().await;
        let many = statements(&proxy);
        assert_eq!(many.len(), few, "{server:?}: {many:#?}");
        let changes = |sql: &&String| sql.starts_with("GRANT") || sql.starts_with("REVOKE");
        assert_eq!(many.iter().find(changes), None, "{server:?}");
        assert_equal_accounts(&tenant, &user, &twin).await;
    }
}

#[tokio::test]
async fn an_object_takes_one_statement_however_much_is_granted_on_it() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle("the first password").await;
        let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
        tenant
            .sql(format!(
                "GRANT SELECT (id, name), UPDATE (name), INSERT, DELETE ON {database}.items TO \
                 {user} WITH GRANT OPTION; GRANT INSERT, UPDATE ON {database}.* TO {user}"
            ))
            .await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let scene = Scene::through(&proxy, &tenant, "the first password").await;
        scene.rotate().await;
        let sql = statements(&proxy);
        let on = |place: &str| {
            sql.iter().filter(|s| s.starts_with("GRANT") && s.contains(place)).count()
        };
        assert_eq!(on(&format!("`{database}`.`items`")), 1, "{server:?}: {sql:#?}");
        assert_eq!(on(&format!("`{database}`.*")), 1, "{server:?}: {sql:#?}");
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

#[tokio::test]
async fn a_plan_longer_than_an_invocation_is_resumed_where_it_stopped() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle("the first password").await;
        tenant.sql(table_grants(&tenant, 0, 2000)).await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let mut scene = Scene::through(&proxy, &tenant, "the first password").await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();

        // However fast the server is, it takes longer over all statements than the first try has.
        let slow = Duration::from_millis(2);
        proxy.script(move |request| {
            request.text.starts_with("GRANT CREATE, SELECT").then_some(Fault::Delay(slow))
        });
        let mut granted = 0;
        scene.timeout = Duration::from_millis(2500);
        let mut tries = 0;
        while let Err(error) = scene.step("setSecret", &token).await {
            assert_eq!(error.error_type(), ErrorType::DeadlineExceeded, "{error}");
            tries += 1;
            assert!(tenant.logs_in(&tenant.user(), "the first password").await);
            // The last tries are for the verification, which takes longer than this timeout where
            // the machine is busy.
            scene.timeout += Duration::from_secs(1);
            let sql = statements(&proxy);
            let count = sql.iter().filter(|s| s.starts_with("GRANT CREATE, SELECT")).count();
            // On a busy machine the first tries may end before the first grant.
            let is_on_its_way = count > granted || count == 2000 || granted == 0 && tries < 20;
            assert!(is_on_its_way, "{server:?}: no progress in try {tries}");
            granted = count;
        }
        assert!(tries > 0, "{server:?}: all was done in the first try");
        let sql = statements(&proxy);
        let grants = sql.iter().filter(|s| s.starts_with("GRANT CREATE, SELECT"));
        let once: std::collections::BTreeSet<_> = grants.clone().collect();
        assert_eq!(once.len(), 2000);
        // A try may end between a statement and its answer, so that the next one repeats it.
        assert!(grants.count() <= 2000 + tries, "{server:?}: started over");
        scene.resume("testSecret", &token).await.unwrap();
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

/// The rows of 20,000 schemas are 28 MB, of which most is dropped when they are read. `SCHEMAS` says
/// how many there are, up to 100,000.
#[tokio::test]
async fn an_account_with_tens_of_thousands_of_schemas_is_rotated() {
    let schemas = number("SCHEMAS").unwrap_or(20_000);
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, mut scene) =
            Scene::settled(Tenant::at(own.address.clone()), "the first password").await;
        scene.timeout = Duration::from_secs(300);
        scene.rotate().await;
        let digit = "(SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 \
                     UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
        let value = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n";
        for user in [tenant.user(), tenant.twin()] {
            tenant
                .sql(format!(
                    "INSERT INTO mysql.db (Host, Db, User, Select_priv) \
                     SELECT '%', CONCAT('s', {value}), {}, 'Y' FROM {digit} a, {digit} b, {digit} c, \
                     {digit} d, {digit} e WHERE {value} < {schemas}",
                    literal(&user)
                ))
                .await;
        }
        tenant.sql("FLUSH PRIVILEGES").await;
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&user, &password).await, "{server:?}");
        let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        tell(&format!("{server:?}: {schemas} schemas; of the whole test program {peak}"));
    }
}
