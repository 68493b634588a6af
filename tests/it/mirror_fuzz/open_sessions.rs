//! Sessions of the twin while it is changed: one that was opened before, and one opened after each
//! statement. They must never be able to do what neither account could at the start.

use std::collections::BTreeSet;

use account_mirror::grant::GrantTarget;
use account_mirror::user::User;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use tokio::sync::mpsc;

use super::{Case, OLD_PASSWORD, PASSWORD};
use crate::laws::plain;
use crate::support::builder::run;
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::Scene;

/// A session that was open at the start, and what is not to succeed.
pub(super) struct OpenSession<'a> {
    case: &'a Case<'a>,
    twin: String,
    session: Conn,
    refused: Vec<String>,
    /// Whether the twin still has the password of the start.
    logs_in: bool,
    /// Whether it is locked between two statements that belong together.
    is_locked: bool,
}

impl<'a> OpenSession<'a> {
    /// Logs in as the twin, if there is one at the host at which the user logs in; at others it may be
    /// limited to one query an hour. `attempts` are what is tried.
    pub(super) async fn of(
        case: &'a Case<'a>,
        root: &mut Conn,
        attempts: &[String],
    ) -> Option<Self> {
        let (user, twin) = case.world.names();
        let mut of_user = case.tenant.log_in_patiently(user.as_str(), PASSWORD).await.unwrap();
        if !case.twin?.accounts.contains_key(&host(&mut of_user).await) {
            return None;
        }
        let mut session = case.tenant.log_in_patiently(twin.as_str(), OLD_PASSWORD).await.unwrap();
        run(root, "FLUSH USER_RESOURCES").await;
        let mut succeeded = case.succeeding(&mut session, attempts).await;
        succeeded.extend(case.succeeding(&mut of_user, attempts).await);
        // A privilege can be passed on for a moment where one row is uncovered by another.
        let is_known = |attempt: &str| attempt.starts_with("GRANT ") && !case.is_plain();
        let refused = attempts.iter();
        let refused = refused.filter(|text| !succeeded.contains(*text) && !is_known(text));
        let refused = refused.cloned().collect();
        of_user.disconnect().await.unwrap();
        Some(Self {
            case,
            twin: twin.as_str().to_owned(),
            session,
            refused,
            logs_in: true,
            is_locked: false,
        })
    }

    /// Carries setSecret out, and looks after each of its statements what the twin may do.
    pub(super) async fn watch(
        mut self,
        root: &mut Conn,
        scene: &Scene,
        token: &str,
        proxy: &Proxy,
    ) {
        let (holding, mut held) = mpsc::unbounded_channel();
        proxy.script(move |request| {
            let text = &request.text;
            let words = ["GRANT ", "REVOKE ", "ALTER USER ", "CREATE USER ", "SET DEFAULT "];
            let writes = words.iter().any(|word| text.starts_with(word));
            (writes && holding.send(text.clone()).is_ok()).then_some(Fault::Wait)
        });
        let set = async {
            self.case.step(scene, "setSecret", token).await;
            // Nothing more is held, which ends the other side.
            proxy.reset();
        };
        let look = async {
            let mut done: Vec<String> = Vec::new();
            while let Some(next) = held.recv().await {
                if !done.last().is_some_and(|last| gives_way(last, &next)) {
                    self.snapshot(root, &done).await;
                }
                if next.starts_with("ALTER USER ") {
                    self.logs_in &= !next.contains(" IDENTIFIED ");
                    self.is_locked |= next.ends_with(" ACCOUNT LOCK");
                    self.is_locked &= !next.ends_with(" ACCOUNT UNLOCK");
                }
                done.push(next);
                proxy.let_pass();
            }
            self.snapshot(root, &done).await;
        };
        tokio::join!(set, look);
    }

