//! Which of several patterns counts for a schema: the plan's order rests on it, and the servers
//! differ in it.

use account_mirror::family::Family;
use account_mirror::specificity::specificity;
use mysql_async::Error;
use mysql_async::prelude::Queryable;

use crate::support::account::{Tenant, account};
use crate::support::builder::run;
use crate::support::server::Server;

/// What stands after the test's mark in patterns that all match the mark with `xa`.
const RESTS: [&str; 12] =
    ["xa", "x\\a", "x_", "_a", "__", "x%", "%a", "%", "%_", "_%", "x%a", "%x%"];

#[tokio::test]
async fn each_server_goes_by_the_pattern_that_the_plan_takes_for_the_narrowest() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let (mark, user) = (tenant.mark(), account(&tenant.user(), "%"));
        let mut root = tenant.root().await;
        let version: Option<String> = root.query_first("SELECT VERSION()").await.unwrap();
        let family = Family::parse(&version.unwrap()).unwrap();
        let table = format!("`{mark}xa`.t");
        run(&mut root, &format!("CREATE DATABASE `{mark}xa`")).await;
        run(&mut root, &format!("CREATE TABLE {table} (id INT)")).await;
        let mut compared = 0;
        for (at, one) in RESTS.iter().enumerate() {
            for other in &RESTS[at + 1..] {
                let patterns = [one, other].map(|rest| format!("{mark}{rest}"));
                let [first, second] = [0, 1].map(|at| specificity(family, &patterns[at]));
                // Between equal ones a server decides by the order in which they were granted.
                if first == second {
                    continue;
                }
                compared += 1;
                let make = format!("CREATE USER {user} IDENTIFIED BY 'a password'");
                run(&mut root, &make).await;
                for (privilege, pattern) in ["SELECT", "INSERT"].iter().zip(&patterns) {
                    run(&mut root, &format!("GRANT {privilege} ON `{pattern}`.* TO {user}")).await;
                }
                let mut session = tenant.log_in(&tenant.user(), "a password").await.unwrap();
                let mut may = Vec::new();
                for attempt in
                    [format!("SELECT id FROM {table}"), format!("INSERT INTO {table} VALUES (1)")]
                {
                    may.push(match session.query_drop(&attempt).await {
                        Ok(()) => true,
                        Err(Error::Server(refusal)) if refusal.code == 1142 => false,
                        Err(error) => panic!("{error}\n{attempt}"),
                    });
                }
                session.disconnect().await.unwrap();
                run(&mut root, &format!("DROP USER {user}")).await;
                let wanted = [first < second, second < first];
                assert_eq!(may, wanted, "{server:?}: SELECT, INSERT on {patterns:?}");
            }
        }
        assert!(compared > 40, "{compared}");
        root.disconnect().await.unwrap();
    }
}
