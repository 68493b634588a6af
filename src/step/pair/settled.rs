//! A user in use that is just being rebuilt: somebody revokes all of it and grants it again. What is
//! read in between is not what the twin is to become.

use std::time::Duration;

use account_mirror::plan::Action;
use account_mirror::powers::Powers;

use super::Pair;
use crate::database::roles;
use crate::error::{Error, refuse};

/// The time between two readings that must agree.
pub(super) const PAUSE: Duration = Duration::from_millis(300);
/// How often the user is read again.
const READINGS: usize = 10;

impl Pair<'_> {
    /// Before a plan that takes something from the twin: reads both users again until two readings of
    /// the user in use agree, and refuses if it then holds nothing of what the twin has.
    ///
    /// # Errors
    ///
    /// `UserHoldsNothing`; `MirrorIncomplete` if no two readings agree; those of the readings.
    pub(in crate::step) async fn settle(&mut self) -> Result<(), Error> {
        for _ in 0..READINGS {
            if !self.takes_something() {
                return Ok(());
            }
            let before = std::mem::take(&mut self.source.accounts);
            let what = format!("\"{}\" to stay as it is", self.source.name);
            self.deadline.run(what, tokio::time::sleep(PAUSE)).await?;
            self.refresh().await?;
            if self.source.accounts == before {
                return self.holds_something().await;
            }
        }
        refuse!(
            MirrorIncomplete,
            "nothing more was changed: the privileges or settings of \"{}\" change all the time, and were \
             never the same {} ms apart; find out what changes them, and wait until it has ended",
            self.source.name,
            PAUSE.as_millis()
        );
    }

    fn takes_something(&self) -> bool {
        let takes = |action: &Action| matches!(action, Action::Revoke(..) | Action::Restrict(..));
        self.plan.iter().any(|change| takes(&change.action))
    }

    /// What the user has through roles and what is granted to everybody (MariaDB's `PUBLIC`) counts.
    async fn holds_something(&mut self) -> Result<(), Error> {
        let Some(twin) = self.twin.as_ref().filter(|_| self.takes_something()) else {
            return Ok(());
        };
        let family = self.session.family;
        let holder = |accounts: &[_]| {
            Powers::of_accounts(family, self.source.name.to_string(), accounts.to_vec())
        };
        let is_locked = twin.accounts.values().all(|account| account.state.locked);
        let twin = holder(&twin.accounts.values().cloned().collect::<Vec<_>>());
        let mut held: Vec<_> = self.source.accounts.values().cloned().collect();
        if holder(&held).overlaps(&twin) {
            return Ok(());
        }
        held.extend(roles::roles_of(self.session, &held).await?);
        let has_any = held.iter().any(|account| !account.grants.is_empty());
        // What a locked twin has more is what it was handed over with.
        if holder(&held).overlaps(&twin) || is_locked && has_any {
            return Ok(());
        }
        refuse!(
            UserHoldsNothing,
            "nothing more was changed: \"{}\" holds nothing at all of what the twin \"{}\" has, which the \
             rotation would take away too; if somebody is just granting it again, wait; if it is \
             right, revoke from the twin by hand as well, and rotate again",
            self.source.name,
            self.twin_name
        );
    }
}
