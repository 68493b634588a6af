//! Ownership of the twin: every password of it is proven by a version of this secret.
//!
//! An account with the twin's name may be what an earlier try left, one that an operator handed over,
//! another secret's, or a stranger's, whom a new password would lock out. Being equal to the user in
//! use proves nothing, and neither does a name: only a password does, or a lock.

use std::collections::BTreeSet;

use account_mirror::error::list;

use super::other_versions::Search;
use super::{Checks, plugins};
use crate::error::{Error, ErrorType};

impl Checks<'_, '_> {
    /// Checks that an existing twin is this secret's. Returns the hosts at which the pending password is
    /// in place already.
    pub(super) async fn ownership(&mut self) -> Result<BTreeSet<String>, Error> {
        let mut placed = BTreeSet::new();
        let Some(twin) = &self.pair.twin else {
            let name = &self.pair.twin_name;
            self.report.pass(format!("the twin \"{name}\" does not exist yet"));
            return Ok(placed);
        };
        // Nobody can be using a locked account: it was handed over.
        let (locked, open): (Vec<_>, Vec<_>) =
            twin.accounts.iter().partition(|(_, account)| account.state.locked);
        let (hosts, accounts): (Vec<_>, Vec<_>) =
            open.into_iter().filter(|(_, account)| !account.state.passwords.is_empty()).unzip();
        for (host, account) in hosts.iter().zip(&accounts) {
            plugins::provable(&format!("'{}'@'{host}'", twin.name), account)?;
        }
        let search = self.search(&twin.name, &accounts, accounts.len()).await?;
        let mut evidence = BTreeSet::new();
        let mut by_pending: Vec<_> = locked;
        if !by_pending.is_empty() {
            evidence.insert("it is locked".to_owned());
        }
        for ((host, account), version) in hosts.into_iter().zip(&accounts).zip(&search.found) {
            let Some(version) = version else {
                return Err(self.not_ours(host, &search));
            };
            evidence.insert(format!("its password is that of version {version}"));
            if *version == self.turn.rotation.version {
                by_pending.push((host, account));
            }
        }
        if evidence.is_empty() {
            return Err(self.not_ours(&list(twin.accounts.keys()), &search));
        }
        for (host, account) in by_pending {
            if let (Some(pending), Some(source)) =
                (self.pending, self.pair.source.accounts.get(host))
                && self.proofs.is_in_place(source, account, &pending.password).await?
            {
                placed.insert(host.clone());
            }
        }
        let evidence: Vec<_> = evidence.into_iter().collect();
        let name = &twin.name;
        self.report.pass(format!("the twin \"{name}\" is this secret's: {}", evidence.join("; ")));
        Ok(placed)
    }

    fn not_ours(&self, host: &str, search: &Search<'_>) -> Error {
        let secret = &self.turn.rotation.secret;
        let region = secret.region().unwrap_or("REGION");
        ErrorType::TwinNotOurs.because(format!(
            "'{}'@'{host}' was not taken over as the twin: no version of this secret holds its password{}; \
             lock it (ALTER USER … ACCOUNT LOCK), which locks out whoever uses it; or store its \
             login (aws secretsmanager put-secret-value --region {region} --secret-id {} --version-stages \
             HANDOVER --secret-string …); or drop it",
            self.pair.twin_name,
            search.note(),
            secret
        ))
    }
}
