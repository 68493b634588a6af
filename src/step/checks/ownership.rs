//! Ownership of the twin: every password of it is proven by a version of this secret.
//!
//! An account with the twin's name may be what an earlier try left, one that an operator handed over,
//! another secret's, or a stranger's, whom a new password would lock out. Being equal to the user in
//! use proves nothing, and neither does a name: only a password does, or a lock.

use std::collections::BTreeSet;

use account_mirror::error::list;
use account_mirror::user::User;

use super::Report;
use super::candidates::Candidates;
use crate::error::{Error, ErrorType};
use crate::secret::UserSecret;
use crate::step::Rotation;
use crate::step::pair::Pair;
use crate::step::proofs::Proofs;

/// Checks that an existing twin is this secret's. Returns the hosts at which the pending password is
/// in place already.
pub(super) async fn check(
    rotation: &Rotation<'_>,
    pair: &Pair<'_>,
    pending: Option<&UserSecret>,
    mut candidates: Candidates<'_>,
    proofs: &mut Proofs,
    report: &mut Report,
) -> Result<BTreeSet<String>, Error> {
    let mut placed = BTreeSet::new();
    let Some(twin) = &pair.twin else {
        report.pass(format!("the twin \"{}\" does not exist yet", pair.twin_name));
        return Ok(placed);
    };
    let mut evidence = BTreeSet::new();
    for (host, account) in &twin.accounts {
        // Nobody can be using a locked account: it was handed over.
        let by_pending = if account.state.locked {
            evidence.insert("it is locked".to_owned());
            true
        } else if account.state.passwords.is_empty() {
            continue;
        } else {
            let Some(version) = candidates.version_of(&[account], proofs).await? else {
                return Err(not_ours(rotation, twin, host, &candidates));
            };
            evidence.insert(format!("its password is that of version {version}"));
            version == rotation.version
        };
        if let (true, Some(pending), Some(source)) =
            (by_pending, pending, pair.source.accounts.get(host))
            && proofs.is_in_place(source, account, &pending.password).await?
        {
            placed.insert(host.clone());
        }
    }
    if evidence.is_empty() {
        return Err(not_ours(rotation, twin, &list(twin.accounts.keys()), &candidates));
    }
    let evidence: Vec<_> = evidence.into_iter().collect();
    report.pass(format!("the twin \"{}\" is this secret's: {}", twin.name, evidence.join("; ")));
    Ok(placed)
}

fn not_ours(
    rotation: &Rotation<'_>,
    twin: &User,
    host: &str,
    candidates: &Candidates<'_>,
) -> Error {
    let region = rotation.secret.region().unwrap_or("REGION");
    ErrorType::TwinNotOurs.because(format!(
        "'{}'@'{host}' was not taken over as the twin: no version of this secret holds its password{}; \
         lock it (ALTER USER … ACCOUNT LOCK), which locks out whoever uses it; or store its \
         login (aws secretsmanager put-secret-value --region {region} --secret-id {} --version-stages \
         HANDOVER --secret-string …); or drop it",
        twin.name,
        candidates.note(),
        rotation.secret
    ))
}
