//! Privileges on what does not exist now, or cannot be used as it is.
//!
//! The server is asked for what exists; it says nothing of it to a superuser that holds nothing there, so
//! it is asked only about what it surely shows. A grant on a table that is absent now is copied with
//! CREATE, which is revoked at once: CREATE lets a grant be made on what is to come. What no statement can
//! copy is skipped whole.

use std::collections::{BTreeMap, BTreeSet};

use account_mirror::grant::{CaselessName, Grant, GrantTarget};
use account_mirror::plan::{Action, Change};
use account_mirror::privilege::Privilege;
use account_mirror::sql::StatementBuilder;

use super::Pair;
use crate::database::apply::GONE;
use crate::database::read;
use crate::database::read::existing::{Existing, Gone, gone_columns};
use crate::error::Error;

const INVALID: &str = "is a view that is invalid now";
const COLUMNS: &str = "lacks a column of the grant now";
const IN_USE: &str = "does not exist now, while the twin has open sessions";
const UNSEEN: &str =
    "does not exist now, while the superuser cannot see the twin's sessions (PROCESS)";
const NO_CREATE: &str = "does not exist now, while the superuser may not grant CREATE there";

/// What becomes of a grant.
enum Fate {
    /// It is made as it stands.
    Made,
    /// It is made with CREATE, which the user has as well.
    WithCreate,
    /// It is made with CREATE, which is then revoked.
    ForAMoment,
    /// It is made without these columns, which are gone.
    Without(Grant),
    /// It is left out.
    Skipped(&'static str),
}

impl Pair<'_> {
    /// Takes the grants out of the plan that cannot be made as they stand, and plans those on absent
    /// tables anew.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub(in crate::step) async fn plan_absent(&mut self) -> Result<(), Error> {
        let fates = self.fates().await?;
        let hinders = if fates.iter().any(|fate| matches!(fate, Fate::ForAMoment)) {
            self.hinders().await?
        } else {
            None
        };
        for (change, fate) in std::mem::take(&mut self.plan).into_iter().zip(fates) {
            match (fate, hinders) {
                (Fate::Made, _) => self.plan.push(change),
                (Fate::WithCreate, _) => self.plan.push(with_create(&change)),
                (Fate::ForAMoment, None) => self.on_absent.push(change),
                (Fate::Without(gone), _) => self.make_without(change, gone),
                (Fate::ForAMoment, Some(why)) | (Fate::Skipped(why), _) => self.skip(change, why),
            }
        }
        Ok(())
    }

    /// Takes out of the comparison whatever `setSecret` could not or need not copy.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub(in crate::step) async fn skip_absent(&mut self) -> Result<(), Error> {
        let fates = self.fates().await?;
        for (change, fate) in std::mem::take(&mut self.plan).into_iter().zip(fates) {
            match fate {
                Fate::Made | Fate::WithCreate => self.plan.push(change),
                Fate::ForAMoment => self.skip(change, GONE),
                Fate::Without(gone) => self.make_without(change, gone),
                Fate::Skipped(why) => self.skip(change, why),
            }
        }
        Ok(())
    }

    /// Skips all grants on tables that are absent, for a reason that has come up meanwhile.
    pub(in crate::step) fn skip_on_absent(&mut self) {
        for change in std::mem::take(&mut self.on_absent) {
            self.skip(change, IN_USE);
        }
    }

    /// The changes that make the grants on absent tables, in three parts: an existing twin is locked, it
    /// gets them, and it is unlocked where it was. CREATE is a power for that moment, which no session
    /// may use.
    pub(in crate::step) fn for_a_moment(&self) -> [Vec<Change>; 3] {
        let accounts = self.twin.iter().flat_map(|twin| &twin.accounts);
        let unlocked: Vec<_> = accounts.filter(|(_, account)| !account.state.locked).collect();
        let each = |action: Action| {
            let change =
                |(host, _): &(&String, _)| Change { host: (*host).clone(), action: action.clone() };
            unlocked.iter().map(change).collect()
        };
        if self.on_absent.is_empty() {
            return Default::default();
        }
        let grants = self.on_absent.iter().flat_map(|change| [with_create(change), revoke(change)]);
        [each(Action::Lock), grants.collect(), each(Action::Unlock)]
    }

    /// Whether the twin has an open session, whichever of its accounts it logged in to.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub(in crate::step) async fn twin_is_in_use(&mut self) -> Result<bool, Error> {
        read::has_sessions(self.session, &self.twin_name).await
    }

    /// A warning for each grant that the twin did not get.
    pub(in crate::step) fn warnings_of_skipped(&self) -> Vec<String> {
        let source = &self.source.name;
        let warning = |((host, target), (grant, why)): (&(String, GrantTarget), &(Grant, &str))| {
            let action = Action::Grant(target.clone(), grant.clone());
            let change = Change { host: host.clone(), action };
            let statement = self.builder().statement(&change).to_string();
            format!(
                "'{source}'@'{host}' has privileges on {target}, which {why}, so the twin did not get \
                 them; when it is back, run {statement}; otherwise the next rotation takes them from \
                 the user in use"
            )
        };
        self.skipped.iter().map(warning).collect()
    }

    fn skip(&mut self, change: Change, why: &'static str) {
        if let Action::Grant(target, grant) = change.action {
            let skipped = self.skipped.entry((change.host, target)).or_default();
            skipped.0.add(&grant);
            skipped.1 = why;
        }
    }

    fn make_without(&mut self, change: Change, gone: Grant) {
        if let Action::Grant(target, grant) = change.action {
            let (host, made) = (change.host, grant.minus(&gone));
            if !made.is_empty() {
                let action = Action::Grant(target.clone(), made);
                self.plan.push(Change { host: host.clone(), action });
            }
            self.skip(Change { host, action: Action::Grant(target, gone) }, COLUMNS);
        }
    }

    /// Why an existing twin may not have CREATE for a moment.
    async fn hinders(&mut self) -> Result<Option<&'static str>, Error> {
        if self.twin.is_none() {
            return Ok(None);
        }
        if !self.powers.has_globally("PROCESS") {
            return Ok(Some(UNSEEN));
        }
        Ok(self.twin_is_in_use().await?.then_some(IN_USE))
    }

    /// What becomes of each change of the plan.
    async fn fates(&mut self) -> Result<Vec<Fate>, Error> {
        let grants: Vec<_> = self.plan.iter().filter_map(grant_of).collect();
        let grants = grants.into_iter().filter(|(target, _)| self.powers.sees(target));
        let targets: BTreeSet<_> = grants.clone().map(|(target, _)| target.clone()).collect();
        let mut columns: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (target, grant) in grants.filter(|(_, grant)| !grant.columns.is_empty()) {
            columns.entry(target.clone()).or_default().extend(grant.columns.keys().cloned());
        }
        let existing = Existing::read(self.session, targets.iter().cloned().collect()).await?;
        columns.retain(|target, _| existing.has(target));
        let gone = gone_columns(self.session, columns).await?;
        let is_absent = |target: &GrantTarget| targets.contains(target) && !existing.has(target);
        // Of what is skipped at a host nothing is made.
        let skipped: BTreeMap<_, _> = self
            .plan
            .iter()
            .filter_map(|change| {
                let (target, grant) = grant_of(change)?;
                let why = unmakeable(target, grant, is_absent(target), gone.get(target))?;
                Some(((change.host.clone(), target.clone()), why))
            })
            .collect();
        let fate = |change: &Change| {
            let Some((target, grant)) = grant_of(change) else {
                return Fate::Made;
            };
            let gone = gone.get(target).and_then(|gone| part_on(grant, gone.as_ref()?));
            let place = (change.host.clone(), target.clone());
            match skipped.get(&place) {
                Some(why) => Fate::Skipped(why),
                None if is_absent(target) => self.on_absent_table(&place.0, target),
                None => gone.map_or(Fate::Made, Fate::Without),
            }
        };
        Ok(self.plan.iter().map(fate).collect())
    }

    fn on_absent_table(&self, host: &str, target: &GrantTarget) -> Fate {
        let create =
            Grant { privileges: [Privilege::CREATE].into_iter().collect(), ..Grant::default() };
        let source = self.source.accounts.get(host).and_then(|account| account.grants.get(target));
        if source.is_some_and(|grant| grant.privileges.contains(Privilege::CREATE)) {
            return Fate::WithCreate;
        }
        if self.powers.may_grant(target, &create) {
            Fate::ForAMoment
        } else {
            Fate::Skipped(NO_CREATE)
        }
    }

    /// Makes statements of the plan, without passwords.
    pub(super) fn builder(&self) -> StatementBuilder<'_> {
        StatementBuilder::without_password(self.session.family, &self.twin_name)
    }
}

