//! PBKDF2 with HMAC and SHA-512 (RFC 8018), for a key of 64 bytes, which is a single block of it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

/// A key whose rounds are under way.
pub(super) struct Pbkdf2 {
    /// Keyed with the password.
    mac: Hmac<Sha512>,
    /// What the next round takes the HMAC of.
    message: Vec<u8>,
    key: [u8; 64],
}

impl Pbkdf2 {
    /// The key before its first round.
    pub(super) fn new(password: &[u8], salt: &[u8; 20]) -> Self {
        let Ok(mac) = Hmac::new_from_slice(password) else {
            unreachable!("HMAC takes a key of any length");
        };
        Self { mac, message: [salt, &1_u32.to_be_bytes()[..]].concat(), key: [0; 64] }
    }

    /// Computes so many rounds.
    pub(super) fn advance(&mut self, rounds: u32) {
        for _ in 0..rounds {
            let mac = self.mac.clone().chain_update(&self.message).finalize().into_bytes();
            for (byte, other) in self.key.iter_mut().zip(mac) {
                *byte ^= other;
            }
            self.message.clear();
            self.message.extend(mac);
        }
    }

    /// The key after the rounds computed so far.
    pub(super) fn hash(&self) -> [u8; 64] {
        self.key
    }
}
