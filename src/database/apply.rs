//! Executes a plan, in its order. What only grants or revokes and stands in a row is sent together; the
//! server ends such a text at the first error, so each refusal still has one cause.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use account_mirror::grant::{Grant, GrantTarget};
use account_mirror::plan::{Action, Change};
use account_mirror::sql::{Statement, StatementBuilder};
use account_mirror::user::{AuthMethod, State, User};

use super::server_error::{At, Meaning};
use super::session::{QueryError, Session, pinned_mode};
use crate::error::Error;

mod orphans;
mod refused;

/// After how many revokes of what is no longer there the accounts are read again: so many are no
/// accident of the moment, and each of them ends a text.
const MOST_GONE: usize = 16;

/// What the twin did not get, by host and target, and why.
pub type Skipped = BTreeMap<(String, GrantTarget), (Grant, &'static str)>;

/// Why, most often.
pub const GONE: &str = "does not exist now";

/// Executes account statements, and records them.
pub struct Applier<'a, L> {
    /// The superuser's session.
    pub session: &'a mut Session,
    /// Makes the statements.
    pub builder: StatementBuilder<'a>,
    /// Looks whether the version still has AWSPENDING, for the next lease.
    pub still_pending: L,
    /// What was done so far.
    pub progress: &'a mut Progress,
    /// What could not be granted because it no longer exists, by host.
    pub skipped: &'a mut Skipped,
}

/// What was done in all rounds of a step.
#[derive(Debug, Default)]
pub struct Progress {
    /// The statements that were carried out, without passwords.
    pub statements: Vec<String>,
    /// The hosts at which the twin was created, with the pending password.
    pub created: BTreeSet<String>,
}

