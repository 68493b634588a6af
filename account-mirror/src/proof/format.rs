//! How authentication strings are written.

use std::convert::Infallible;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, STANDARD};
use curve25519_dalek::EdwardsPoint;
use sha1::{Digest as _, Sha1};
use sha2::{Digest as _, Sha512};

use super::sha_crypt;

/// Base64 as MariaDB reads and writes a key: its last character has two bits that do not count.
const KEY: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

/// What MySQL stores for accounts of its own that nobody is to log in to, after the rounds. It has
/// the form of a hash.
const RESERVED: &[u8] = b"THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED";

const DEFAULT_ROUNDS: u32 = 5000;

/// How long a hash of `caching_sha2_password` is at least.
const SHORTEST: usize = 70;

/// How a plugin writes the hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `*`, and the hexadecimal SHA-1 of the SHA-1.
    Native,
    /// A public key in base64.
    Ed25519,
    /// SHA-crypt of 5,000 rounds.
    Sha256,
    /// SHA-crypt or PBKDF2, with the rounds in the string.
    CachingSha2,
    /// SHA-crypt with the rounds in the string, as MariaDB reads it.
    MysqlSha2,
}

/// What an authentication string is to its plugin.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// A hash, which a password matches or not.
    Hash(StoredHash),
    /// No password: the account logs in with an empty one.
    Empty,
    /// No hash: every password is refused, the empty one too.
    Disabled,
    /// The plugin is not known here, or servers differ in what they make of the string, and some
    /// let a password in, or any (`Format::Sha256` if the hash was left out).
    Unprovable,
}

/// A hash with its salt and rounds. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct StoredHash(pub(super) Hash);

#[derive(Clone)]
pub(super) enum Hash {
    Native([u8; 20]),
    Ed25519([u8; 32]),
    ShaCrypt { salt: [u8; 20], rounds: u32, text: [u8; sha_crypt::LENGTH] },
    Pbkdf2 { salt: [u8; 20], rounds: u32, key: [u8; 64] },
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredHash([redacted])")
    }
}

impl StoredHash {
    /// What MySQL calls the way in which this hash of `caching_sha2_password` is stored.
    fn storage_format(&self) -> Option<&'static str> {
        match self.0 {
            Hash::ShaCrypt { .. } => Some("CRYPT5"),
            Hash::Pbkdf2 { .. } => Some("PBKDF2_SHA512"),
            Hash::Native(_) | Hash::Ed25519(_) => None,
        }
    }
}

impl Meaning {
    /// Whether a server that enforces this storage format of `caching_sha2_password` lets whoever logs in
    /// by the string do nothing but set another password.
    pub(crate) fn is_stored_otherwise(&self, enforced: &str) -> bool {
        let Self::Hash(hash) = self else { return false };
        hash.storage_format().is_some_and(|format| format != enforced)
    }
}

/// Random bytes, of which six bits each go into a salt.
pub type Salt = [u8; 20];

/// The hash of a password, for a plugin of MariaDB.
pub(super) fn write(format: Format, password: &[u8], salt: &Salt) -> Option<Vec<u8>> {
    match format {
        Format::Native => {
            let digits = native(password).map(|byte| format!("{byte:02X}"));
            Some(format!("*{}", digits.concat()).into_bytes())
        }
        Format::Ed25519 => Some(KEY.encode(public_key(password)).into_bytes()),
        Format::MysqlSha2 => {
            let salt = salt.map(sha_crypt::character);
            let Ok(text) =
                sha_crypt::hash(password, &salt, DEFAULT_ROUNDS, |_, _| Ok::<_, Infallible>(()));
            let prefix = format!("$A${:03X}$", DEFAULT_ROUNDS / 1000).into_bytes();
            Some([&prefix[..], &salt, &text].concat())
        }
        Format::CachingSha2 | Format::Sha256 => None,
    }
}

/// The SHA-1 of the SHA-1.
pub(super) fn native(password: &[u8]) -> [u8; 20] {
    Sha1::digest(Sha1::digest(password)).into()
}

/// The public key whose secret scalar is the first half of the password's SHA-512.
pub(super) fn public_key(password: &[u8]) -> [u8; 32] {
    let digest: [u8; 64] = Sha512::digest(password).into();
    let mut scalar = [0; 32];
    scalar.copy_from_slice(&digest[..32]);
    EdwardsPoint::mul_base_clamped(scalar).compress().to_bytes()
}

/// What a string is to a plugin.
pub(super) fn read(format: Format, string: &[u8]) -> Meaning {
    match format {
        Format::Ed25519 => read_key(string),
        _ if string.is_empty() => Meaning::Empty,
        Format::CachingSha2 => read_caching_sha2(string),
        Format::MysqlSha2 => read_mysql_sha2(string),
        Format::Native => read_native(string),
        Format::Sha256 => read_sha256(string),
    }
}

