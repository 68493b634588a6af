//! PBKDF2 with HMAC and SHA-512 (RFC 8018), for a key of 64 bytes, which is a single block of it.

use sha2::block_api::compress512;
use sha2::{Digest, Sha512};

const BLOCK: usize = 128;

/// The initial value of SHA-512 (FIPS 180-4, section 5.3.5).
const INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// A key whose rounds are under way.
pub(super) struct Pbkdf2 {
    /// The states after the padded password, of the inner and the outer hash.
    inner: [u64; 8],
    outer: [u64; 8],
    /// What the next round takes the HMAC of.
    message: Vec<u8>,
    key: [u8; 64],
}

impl Pbkdf2 {
    /// The key before its first round.
    pub(super) fn new(password: &[u8], salt: &[u8; 20]) -> Self {
        let mut padded = [0; BLOCK];
        if password.len() > BLOCK {
            padded[..64].copy_from_slice(&Sha512::digest(password));
        } else {
            padded[..password.len()].copy_from_slice(password);
        }
        let keyed = |pad: u8| {
            let mut state = INITIAL;
            compress512(&mut state, &[padded.map(|byte| byte ^ pad)]);
            state
        };
        let message = [salt, &1_u32.to_be_bytes()[..]].concat();
        Self { inner: keyed(0x36), outer: keyed(0x5c), message, key: [0; 64] }
    }

    /// Computes so many rounds.
    pub(super) fn advance(&mut self, rounds: u32) {
        for _ in 0..rounds {
            let mac = finish(self.outer, &finish(self.inner, &self.message));
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

/// The SHA-512 of one block that led to `state` and a short message after it.
fn finish(mut state: [u64; 8], message: &[u8]) -> [u8; 64] {
    let mut block = [0; BLOCK];
    block[..message.len()].copy_from_slice(message);
    block[message.len()] = 0x80;
    block[BLOCK - 8..].copy_from_slice(&(8 * (BLOCK + message.len()) as u64).to_be_bytes());
    compress512(&mut state, &[block]);
    let mut digest = [0; 64];
    for (bytes, word) in digest.chunks_mut(8).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}
