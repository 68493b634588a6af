//! Whether the user can use the database that its secret names, as far as the superuser sees it.

use account_mirror::powers::Powers;
use account_mirror::sql::quote_literal;

use crate::error::{Error, refuse};
use crate::secret::UserSecret;
use crate::step::pair::Pair;

/// Checks that the database exists, and that the account in use holds something there. What the
/// superuser cannot see is left to the pending login.
pub(super) async fn check(
    current: &UserSecret,
    host: &str,
    pair: &mut Pair<'_>,
    powers: &Powers,
) -> Result<(), Error> {
    let Some(name) = &current.dbname else {
        return Ok(());
    };
    let sees_all = powers.has_globally("SELECT") || powers.has_globally("SHOW DATABASES");
    let sql = format!(
        "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        quote_literal(name)
    );
    let found = pair.session.rows(&sql).await;
    let found = found.map_err(|failure| failure.context("looking for the secret's database"))?;
    if found.is_empty() && sees_all {
        refuse!(
            DatabaseNameUnusable,
            "the database \"{name}\", \"dbname\" in the secret, cannot be used: it does not exist; create \
             it, or correct the secret"
        );
    }
    let account = pair.source.accounts.get(host);
    let is_mariadb = !pair.session.family.is_mysql();
    // What MariaDB grants to PUBLIC stands in no table of the user's.
    if account.and_then(|account| account.may_use(name)) == Some(false) && !is_mariadb {
        refuse!(
            DatabaseNameUnusable,
            "'{}'@'{host}' holds nothing in the database \"{name}\" that the secret names as \
             \"dbname\"; grant it something there, or correct the secret",
            pair.source.name
        );
    }
    Ok(())
}
