//! Whether the user can use the database that its secret names, as far as the superuser sees it.

use account_mirror::sql::quote_literal;
use account_mirror::user::Account;

use super::Checks;
use crate::error::{Error, refuse};

impl Checks<'_, '_> {
    /// Checks that the database exists, and that the account in use holds something there. What the
    /// superuser cannot see is left to the pending login.
    pub(super) async fn database_name(&mut self, host: &str) -> Result<(), Error> {
        let Some(name) = &self.turn.current.dbname else {
            return Ok(());
        };
        let sees_all = self.pair.powers.has_globally("SELECT")
            || self.pair.powers.has_globally("SHOW DATABASES");
        let sql = format!(
            "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
            quote_literal(name)
        );
        let found = self.pair.session.read("looking for the secret's database", &sql).await?;
        if found.is_empty() && sees_all {
            refuse!(
                DatabaseNameUnusable,
                "the database \"{name}\", \"dbname\" in the secret, cannot be used: it does not exist; create \
                 it, or correct the secret"
            );
        }
        let source = &self.pair.source;
        let may_not = |account: &Account| account.may_use(name) == Some(false);
        if !source.accounts.get(host).is_some_and(may_not) {
            return Ok(());
        }
        // On MySQL rows at another host of the user, or of an anonymous user, may count as well; what
        // MariaDB grants to PUBLIC stands in no table of the user's.
        let is_certain = self.pair.session.family.is_mysql()
            && self.pair.anonymous_hosts.is_empty()
            && source.accounts.values().all(may_not);
        if is_certain {
            refuse!(
                DatabaseNameUnusable,
                "'{}'@'{host}' holds nothing in the database \"{name}\" that the secret names as \
                 \"dbname\"; grant it something there, or correct the secret",
                source.name
            );
        }
        self.report.warn(format!(
            "'{}'@'{host}' may be unable to use the database \"{name}\" that the secret names as \
             \"dbname\": its grant tables do not decide it",
            source.name
        ));
        Ok(())
    }
}
