//! Which of several rows counts for a schema, by its pattern and by its host: the plan's order rests
//! on it, and the servers differ in it.

use account_mirror::family::Family;
use account_mirror::grant::GrantTarget;
use account_mirror::specificity::{Specificity, host_specificity, row_specificity};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use crate::support::account::{Tenant, account};
use crate::support::builder::run;
use crate::support::server::{Need, OwnServer, Server};

const PASSWORD: &str = "a password";

/// What stands after the test's mark in patterns that all match the mark with `xa`.
const RESTS: [&str; 12] =
    ["xa", "x\\a", "x_", "_a", "__", "x%", "%a", "%", "%_", "_%", "x%a", "%x%"];

#[tokio::test]
async fn each_server_goes_by_the_pattern_that_the_plan_takes_for_the_most_specific() {
    for &server in Server::all() {
        let ground = Ground::of(server).await;
        let mut compared = 0;
        for host in ["%", "127.0.0.1", "127.0.0.0/255.0.0.0"] {
            for (at, one) in RESTS.iter().enumerate() {
                for other in &RESTS[at + 1..] {
                    let [first, second] =
                        [one, other].map(|rest| ground.specificity(host, &ground.pattern(rest)));
                    // Between equal ones a server decides by the order in which they were granted.
                    if first == second {
                        continue;
                    }
                    compared += 1;
                    let may = ground.granted(host, [one, other], false).await;
                    let expected = [first < second, second < first];
                    assert_eq!(may, expected, "{server:?}: SELECT, INSERT on {one}, {other}");
                }
            }
        }
        assert!(compared > 40, "{compared}");
    }
}

/// On a server of its own: rows are sorted at each change, and where they are many, equal ones are not
/// kept in their order.
#[tokio::test]
async fn of_two_equally_specific_patterns_the_first_granted_counts_until_a_flush() {
    for server in Server::with(&[Need::OwnServers, Need::Mysql]) {
        let own = OwnServer::start(server, &[]).await;
        let ground = Ground::at(Tenant::at(own.address.clone())).await;
        for host in ["%", "127.0.0.1", "127.0.0.0/255.0.0.0"] {
            for [one, other] in [["x_", "x%"], ["xa", "x%"], ["_a", "%"]] {
                let [first, second] =
                    [one, other].map(|rest| ground.specificity(host, &ground.pattern(rest)));
                if first != second {
                    continue;
                }
                for order in [[one, other], [other, one]] {
                    let may = ground.granted(host, order, false).await;
                    assert_eq!(may, [true, false], "{server:?}: {order:?} at {host}");
                }
                // The tables of MySQL 5.7 keep the order of the grants.
                if ground.family.has_roles() {
                    let first = ground.granted(host, [one, other], true).await;
                    let [insert, select] = ground.granted(host, [other, one], true).await;
                    assert_eq!(first, [select, insert], "{server:?}: {one}, {other} at {host}");
                }
            }
        }
    }
}

/// Hosts that all match a client at 127.0.0.1.
const HOSTS: [&str; 9] = [
    "127.0.0.1",
    "127.0.0.0/24",
    "127.0.0.0/8",
    "127.0.0.0/255.255.255.0",
    "127.0.0.0/255.0.0.0",
    "127.0.%",
    "%.1",
    "%",
    "",
];

