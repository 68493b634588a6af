//! Whether the superuser may create an account that objects have as their definer.

use super::Powers;
use crate::error::{Error, ErrorKind, list};
use crate::grant::GrantTarget;
use crate::username::Username;

impl Powers {
    /// Whether it may create an account that objects have as their definer.
    pub fn may_create_definers(&self) -> bool {
        let privileges = ["ALLOW_NONEXISTENT_DEFINER", "SET_USER_ID"];
        !self.family.protects_definers()
            || privileges.iter().any(|name| self.holds(&GrantTarget::Dynamic((*name).to_owned())))
    }

    /// The error of a twin that these objects have as their definer.
    pub fn cannot_create(&self, twin: &Username, objects: &[String]) -> Error {
        ErrorKind::GrantImpossible.because(format!(
            "the superuser {} cannot create the user \"{twin}\", which is the definer of {}: that \
             requires ALLOW_NONEXISTENT_DEFINER (SET_USER_ID before MySQL 8.2); grant it to the \
             superuser, or drop these objects",
            self.name,
            list(objects)
        ))
    }
}
