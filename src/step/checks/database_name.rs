//! Whether the user can use the database that its secret names, as far as the superuser sees it.

use account_mirror::sql::quote_literal;

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
        let account = self.pair.source.accounts.get(host);
        let is_mariadb = !self.pair.session.family.is_mysql();
        // What MariaDB grants to PUBLIC stands in no table of the user's.
        if account.and_then(|account| account.may_use(name)) == Some(false) && !is_mariadb {
            refuse!(
                DatabaseNameUnusable,
                "'{}'@'{host}' holds nothing in the database \"{name}\" that the secret names as \
                 \"dbname\"; grant it something there, or correct the secret",
                self.pair.source.name
            );
        }
        Ok(())
    }
}
