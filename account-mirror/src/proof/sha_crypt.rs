//! SHA-crypt with SHA-256, by Ulrich Drepper's specification (`SHA-crypt.txt`), except that the salt
//! is used whole, where the specification cuts it to 16 bytes.

use std::array::from_fn;

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use super::rounds::compute;

/// How many characters a hash has.
pub(super) const LENGTH: usize = 43;

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The initial value of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The hash of a password, whose effort grows with the square of its length; `check` as for
/// [`compute`].
pub(super) fn hash<E>(
    password: &[u8],
    salt: &[u8; 20],
    rounds: u32,
    check: impl FnMut(u32, u32) -> Result<(), E>,
) -> Result<[u8; LENGTH], E> {
    let mut digest = first_digest(password, salt);
    let password = repeated_digest(password, password.len());
    let salt = repeated_digest(salt, 16 + usize::from(digest[0]));
    // What a round hashes, by the remainders of its number: there are only eight such messages, and
    // only the last digest changes in them. So they are padded and cut into blocks once.
    let mut messages: [_; 8] = from_fn(|index| Message::new(index, &password, &salt));
    compute(rounds, check, |round| {
        let index = usize::from(round % 2 != 0)
            | usize::from(round % 3 != 0) << 1
            | usize::from(round % 7 != 0) << 2;
        digest = messages[index].hash(&digest);
    })?;
    Ok(text(&digest))
}

fn first_digest(password: &[u8], salt: &[u8; 20]) -> [u8; 32] {
    let both = Sha256::new().chain_update(password).chain_update(salt);
    let alternate = both.clone().chain_update(password).finalize();
    let mut digest = both;
    for chunk in password.chunks(32) {
        digest.update(&alternate[..chunk.len()]);
    }
    let mut bits = password.len();
    while bits > 0 {
        digest.update(if bits & 1 == 1 { &alternate } else { password });
        bits >>= 1;
    }
    digest.finalize().into()
}

fn text(digest: &[u8; 32]) -> [u8; LENGTH] {
    let mut text = [0; LENGTH];
    for (group, characters) in text.chunks_mut(4).enumerate() {
        // The bytes of a group are ten apart, and each group starts where the last one ended.
        let mut bits = match group {
            10 => u32::from(digest[31]) << 8 | u32::from(digest[30]),
            _ => {
                (0..3).fold(0, |bits, n| bits << 8 | u32::from(digest[(group * 21 + n * 10) % 30]))
            }
        };
        for character in characters {
            *character = ALPHABET[bits as usize & 0x3f];
            bits >>= 6;
        }
    }
    text
}

/// The character for the last six bits of a byte.
pub(super) fn character(byte: u8) -> u8 {
    ALPHABET[usize::from(byte) & 0x3f]
}

/// Whether a digest can have been written so: the last character stands for four bits.
pub(super) fn is_hash(text: &[u8; LENGTH]) -> bool {
    text.iter().all(|c| ALPHABET.contains(c)) && ALPHABET[..16].contains(&text[LENGTH - 1])
}

/// The digest of so many copies, itself repeated to the length of one.
fn repeated_digest(bytes: &[u8], copies: usize) -> Vec<u8> {
    let mut digest = Sha256::new();
    for _ in 0..copies {
        digest.update(bytes);
    }
    digest.finalize().into_iter().cycle().take(bytes.len()).collect()
}

/// A padded message, with a place for the last digest.
struct Message {
    /// The state after the blocks before that place.
    state: [u32; 8],
    blocks: Vec<[u8; 64]>,
    place: usize,
}

impl Message {
    fn new(index: usize, password: &[u8], salt: &[u8]) -> Self {
        let is = |bit: usize| index & bit != 0;
        let digest: &[u8] = &[0; 32];
        let message = [
            if is(1) { password } else { digest },
            if is(2) { salt } else { &[] },
            if is(4) { password } else { &[] },
            if is(1) { digest } else { password },
        ];
        let mut message = message.concat();
        let place = if is(1) { message.len() - 32 } else { 0 };
        let bits = 8 * message.len() as u64;
        message.push(0x80);
        message.resize((message.len() + 8).next_multiple_of(64) - 8, 0);
        message.extend(bits.to_be_bytes());
        let (blocks, _) = message.as_chunks();
        let (constant, blocks) = blocks.split_at(place / 64);
        let mut state = INITIAL;
        compress256(&mut state, constant);
        Self { state, blocks: blocks.to_vec(), place: place % 64 }
    }

    fn hash(&mut self, digest: &[u8; 32]) -> [u8; 32] {
        self.blocks.as_flattened_mut()[self.place..][..32].copy_from_slice(digest);
        let mut state = self.state;
        compress256(&mut state, &self.blocks);
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}
