//! How new passwords are made.
//!
//! The settings have the meaning that `GetRandomPassword` of Secrets Manager gives them.
//! Passwords are made here because that saves a permission and a call.

use account_mirror::password::Password;
use rand::Rng;

#[cfg(test)]
mod tests;

/// How many characters a new password may have.
///
/// The shortest is what MySQL's own policy component asks for at least, and has room for one
/// character of each type; the longest is what `caching_sha2_password` accepts.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;

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
    /// Where each type is required, whole passwords are drawn until one has them all. So each
    /// password that fits the policy is equally likely, which placing one of each type would not
    /// give. With at least eight characters, a few draws are enough, and in the worst case (three
    /// types of a single character) a few hundred.
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
        self.types
            .iter()
            .all(|characters| password.expose().bytes().any(|c| characters.contains(&c)))
    }
}

/// A uniform choice by rejection sampling: seven random bits name a place, and
/// are thrown away if the alphabet, of at most 94 characters, ends before.
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
    /// The 32 printable characters of ASCII that are none of the others, without the space.
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