impl<L: AsyncFn() -> Result<(), Error>> Applier<'_, L> {
    /// Executes changes of the plan, in their order.
    ///
    /// # Errors
    ///
    /// `StatementRefused` and others. What was done is kept, and the next try continues from there.
    pub async fn carry_out(&mut self, plan: &[Change]) -> Result<(), Error> {
        let mut left: VecDeque<&Change> = plan.iter().collect();
        let (mut asked, mut gone) = (false, 0);
        while let Some(&first) = left.front() {
            let (done, failure) = if self.stands_in_a_row(first) {
                self.in_a_row(&left).await
            } else {
                self.alone(first).await
            };
            left.drain(..done);
            let (Some(failure), Some(&change)) = (failure, left.front()) else {
                continue;
            };
            left.pop_front();
            if is_orphan(change, &failure) {
                self.skip(change).await?;
                if !std::mem::replace(&mut asked, true) {
                    self.skip_missing(&mut left).await?;
                }
            } else if is_gone_already(change, &failure) {
                gone += 1;
                if gone == MOST_GONE {
                    return Ok(());
                }
            } else {
                return Err(self.change_refused(change, failure).await);
            }
        }
        Ok(())
    }

    /// Sets the pending password at each host, and then locks or unlocks the account as the source
    /// is. It is not set where the twin was created with it, or has it already (`placed`). With
    /// `retain`, the password that is replaced stays valid.
    ///
    /// # Errors
    ///
    /// `PasswordPolicy` if the server refuses the password, `RetainImpossible`, and others.
    pub async fn set_password(
        mut self,
        source: &User,
        twin: &User,
        placed: &BTreeSet<String>,
        retain: bool,
    ) -> Result<(), Error> {
        for (host, account) in &source.accounts {
            if !self.progress.created.contains(host) {
                let twin = twin.accounts.get(host).map(|twin| &twin.state);
                let methods = (!placed.contains(host)).then_some(account.authentication.as_slice());
                self.replace_password(host, methods, twin, retain).await?;
            }
            let lock = self.builder.set_lock(host, account.state.locked);
            self.run(lock).await?;
        }
        Ok(())
    }

    async fn replace_password(
        &mut self,
        host: &str,
        methods: Option<&[AuthMethod]>,
        twin: Option<&State>,
        retain: bool,
    ) -> Result<(), Error> {
        // Nobody uses the passwords of a locked account: whoever had them must stay locked out.
        let keeps = |twin: &State| retain && !twin.locked && !twin.passwords.is_empty();
        if twin.is_some_and(|twin| twin.retained.is_some() && !keeps(twin)) {
            self.run(self.builder.discard_old_password(host)).await?;
        }
        let Some(methods) = methods else {
            return Ok(());
        };
        let statement = match twin {
            Some(twin) if keeps(twin) => self.builder.set_password_and_retain(host, methods),
            _ => self.builder.set_password(host, methods),
        };
        match self.send(&statement).await {
            Ok(()) => Ok(()),
            Err(failure) => {
                let placing = Placing { statement: &statement, host, methods, creates: false };
                Err(self.password_refused(placing, failure).await)
            }
        }
    }

    async fn run(&mut self, statement: Statement) -> Result<(), Error> {
        self.send(&statement).await.map_err(|failure| self.refused(&statement, failure))
    }

    /// Whether a change may be sent together with others: no password is in it, and it does not decide
    /// who can log in.
    fn stands_in_a_row(&self, change: &Change) -> bool {
        let is_right = matches!(
            change.action,
            Action::Grant(..) | Action::Revoke(..) | Action::Restrict(..) | Action::Unrestrict(..)
        );
        is_right && !self.builder.needs_oracle_mode(change)
    }

    /// Carries out the first changes together, as many as stand in a row and one text holds. Returns how
    /// many were carried out, and why the next one was not.
    async fn in_a_row(&mut self, left: &VecDeque<&Change>) -> (usize, Option<QueryError>) {
        let row = left.iter().take(Session::MOST_IN_A_ROW);
        let row = row.take_while(|change| self.stands_in_a_row(change));
        let statements: Vec<_> = row.map(|change| self.builder.statement(change)).collect();
        let (done, failure) = self.session.run_in_a_row(&statements).await;
        self.progress.statements.extend(statements.iter().take(done).map(ToString::to_string));
        match failure {
            Some(failure) => (done, self.lease_again(failure).await.err()),
            None => (done, None),
        }
    }

    async fn alone(&mut self, change: &Change) -> (usize, Option<QueryError>) {
        if let Err(failure) = self.change(change).await {
            return (0, Some(failure));
        }
        if matches!(change.action, Action::Create { .. }) {
            self.progress.created.insert(change.host.clone());
        }
        (1, None)
    }

    async fn change(&mut self, change: &Change) -> Result<(), QueryError> {
        let statement = self.builder.statement(change);
        if !self.builder.needs_oracle_mode(change) {
            return self.send(&statement).await;
        }
        self.set_mode("ORACLE,").await?;
        let result = self.send(&statement).await;
        self.set_mode("").await?;
        result
    }

    /// Older versions of MariaDB parse the word PACKAGE only in the mode `ORACLE`.
    async fn set_mode(&mut self, mode: &str) -> Result<(), QueryError> {
        let pinned = pinned_mode(self.builder.family);
        let sql = format!("SET SESSION sql_mode = '{mode}{pinned}'");
        self.session.rows(&sql).await.map(|_| ())
    }

    async fn send(&mut self, statement: &Statement) -> Result<(), QueryError> {
        while let Err(failure) = self.session.run(statement).await {
            self.lease_again(failure).await?;
        }
        self.progress.statements.push(statement.to_string());
        Ok(())
    }

    /// Begins another lease after the one that ended, if that is why: first the server's clock is read,
    /// then the labels.
    async fn lease_again(&mut self, failure: QueryError) -> Result<(), QueryError> {
        let QueryError::LeaseEnded = failure else {
            return Err(failure);
        };
        self.session.begin_lease().await?;
        (self.still_pending)().await.map_err(QueryError::NotBegun)
    }

    async fn change_refused(&mut self, change: &Change, failure: QueryError) -> Error {
        let statement = self.builder.statement(change);
        match &change.action {
            // A password dictionary, which cannot be checked before, may refuse a new account.
            Action::Create { authentication: methods, .. } => {
                let (statement, host) = (&statement, change.host.as_str());
                let placing = Placing { statement, host, methods, creates: true };
                self.password_refused(placing, failure).await
            }
            _ => self.refused(&statement, failure),
        }
    }
}

/// A statement that sets the pending password at a host.
#[derive(Clone, Copy)]
struct Placing<'a> {
    statement: &'a Statement,
    host: &'a str,
    methods: &'a [AuthMethod],
    /// Whether it creates the account, or changes it.
    creates: bool,
}

/// Whether it is a grant on something that no longer exists, on which the source still has a privilege.
fn is_orphan(change: &Change, failure: &QueryError) -> bool {
    matches!(change.action, Action::Grant(..)) && failure.is_of_the_absent(At::Change)
}

/// Whether it is a revoke of what is no longer there. The accounts are read again to decide.
fn is_gone_already(change: &Change, failure: &QueryError) -> bool {
    matches!(change.action, Action::Revoke(..))
        && failure.meaning(At::Change) == Some(Meaning::NothingToRevoke)
}
