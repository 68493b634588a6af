//! `REQUIRE CIPHER` of MariaDB, which is compared with the connection's (MySQL demands a certificate).

use account_mirror::setting::{Setting, Tls, Value};

use crate::error::{Error, refuse};
use crate::step::pair::Pair;

/// Compares what the account in use demands with what the superuser's session has, which is at the same
/// server by the same settings: a login of the user would have that cipher too.
pub(super) async fn check(pair: &mut Pair<'_>, host: &str) -> Result<(), Error> {
    let settings = pair.source.accounts.get(host).map(|account| &account.settings);
    let Some(Value::Tls(Tls::Specified { cipher, .. })) =
        settings.and_then(|settings| settings.get(&Setting::Tls))
    else {
        return Ok(());
    };
    if cipher.is_empty() {
        return Ok(());
    }
    let (name, cipher) = (format!("'{}'@'{host}'", pair.source.name), cipher.clone());
    let sql = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
    let rows = pair.session.read("reading the session's cipher", sql).await?;
    let own = rows.first().map_or("", |row| row.text_or_empty("Value"));
    if own == cipher {
        return Ok(());
    }
    refuse!(
        TlsFailed,
        "{name} was not rotated: it has REQUIRE CIPHER '{cipher}', and the function's connections have \
         \"{own}\", so that its logins would be refused; require that cipher, or REQUIRE SSL"
    );
}
