//! Proves that the two users are equal: in the grant tables, and as the server shows them.

use crate::database::read;
use crate::error::{Error, ErrorType};
use crate::step::pair::Pair;

/// How many differences an error names.
const NAMED: usize = 5;

/// Reads both users once more and compares them at every host: the grant tables, the authentication,
/// the lock, and `SHOW GRANTS` and `SHOW CREATE USER`.
pub(super) async fn verify(pair: &mut Pair) -> Result<(), Error> {
    pair.refresh().await?;
    ensure_no_changes_left(pair)?;
    let Some(twin) = pair.twin.clone() else {
        return Err(twin_missing(pair));
    };
    for (host, source) in pair.source.accounts.clone() {
        let same = twin.accounts.get(&host).is_some_and(|twin| {
            twin.authentication == source.authentication && twin.state.locked == source.state.locked
        });
        if !same {
            let found = format!("another plugin or lock state at host '{host}'");
            return Err(incomplete(pair, "found", vec![found]));
        }
        let ours = read::grants_for(&mut pair.superuser, pair.source.name.as_str(), &host).await?;
        let theirs = read::grants_for(&mut pair.superuser, twin.name.as_str(), &host).await?;
        let mandatory = pair.mandatory_roles();
        let differences: Vec<_> = ours
            .symmetric_difference(&theirs)
            .filter(|clause| !mandatory.iter().any(|role| clause.grants_role(role)))
            .filter(|clause| {
                let mut skipped = pair.skipped.iter();
                !skipped.any(|(at, target)| *at == host && clause.is_on(target))
            })
            .map(ToString::to_string)
            .collect();
        if !differences.is_empty() {
            let how = "present for only one of the two in SHOW GRANTS";
            return Err(incomplete(pair, how, differences));
        }
    }
    Ok(())
}

/// Refuses where the plan is not empty yet.
pub(super) fn ensure_no_changes_left(pair: &Pair) -> Result<(), Error> {
    if pair.plan.is_empty() {
        return Ok(());
    }
    Err(incomplete(pair, "still to do", pair.statements()))
}

pub(super) fn twin_missing(pair: &Pair) -> Error {
    incomplete(pair, "found", vec!["the twin does not exist any more".to_owned()])
}

fn incomplete(pair: &Pair, how: &str, mut differences: Vec<String>) -> Error {
    let more = differences.len().saturating_sub(NAMED);
    differences.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    ErrorType::MirrorIncomplete.because(format!(
        "\"{}\" did not become equal to \"{}\"; {how}: {}{more}. It was not promoted; if somebody \
         changed the user meanwhile, the next try repairs it; if it happens again, the server does \
         something that this function does not expect",
        pair.twin_name,
        pair.source.name,
        differences.join("; ")
    ))
}
