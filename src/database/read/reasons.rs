//! Why the server could not make or change an account, where it does not say so itself.

use account_mirror::sql::quote_literal;

use crate::database::session::{QueryError, Session};

/// What may be the reason.
pub struct Reasons {
    /// Whether the account exists.
    pub exists: bool,
    /// Those of its plugins that the server has not loaded.
    pub not_loaded: Vec<String>,
}

/// Asks for an account, and for these plugins.
///
/// # Errors
///
/// A [`QueryError`].
pub async fn reasons(
    session: &mut Session,
    (user, host): (&str, &str),
    plugins: &[&str],
) -> Result<Reasons, QueryError> {
    let account = format!(
        "SELECT COUNT(*) AS accounts FROM mysql.user WHERE User = {} AND Host = {}",
        quote_literal(user),
        quote_literal(host)
    );
    let exists = session.row(&account).await?.text_or_empty("accounts") != "0";
    let loaded = session.rows(super::beside::LOADED_PLUGINS).await?;
    let is_loaded = |plugin: &str| {
        loaded.iter().any(|row| row.text_or_empty("name").eq_ignore_ascii_case(plugin))
    };
    let not_loaded = plugins.iter().filter(|plugin| !is_loaded(plugin));
    Ok(Reasons { exists, not_loaded: not_loaded.map(|plugin| (*plugin).to_owned()).collect() })
}
