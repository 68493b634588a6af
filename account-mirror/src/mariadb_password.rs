//! The hashes by which MariaDB stores passwords.
//!
//! MariaDB writes the text of account statements to its logs, so the function sends hashes that it
//! made itself. MySQL masks its passwords and is sent the password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use curve25519_dalek::EdwardsPoint;
use sha1::Sha1;
use sha2::{Digest, Sha512};

use crate::password::Password;

/// The plugins whose hashes can be made here.
pub const PLUGINS: &[&str] = &["mysql_native_password", "ed25519"];

/// The hash of a password for one of [`PLUGINS`].
pub fn hash(plugin: &str, password: &Password) -> String {
    let password = password.expose().as_bytes();
    match plugin {
        "ed25519" => ed25519(password),
        _ => native(password),
    }
}

/// `*` and the SHA-1 of the SHA-1.
fn native(password: &[u8]) -> String {
    let digest = Sha1::digest(Sha1::digest(password));
    let mut hash = "*".to_owned();
    for byte in digest {
        hash.push_str(&format!("{byte:02X}"));
    }
    hash
}

/// The public key whose secret scalar is the first half of the password's SHA-512.
fn ed25519(password: &[u8]) -> String {
    let digest = Sha512::digest(password);
    let mut scalar = [0; 32];
    scalar.copy_from_slice(&digest[..32]);
    STANDARD_NO_PAD.encode(EdwardsPoint::mul_base_clamped(scalar).compress().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_hash_is_that_of_the_server() {
        // SELECT PASSWORD('secret')
        assert_eq!(native(b"secret"), "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
    }

    #[test]
    fn the_ed25519_hash_is_that_of_the_server() {
        // The example of MariaDB's documentation of the plugin.
        assert_eq!(ed25519(b"secret"), "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY");
    }
}
