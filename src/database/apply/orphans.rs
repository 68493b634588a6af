//! Grants on what no longer exists, on which the source still has a privilege.

use std::collections::VecDeque;

use account_mirror::grant::{Grant, GrantTarget};
use account_mirror::plan::{Action, Change};
use account_mirror::privilege::Privilege;

use super::{Applier, GONE, is_orphan};
use crate::database::read::existing::Existing;
use crate::error::Error;

impl<L: AsyncFn() -> Result<(), Error>> Applier<'_, L> {
    /// Skips what no longer exists. If only a column is missing, the other columns are granted one by
    /// one.
    pub(super) async fn skip(&mut self, change: &Change) -> Result<(), Error> {
        let Action::Grant(target, grant) = &change.action else {
            return Ok(());
        };
        self.leave_out(change);
        if !matches!(target, GrantTarget::Table { .. }) || grant.columns.is_empty() {
            return Ok(());
        }
        let whole = Grant { columns: Default::default(), ..grant.clone() };
        let single = grant.columns.iter().map(|(column, privileges)| Grant {
            columns: [(column.clone(), *privileges)].into(),
            ..Grant::default()
        });
        for part in std::iter::once(whole).chain(single).filter(|grant| !grant.is_empty()) {
            let change =
                Change { host: change.host.clone(), action: Action::Grant(target.clone(), part) };
            match self.change(&change).await {
                Err(failure) if is_orphan(&change, &failure) => {}
                Err(failure) => return Err(self.refused(&self.builder.statement(&change), failure)),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Skips all of these grants whose targets do not exist, which one question tells: each would end
    /// a text. That the superuser could see them is known from the checks: it may grant on them. A
    /// table that does not exist yet may be granted on with CREATE.
    pub(super) async fn skip_missing(&mut self, left: &mut VecDeque<&Change>) -> Result<(), Error> {
        let needs = |change: &Change| match &change.action {
            Action::Grant(target @ GrantTarget::Routine { .. }, _) => Some(target.clone()),
            Action::Grant(target @ GrantTarget::Table { .. }, grant) => {
                (!grant.privileges.contains(Privilege::CREATE)).then(|| target.clone())
            }
            _ => None,
        };
        let targets = left.iter().filter_map(|change| needs(change)).collect();
        let existing = Existing::read(self.session, targets).await?;
        left.retain(|change| {
            if needs(change).is_none_or(|target| existing.has(&target)) {
                return true;
            }
            self.leave_out(change);
            false
        });
        Ok(())
    }

    fn leave_out(&mut self, change: &Change) {
        if let Action::Grant(target, grant) = &change.action {
            let place = (change.host.clone(), target.clone());
            self.skipped.entry(place).or_insert_with(|| (Grant::default(), GONE)).0.add(grant);
        }
    }
}
