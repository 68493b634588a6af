//! How new passwords are made.
//!
//! The settings mean what they mean to `GetRandomPassword` of Secrets Manager. Making passwords here
//! saves that call and its permission.

use account_mirror::password::Password;
use rand::Rng;

#[cfg(test)]
mod tests;

/// How many characters a new password may have.
///
/// The shortest is the default minimum of MySQL's `validate_password`, and has room for one character
/// of each type; the longest is the maximum of `caching_sha2_password`.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;

/// From this length on, each required type occurs twice: password policies ask for two of one type now and
/// then, and few punctuation characters are left by default.
const TWO_OF_EACH: usize = 16;

/// Makes new passwords.
#[derive(Clone, Debug)]
pub struct Generator {
    length: usize,
    require_each_type: bool,
    /// The characters of each included type.
    types: Vec<Vec<u8>>,
}

impl Generator {
    /// The generator, or `None` if no character is left to choose from.
    ///
    /// A type of which every character is in `excluded` counts as not included.
    pub fn new(
        length: usize,
        types: &[CharacterType],
        excluded: &str,
        require_each_type: bool,
    ) -> Option<Self> {
        let types: Vec<Vec<u8>> = types
            .iter()
            .map(|t| t.characters().filter(|&c| !excluded.contains(char::from(c))))
            .map(Iterator::collect)
            .filter(|characters: &Vec<u8>| !characters.is_empty())
            .collect();
        (!types.is_empty()).then_some(Self { length, require_each_type, types })
    }

    /// A new password.
    ///
    /// Where each type is required, whole passwords are generated until one has enough of all types, so
    /// that each such password is equally likely. That takes a few attempts; in the worst case, three types
    /// of a single character, a few thousand.
    pub fn generate(&self) -> Password {
        let alphabet = self.types.concat();
        let mut random = rand::rng();
        loop {
            let mut text = String::with_capacity(self.length);
            text.extend((0..self.length).map(|_| char::from(pick(&alphabet, &mut random))));
            let password = Password::new(text);
            if !self.require_each_type || self.has_each_type(&password) {
                return password;
            }
        }
    }

    fn has_each_type(&self, password: &Password) -> bool {
        let least = if self.length < TWO_OF_EACH { 1 } else { 2 };
        self.types.iter().all(|characters| {
            let of_type = password.expose().bytes().filter(|c| characters.contains(c));
            of_type.count() >= least
        })
    }
}

/// A uniform choice by rejection sampling: seven random bits are an index, and are discarded if it is
/// beyond the alphabet, which has at most 94 characters.
fn pick(alphabet: &[u8], random: &mut impl Rng) -> u8 {
    loop {
        let place = random.next_u32() & 0x7f;
        if let Some(&character) = alphabet.get(place as usize) {
            return character;
        }
    }
}

/// A type of character, as `GetRandomPassword` divides them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterType {
    /// `a` to `z`.
    Lowercase,
    /// `A` to `Z`.
    Uppercase,
    /// `0` to `9`.
    Numbers,
    /// The other 32 printable characters of ASCII, without the space.
    Punctuation,
}

impl CharacterType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Lowercase, Self::Uppercase, Self::Numbers, Self::Punctuation];

    fn characters(self) -> impl Iterator<Item = u8> {
        let belongs = match self {
            Self::Lowercase => u8::is_ascii_lowercase,
            Self::Uppercase => u8::is_ascii_uppercase,
            Self::Numbers => u8::is_ascii_digit,
            Self::Punctuation => u8::is_ascii_punctuation,
        };
        (b'!'..=b'~').filter(belongs)
    }
}