    async fn snapshot(&mut self, root: &mut Conn, done: &[String]) {
        run(root, "FLUSH USER_RESOURCES").await;
        let mut in_open = BTreeSet::new();
        if self.is_locked {
            // More is there for a moment, for who sets the roles anew: that reads what is global.
            let stays = |attempt: &&String| !attempt.starts_with("SET ROLE ");
            let refused = self.refused.iter().filter(stays);
            attempt(&mut self.session, refused, &mut in_open).await;
        } else {
            in_open = self.case.succeeding(&mut self.session, &self.refused).await;
        }
        let mut in_new = BTreeSet::new();
        let new = self.case.tenant.log_in(&self.twin, OLD_PASSWORD);
        if self.logs_in
            && let Ok(mut new) = new.await
        {
            in_new = self.case.succeeding(&mut new, &self.refused).await;
            new.disconnect().await.unwrap();
        }
        assert!(
            in_open.is_empty() && in_new.is_empty(),
            "after {done:#?}\nthe twin may, in an open session, {in_open:#?}\n\
             in a new one, {in_new:#?}"
        );
    }
}

/// The host of the account that the session logged in as.
async fn host(session: &mut Conn) -> String {
    let account: Option<String> = session.query_first("SELECT CURRENT_USER()").await.unwrap();
    let account = account.expect("CURRENT_USER() has a row");
    account.rsplit_once('@').expect("user@host").1.to_owned()
}

async fn attempt(
    session: &mut Conn,
    attempts: impl IntoIterator<Item = &String>,
    succeeded: &mut BTreeSet<String>,
) {
    for attempt in attempts {
        match session.query_drop(attempt).await {
            Ok(()) => {
                succeeded.insert(attempt.clone());
            }
            Err(Error::Server(_)) => {}
            Err(error) => panic!("{error}\n{attempt}"),
        }
    }
}

impl Case<'_> {
    /// What succeeds with all roles, or without them.
    async fn succeeding(&self, session: &mut Conn, attempts: &[String]) -> BTreeSet<String> {
        let mut succeeded = BTreeSet::new();
        for roles in ["ALL", "NONE"] {
            if roles == "NONE" || self.goes_by_one_rule() {
                if self.world.flavor.has_roles() {
                    run(session, &format!("SET ROLE {roles}")).await;
                }
                attempt(session, attempts, &mut succeeded).await;
            }
        }
        succeeded
    }

    /// Whether the server goes by the same row on a schema with and without roles. With a role, MySQL
    /// goes by the pattern that is first in the order of the alphabet: no order of statements serves
    /// both. MariaDB, with a role, takes global privileges from any host of the user.
    fn goes_by_one_rule(&self) -> bool {
        let is_pattern = |object: &GrantTarget| matches!(object, GrantTarget::Schema(name) if name.contains(['%', '_']));
        let accounts = std::iter::once(self.source).chain(self.twin);
        let mut profiles = accounts.flat_map(|account| account.accounts.values());
        self.world.flavor.has_partial_revokes()
            || self.world.flavor.is_mysql()
                && !profiles.any(|profile| profile.grants.keys().any(is_pattern))
    }

    /// Whether both accounts have one host, and no row that another covers.
    fn is_plain(&self) -> bool {
        let is_plain = |account: &User| {
            let host = account.accounts.keys().next().unwrap();
            plain(account, host) == *account
        };
        is_plain(self.source) && self.twin.is_none_or(is_plain)
    }
}

/// Whether a privilege on an object gives way to one on its columns: no statement does both, and
/// between the two the row of another host may count.
fn gives_way(done: &str, next: &str) -> bool {
    let place = |sql: &str, to: &str| {
        let (what, account) = sql.rsplit_once(to)?;
        let (_, place) = what.split_once(" ON ")?;
        Some((place.to_owned(), account.to_owned()))
    };
    done.starts_with("REVOKE ")
        && next.starts_with("GRANT ")
        && place(done, " FROM ") == place(next, " TO ")
}