fn hash(hash: Hash) -> Meaning {
    Meaning::Hash(StoredHash(hash))
}

/// MySQL also takes characters that are no hexadecimal digits (`G` for 0); only a hash that somebody
/// made to look disabled has them.
fn read_native(string: &[u8]) -> Meaning {
    match string {
        [first, digits @ ..] if digits.len() == 40 => match (first, hexadecimal::<20>(digits)) {
            (b'*', Some(bytes)) => hash(Hash::Native(bytes)),
            // MariaDB takes any first character; MySQL ignores the account.
            (_, Some(_)) => Meaning::Unprovable,
            (_, None) => Meaning::Disabled,
        },
        _ => Meaning::Disabled,
    }
}

fn hexadecimal<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::try_from(number(pair)?).ok()?;
    }
    Some(bytes)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| Some(number * 16 + char::from(digit).to_digit(16)?))
}

/// An empty string is no key either: with it, an empty password is refused.
fn read_key(string: &[u8]) -> Meaning {
    match KEY.decode(string).map(<[u8; 32]>::try_from) {
        Ok(Ok(key)) => hash(Hash::Ed25519(key)),
        _ => Meaning::Disabled,
    }
}

/// The server looks for the first dollar sign, the next, and the one after that, wherever they are;
/// so a string that is not written as servers write it may still be a hash, if it is long enough.
fn read_caching_sha2(string: &[u8]) -> Meaning {
    let parts = string.split_first_chunk::<7>().and_then(|(prefix, rest)| {
        let [b'$', kind, b'$', digits @ .., b'$'] = prefix else { return None };
        Some((*kind, number(digits)? * 1000, rest.split_first_chunk::<20>()?))
    });
    match parts {
        Some((_, 0, _)) => Meaning::Disabled,
        Some((b'A', rounds, (salt, text))) if text.len() == sha_crypt::LENGTH => {
            // Fewer rounds than the default are not fewer to the server.
            read_sha_crypt(salt, rounds.max(DEFAULT_ROUNDS), text)
        }
        Some((b'B', rounds, (salt, text))) if text.len() == 88 => {
            match STANDARD.decode(text).map(<[u8; 64]>::try_from) {
                Ok(_) if salt.contains(&0) => Meaning::Unprovable,
                Ok(Ok(key)) => hash(Hash::Pbkdf2 { salt: *salt, rounds, key }),
                _ => Meaning::Disabled,
            }
        }
        _ if string.len() >= SHORTEST && string.contains(&b'$') => Meaning::Unprovable,
        _ => Meaning::Disabled,
    }
}

/// MariaDB takes strings of one length alone, and computes as many rounds as they say.
fn read_mysql_sha2(string: &[u8]) -> Meaning {
    let Some((prefix, rest)) = string.split_first_chunk::<7>() else { return Meaning::Disabled };
    let parts = match (prefix, rest.split_first_chunk::<20>()) {
        (_, Some((_, text))) if text.len() != sha_crypt::LENGTH => return Meaning::Disabled,
        ([b'$', b'A', b'$', digits @ .., b'$'], Some(parts)) => Some((number(digits), parts)),
        (_, None) => return Meaning::Disabled,
        _ => None,
    };
    match parts {
        Some((Some(thousands @ 1..), (salt, text))) => read_sha_crypt(salt, thousands * 1000, text),
        _ => Meaning::Unprovable,
    }
}

/// The server compares as many bytes as are stored: without the hash, any password will do.
fn read_sha256(string: &[u8]) -> Meaning {
    let Some(rest) = string.strip_prefix(b"$5$") else { return Meaning::Disabled };
    match rest.split_first_chunk::<20>() {
        Some((salt, [b'$', text @ ..])) if text.len() == sha_crypt::LENGTH => {
            read_sha_crypt(salt, DEFAULT_ROUNDS, text)
        }
        _ => Meaning::Unprovable,
    }
}

/// The server handles the salt as text that a NUL or a dollar sign ends.
fn read_sha_crypt(salt: &[u8; 20], rounds: u32, text: &[u8]) -> Meaning {
    match <[u8; sha_crypt::LENGTH]>::try_from(text) {
        Ok(text) if [&salt[..], &text].concat() == RESERVED => Meaning::Disabled,
        Ok(_) if salt.contains(&b'$') || salt.contains(&0) => Meaning::Unprovable,
        Ok(text) if sha_crypt::is_hash(&text) => hash(Hash::ShaCrypt { salt: *salt, rounds, text }),
        _ => Meaning::Disabled,
    }
}
