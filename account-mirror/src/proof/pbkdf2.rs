//! PBKDF2 with HMAC and SHA-512 (RFC 8018), for a key of 64 bytes, which is a single block of it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

use super::rounds::compute;

/// The key of a password; `check` as for [`compute`].
pub(super) fn key<E>(
    password: &[u8],
    salt: &[u8; 20],
    rounds: u32,
    check: impl FnMut(u32, u32) -> Result<(), E>,
) -> Result<[u8; 64], E> {
    let Ok(keyed) = Hmac::<Sha512>::new_from_slice(password) else {
        unreachable!("HMAC takes a key of any length");
    };
    let mut message = [salt, &1_u32.to_be_bytes()[..]].concat();
    let mut key = [0; 64];
    compute(rounds, check, |_| {
        let mac = keyed.clone().chain_update(&message).finalize().into_bytes();
        for (byte, other) in key.iter_mut().zip(mac) {
            *byte ^= other;
        }
        message.clear();
        message.extend(mac);
    })?;
    Ok(key)
}