/// Why no statement can make a grant now, if that is so.
fn unmakeable(
    target: &GrantTarget,
    grant: &Grant,
    is_absent: bool,
    gone: Option<&Gone>,
) -> Option<&'static str> {
    let is_table = matches!(target, GrantTarget::Table { .. });
    if is_absent && (!is_table || !grant.columns.is_empty()) {
        return Some(GONE);
    }
    match gone {
        Some(None) => Some(INVALID),
        Some(Some(_)) | None => None,
    }
}

/// The part of a grant that is on these columns.
fn part_on(grant: &Grant, columns: &BTreeSet<CaselessName>) -> Option<Grant> {
    let mut part = Grant { columns: grant.columns.clone(), ..Grant::default() };
    part.columns.retain(|column, _| columns.contains(column));
    (!part.is_empty()).then_some(part)
}

/// What a change grants on a table or a routine.
fn grant_of(change: &Change) -> Option<(&GrantTarget, &Grant)> {
    match &change.action {
        Action::Grant(
            target @ (GrantTarget::Table { .. } | GrantTarget::Routine { .. }),
            grant,
        ) => Some((target, grant)),
        _ => None,
    }
}

fn with_create(change: &Change) -> Change {
    let mut change = change.clone();
    if let Action::Grant(_, grant) = &mut change.action {
        grant.privileges.insert(Privilege::CREATE);
    }
    change
}

fn revoke(change: &Change) -> Change {
    let privileges = [Privilege::CREATE].into_iter().collect();
    let action = match &change.action {
        Action::Grant(target, _) => {
            Action::Revoke(target.clone(), Grant { privileges, ..Grant::default() })
        }
        other => other.clone(),
    };
    Change { host: change.host.clone(), action }
}
