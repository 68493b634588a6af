//! Whether the twin is what the user in use is: asked at the end of `setSecret`, and at the beginning of
//! `testSecret`.

use super::Pair;
use super::differences::{ShownPairs, some_of};
use crate::error::{Error, ErrorType};
use crate::event::Step;

impl Pair<'_> {
    /// Checks that both users are equal at every host, in the grant tables and as the server shows them.
    ///
    /// # Errors
    ///
    /// As [`Pair::equal`].
    pub(in crate::step) fn verify(&self, shown: &ShownPairs, step: Step) -> Result<(), Error> {
        self.equal(self.differences(shown), step)
    }

    /// Checks that there are no differences.
    ///
    /// # Errors
    ///
    /// As [`Pair::unequal`].
    pub(in crate::step) fn equal(&self, differences: Vec<String>, step: Step) -> Result<(), Error> {
        if differences.is_empty() {
            return Ok(());
        }
        Err(self.unequal(differences, step))
    }

    /// The error of users that differ: `MirrorIncomplete` in the step that made them equal, `TwinDiffers`
    /// in those after it.
    pub(in crate::step) fn unequal(&self, differences: Vec<String>, step: Step) -> Error {
        let (source, twin) = (&self.source.name, &self.twin_name);
        let found = some_of(differences);
        if step == Step::SetSecret {
            ErrorType::MirrorIncomplete.because(format!(
                "the twin \"{twin}\" was not made current: it did not become equal to \"{source}\": \
                 {found}; somebody may have changed a user meanwhile; report it if it happens again"
            ))
        } else {
            ErrorType::TwinDiffers.because(format!(
                "the twin was not made current: \"{source}\" and \"{twin}\" differ: {found}; somebody \
                 may have changed one of them after setSecret; rotate again, which repairs it"
            ))
        }
    }
}
