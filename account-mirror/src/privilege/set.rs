//! A set of privileges, as many bits: an account may have thousands of grants, and nearly every one
//! has such a set.

use std::fmt;

use super::{Privilege, VOCABULARY};

/// A set of privileges.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Privileges(u64);

const _: () = assert!(VOCABULARY.len() <= u64::BITS as usize);

impl Privileges {
    /// No privilege.
    pub const NONE: Self = Self(0);

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    pub fn contains(self, privilege: Privilege) -> bool {
        self.0 & bit(privilege) != 0
    }

    /// Whether none is in both.
    pub fn is_disjoint(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Adds one.
    pub fn insert(&mut self, privilege: Privilege) {
        self.0 |= bit(privilege);
    }

    /// Adds those of `other`.
    pub fn insert_all(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes those of `other` out.
    pub fn remove_all(&mut self, other: Self) {
        *self = self.minus(other);
    }

    /// Each of them, in the order of their SQL spellings.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        let mut privileges: Vec<_> = Privilege::all().filter(|one| self.contains(*one)).collect();
        privileges.sort();
        privileges.into_iter()
    }
}

fn bit(Privilege(index): Privilege) -> u64 {
    1 << index
}

impl Extend<Privilege> for Privileges {
    fn extend<I: IntoIterator<Item = Privilege>>(&mut self, privileges: I) {
        privileges.into_iter().for_each(|privilege| self.insert(privilege));
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        let mut set = Self::NONE;
        set.extend(privileges);
        set
    }
}

impl fmt::Debug for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