#[tokio::test]
async fn each_server_goes_by_the_host_that_the_plan_takes_for_the_most_specific() {
    for &server in Server::all() {
        let ground = Ground::of(server).await;
        let (schema, user) = (format!("`{}xa`.*", ground.tenant.mark()), ground.tenant.user());
        let mut root = ground.tenant.root().await;
        let known = |host: &&str| match *host {
            "" => !server.is_mariadb(),
            host => !host.ends_with(['4', '8']) || ground.family.knows_prefix_lengths(),
        };
        let hosts: Vec<_> = HOSTS.into_iter().filter(known).collect();
        let mut compared = 0;
        for (at, one) in hosts.iter().enumerate() {
            for other in &hosts[at + 1..] {
                let [first, second] =
                    [one, other].map(|host| host_specificity(ground.family, host));
                if first == second {
                    continue;
                }
                compared += 1;
                // The less specific one first: the order of the grants does not decide.
                let mut pairs = [(*one, "SELECT", first), (*other, "INSERT", second)];
                pairs.sort_by_key(|(_, _, specificity)| std::cmp::Reverse(*specificity));
                for (host, privilege, _) in pairs {
                    let name = account(&user, host);
                    run(&mut root, &format!("CREATE USER {name} IDENTIFIED BY '{PASSWORD}'")).await;
                    run(&mut root, &format!("GRANT {privilege} ON {schema} TO {name}")).await;
                }
                let (host, may) = ground.look().await;
                for host in [one, other] {
                    run(&mut root, &format!("DROP USER {}", account(&user, host))).await;
                }
                let expected = [first < second, second < first];
                assert_eq!(may, expected, "{server:?}: SELECT, INSERT at '{one}' and '{other}'");
                assert_eq!(host, if first < second { *one } else { *other }, "{server:?}");
            }
        }
        assert!(compared > 10, "{compared}");
        root.disconnect().await.unwrap();
    }
}

/// A tenant with the table `t` in the schema of the mark and `xa`.
struct Ground {
    tenant: Tenant,
    family: Family,
}

impl Ground {
    async fn of(server: Server) -> Self {
        Self::at(Tenant::of(server).await).await
    }

    async fn at(tenant: Tenant) -> Self {
        let mut root = tenant.root().await;
        let version: Option<String> = root.query_first("SELECT VERSION()").await.unwrap();
        let family = Family::parse(&version.unwrap()).unwrap();
        let schema = format!("`{}xa`", tenant.mark());
        run(&mut root, &format!("CREATE DATABASE {schema}")).await;
        run(&mut root, &format!("CREATE TABLE {schema}.t (id INT)")).await;
        root.disconnect().await.unwrap();
        Self { tenant, family }
    }

    /// The pattern of the mark and what is given.
    fn pattern(&self, rest: &str) -> String {
        format!("{}{rest}", self.tenant.mark())
    }

    fn specificity(&self, host: &str, pattern: &str) -> [Specificity; 2] {
        row_specificity(self.family, host, &GrantTarget::Schema(pattern.to_owned()))
    }

    /// Whether a user at this host may SELECT and INSERT, who is granted SELECT on the first pattern and
    /// then INSERT on the second.
    async fn granted(&self, host: &str, rests: [&str; 2], flush: bool) -> [bool; 2] {
        let (mut root, user) = (self.tenant.root().await, account(&self.tenant.user(), host));
        run(&mut root, &format!("CREATE USER {user} IDENTIFIED BY '{PASSWORD}'")).await;
        for (privilege, rest) in ["SELECT", "INSERT"].iter().zip(rests) {
            let pattern = self.pattern(rest);
            run(&mut root, &format!("GRANT {privilege} ON `{pattern}`.* TO {user}")).await;
        }
        if flush {
            run(&mut root, "FLUSH PRIVILEGES").await;
        }
        let (_, may) = self.look().await;
        run(&mut root, &format!("DROP USER {user}")).await;
        root.disconnect().await.unwrap();
        may
    }

    /// The host of the account that a login gets, and whether it may SELECT and INSERT.
    async fn look(&self) -> (String, [bool; 2]) {
        let mut session = self.tenant.log_in(&self.tenant.user(), PASSWORD).await.unwrap();
        let table = format!("`{}xa`.t", self.tenant.mark());
        let select = may(&mut session, format!("SELECT id FROM {table}")).await;
        let insert = may(&mut session, format!("INSERT INTO {table} VALUES (1)")).await;
        let account: Option<String> = session.query_first("SELECT CURRENT_USER()").await.unwrap();
        session.disconnect().await.unwrap();
        let account = account.expect("CURRENT_USER() has a row");
        let (_, host) = account.rsplit_once('@').expect("user@host");
        (host.to_owned(), [select, insert])
    }
}

async fn may(session: &mut Conn, attempt: String) -> bool {
    match session.query_drop(&attempt).await {
        Ok(()) => true,
        Err(Error::Server(refusal)) if refusal.code == 1142 => false,
        Err(error) => panic!("{error}\n{attempt}"),
    }
}
