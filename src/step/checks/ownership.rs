//! Ownership of the twin: every password of it is proven by a version of this secret.
//!
//! An account with the twin's name may be what an earlier try left, one that an operator handed over,
//! another secret's, or a stranger's, whom a new password would lock out. Being equal to the user in
//! use proves nothing, and neither does a name: only a password does, or a lock.

use std::collections::BTreeSet;

use account_mirror::error::list;
use account_mirror::user::{Account, User};

use super::other_versions::Search;
use super::{Checks, plugins};
use crate::error::{Error, ErrorType};

/// What shows whose the twin is.
#[derive(Default)]
struct Evidence {
    /// The hosts at which the pending password may be in place already.
    by_pending: Vec<String>,
    /// What proves it, for a sentence.
    proven: BTreeSet<String>,
    /// The hosts at which only a lock can prove it.
    handed_over: Vec<String>,
    /// The hosts at which a password proves it, and the lock goes.
    to_unlock: Vec<String>,
}

impl Checks<'_, '_> {
    /// Checks that an existing twin is this secret's. Returns the hosts at which the pending password is
    /// in place already.
    pub(super) async fn ownership(&mut self) -> Result<BTreeSet<String>, Error> {
        let name = self.pair.twin_name.to_string();
        let Some(twin) = &self.pair.twin else {
            self.report.pass(format!("the twin \"{name}\" does not exist yet"));
            return Ok(BTreeSet::new());
        };
        let mut found = self.evidence(twin).await?;
        let mut placed = BTreeSet::new();
        for host in found.by_pending {
            if let (Some(pending), Some(source), Some(account)) =
                (self.pending, self.pair.source.accounts.get(&host), twin.accounts.get(&host))
                && self.proofs.is_in_place(source, account, &pending.password)?
            {
                placed.insert(host);
            }
        }
        if !found.handed_over.is_empty() {
            self.nobody_acts(&found.handed_over).await?;
            found.proven.insert("it is locked, and nobody acts as it".to_owned());
        }
        if !found.to_unlock.is_empty() {
            let objects = self.objects_at(&found.to_unlock).await?;
            if !objects.is_empty() {
                self.report.warn(format!(
                    "\"{name}\" was locked, and is the definer of {}; they run with its privileges",
                    list(objects)
                ));
            }
        }
        let proven: Vec<_> = found.proven.into_iter().collect();
        self.report.pass(format!("the twin \"{name}\" is this secret's: {}", proven.join("; ")));
        Ok(placed)
    }

    async fn evidence(&self, twin: &User) -> Result<Evidence, Error> {
        let source = &self.pair.source.accounts;
        let stays_locked = |host: &String, account: &Account| {
            account.state.locked && source.get(host).is_some_and(|source| source.state.locked)
        };
        let counts = |(host, account): &(&String, &Account)| {
            let has_password = !account.state.passwords.is_empty();
            has_password || account.state.locked && !stays_locked(host, account)
        };
        let (hosts, accounts): (Vec<_>, Vec<_>) = twin.accounts.iter().filter(counts).unzip();
        for (host, account) in hosts.iter().zip(&accounts).filter(|(_, a)| !a.state.locked) {
            plugins::provable(&format!("'{}'@'{host}'", twin.name), account)?;
        }
        let search = self.search(&twin.name, &accounts, accounts.len()).await?;
        let mut evidence = Evidence::default();
        for ((host, account), version) in hosts.into_iter().zip(&accounts).zip(&search.found) {
            let locked = account.state.locked;
            if let Some(version) = version {
                evidence.proven.insert(format!("its password is that of version {version}"));
                let is_unlocked = locked && !stays_locked(host, account);
                evidence.to_unlock.extend(is_unlocked.then(|| host.clone()));
            } else if locked {
                evidence.handed_over.push(host.clone());
            } else {
                return Err(self.not_ours(host, &search));
            }
            if version.as_ref().is_none_or(|version| *version == self.turn.rotation.version) {
                evidence.by_pending.push(host.clone());
            }
        }
        if evidence.proven.is_empty() && evidence.handed_over.is_empty() {
            return Err(self.not_ours(&list(twin.accounts.keys()), &search));
        }
        Ok(evidence)
    }

    fn not_ours(&self, host: &str, search: &Search<'_>) -> Error {
        ErrorType::TwinNotOurs.because(format!(
            "'{}'@'{host}' was not taken over as the twin: no version of this secret holds its password{}; \
             lock it (ALTER USER … ACCOUNT LOCK), which locks out whoever uses it, and end its \
             sessions; or {}; or drop it",
            self.pair.twin_name,
            search.note(),
            self.handover()
        ))
    }
}
