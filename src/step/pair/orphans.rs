//! Privileges on something that does not exist any more, which cannot be granted to the twin.

use account_mirror::grant::{Grant, GrantTarget};
use account_mirror::plan::Action;
use account_mirror::privilege::Privilege;
use account_mirror::sql::quote_identifier;

use super::Pair;
use crate::database::server_error::{At, Meaning};
use crate::error::Error;

impl Pair<'_> {
    /// Takes out of the comparison what the twin lacks because it cannot be granted any more.
    pub(in crate::step) async fn skip_orphans(&mut self) -> Result<(), Error> {
        for change in std::mem::take(&mut self.plan) {
            if let Action::Grant(target, grant) = change.action
                && self.is_orphan(&target, &grant).await?
            {
                self.skipped.insert((change.host, target));
            }
        }
        self.replan();
        Ok(())
    }

    /// Whether the target, or a column of the grant, does not exist. The server says so too of what
    /// exists and the superuser holds nothing on, so it is asked only about the rest.
    async fn is_orphan(&mut self, target: &GrantTarget, grant: &Grant) -> Result<bool, Error> {
        let sql = match target {
            GrantTarget::Table { schema, name } => {
                format!("SHOW COLUMNS FROM {}.{}", quote_identifier(schema), quote_identifier(name))
            }
            GrantTarget::Routine { kind, schema, name } => format!(
                "SHOW CREATE {} {}.{}",
                kind.as_sql(),
                quote_identifier(schema),
                quote_identifier(name)
            ),
            _ => return Ok(false),
        };
        if !self.powers.holds_something_on(target) {
            return Ok(false);
        }
        match self.session.rows(&sql).await {
            Ok(columns) => Ok(grant.columns.keys().any(|column| {
                let is_it = |name: &str| name.to_lowercase() == column.to_lowercase();
                !columns.iter().any(|row| is_it(row.text_or_empty("Field")))
            })),
            Err(failure) => match failure.meaning(At::Read) {
                // With CREATE, privileges are granted on a table to come as well.
                Some(Meaning::TableAbsent) if grant.privileges.contains(Privilege::CREATE) => {
                    Ok(!grant.columns.is_empty())
                }
                Some(Meaning::TableAbsent | Meaning::PartAbsent) => Ok(true),
                _ if failure.code().is_some() => Ok(false),
                _ => Err(failure.context(format!("looking for {target}"))),
            },
        }
    }
}
