//! Without TLS, `caching_sha2_password` sends the password encrypted with the server's RSA key, which
//! has room for so many bytes only.

use account_mirror::password::Password;

use crate::error::{Error, refuse};
use crate::step::pair::Pair;
use crate::tls::TlsMode;

/// The status variable with the key.
const STATUS: &str = "Caching_sha2_password_rsa_public_key";

/// The size of the key that a server makes by itself, in bytes.
const USUAL: usize = 256;

/// What the padding (OAEP) and the null byte after the password take.
const OVERHEAD: usize = 42 + 1;

/// Checks that a login with this password is possible where clients connect in this way.
pub(super) async fn check(
    pair: &mut Pair<'_>,
    tls: &TlsMode,
    password: &Password,
) -> Result<(), Error> {
    let mut methods = pair.source.accounts.values().flat_map(|account| &account.authentication);
    let sends_it =
        methods.any(|method| method.plugin.eq_ignore_ascii_case("caching_sha2_password"));
    if !sends_it || !matches!(tls, TlsMode::Plaintext) {
        return Ok(());
    }
    let rows = pair.session.rows(&format!("SHOW GLOBAL STATUS LIKE '{STATUS}'")).await;
    let rows = rows.map_err(|failure| failure.context("reading the RSA key"))?;
    let key = rows.first().map(|row| row.text_or_empty("Value"));
    let most = key.and_then(key_size).unwrap_or(USUAL).saturating_sub(OVERHEAD);
    let length = password.expose().len();
    if length <= most {
        return Ok(());
    }
    refuse!(
        PasswordPolicy,
        "the password was not set: without TLS the server's RSA key carries {most} bytes of a \
         password, and it has {length}; lower PASSWORD_LENGTH, or remove \"ssl\" from the secret; \
         remove the label AWSPENDING from the version if it has a value, and rotate again"
    );
}

/// The size of an RSA key in PEM, in bytes, of which four characters hold three. What is around its
/// modulus takes up to 38 of them.
fn key_size(pem: &str) -> Option<usize> {
    let lines = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let characters: usize = lines.map(|line| line.trim_end_matches('=').len()).sum();
    let size = (characters * 3 / 4).checked_sub(38)?;
    (size > 0).then(|| size.next_multiple_of(8))
}

#[cfg(test)]
mod tests {
    use super::key_size;

    #[test]
    fn the_size_of_a_key_is_that_of_its_modulus() {
        // The lengths of public keys of 1,024 to 4,096 bits, in characters.
        for (characters, padding, bytes) in
            [(216, "", 128), (392, "", 256), (564, "=", 384), (736, "==", 512)]
        {
            let body = "A".repeat(characters - padding.len()) + padding;
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
            assert_eq!(key_size(&pem), Some(bytes), "{characters}");
        }
        assert_eq!(key_size(""), None);
    }
}
