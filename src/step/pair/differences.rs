//! In what the two users differ: in the grant tables, and as the server shows them.

use account_mirror::show_grants::Clause;

use super::Pair;
use crate::database::read;
use crate::error::Error;

/// How many differences an error names.
const NAMED: usize = 5;

/// The first differences, and how many more there are.
pub(in crate::step) fn some_of(mut differences: Vec<String>) -> String {
    let more = differences.len().saturating_sub(NAMED);
    differences.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    differences.join("; ") + &more
}

impl Pair<'_> {
    /// In what the users differ, as they are known now: what the plan would change; at each host the
    /// authentication and the lock; and what `SHOW GRANTS` and `SHOW CREATE USER` show the superuser.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub(in crate::step) async fn differences(&mut self) -> Result<Vec<String>, Error> {
        let mut differences: Vec<_> =
            self.statements().into_iter().map(|todo| format!("still to do: {todo}")).collect();
        let hosts: Vec<_> = self.source.accounts.keys().cloned().collect();
        for host in hosts {
            let twin = self.twin.as_ref().and_then(|twin| twin.accounts.get(&host));
            let (Some(twin), Some(source)) = (twin, self.source.accounts.get(&host)) else {
                differences.push(format!("the twin does not exist at '{host}'"));
                continue;
            };
            if twin.authentication != source.authentication {
                differences.push(format!("another authentication plugin at '{host}'"));
            }
            if twin.state.locked != source.state.locked {
                differences.push(format!("another lock state at '{host}'"));
            }
            let ours = read::grants_for(self.superuser, self.source.name.as_str(), &host).await?;
            let theirs = read::grants_for(self.superuser, self.twin_name.as_str(), &host).await?;
            let only_one = ours.symmetric_difference(&theirs);
            differences.extend(
                only_one
                    .filter(|clause| self.is_compared(&host, clause))
                    .map(|clause| format!("present for only one of the two at '{host}': {clause}")),
            );
        }
        Ok(differences)
    }

    /// Whether a clause is part of the comparison: not one of a mandatory role, nor of what was skipped.
    pub(in crate::step) fn is_compared(&self, host: &str, clause: &Clause) -> bool {
        let is_mandatory = self.mandatory_roles().iter().any(|role| clause.grants_role(role));
        let mut skipped = self.skipped.iter();
        !is_mandatory && !skipped.any(|(at, target)| at == host && clause.is_on(target))
    }
}
