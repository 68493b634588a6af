//! Without TLS, a password by [`Format::CachingSha2`] is sent encrypted with the server's RSA key, which
//! has room for so many bytes only.

use account_mirror::password::Password;
use account_mirror::plugin::RSA_KEY_STATUS;
use account_mirror::proof::Format;

use crate::error::{Error, refuse};
use crate::step::pair::Pair;
use crate::tls::TlsMode;

/// The size of the key that a server makes by itself, in bytes.
const USUAL: usize = 256;

/// What the padding (OAEP) and the null byte after the password take.
const OVERHEAD: usize = 42 + 1;

/// How long a password may be where clients connect in this way, in bytes, if the key bounds it.
///
/// # Errors
///
/// `TlsFailed` if the server has no key, so that it refuses even the right password.
pub(super) async fn room(pair: &mut Pair<'_>, tls: &TlsMode) -> Result<Option<usize>, Error> {
    let sends_it = [Format::CachingSha2, Format::MysqlSha2].map(|f| pair.source.has_format(f));
    if sends_it == [false; 2] || !matches!(tls, TlsMode::Plaintext) {
        return Ok(None);
    }
    let sql = format!("SHOW GLOBAL STATUS LIKE '{RSA_KEY_STATUS}'");
    let rows = pair.session.read("reading the RSA key", &sql).await?;
    let key = rows.first().map(|row| row.text_or_empty("Value"));
    if key == Some("") {
        refuse!(
            TlsFailed,
            "\"{}\" was not rotated: its secret has \"ssl\": false, and without TLS the server takes no \
             password of its plugin, because it has no RSA key ({RSA_KEY_STATUS} is empty); remove \
             \"ssl\" from the secret",
            pair.source.name
        );
    }
    Ok(Some(key.and_then(key_size).unwrap_or(USUAL).saturating_sub(OVERHEAD)))
}

/// Checks that the key has room for this password.
pub(super) fn check(room: Option<usize>, password: &Password) -> Result<(), Error> {
    let length = password.expose().len();
    let Some(most) = room.filter(|most| length > *most) else {
        return Ok(());
    };
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
