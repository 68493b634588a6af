//! Whether the twin is what the user in use is: asked at the end of `setSecret`, and at the beginning of
//! `testSecret`.

use account_mirror::password::Password;

use super::Pair;
use super::differences::{ShownPairs, some_of};
use crate::error::{Error, ErrorType};
use crate::event::Step;
use crate::step::proofs::Proofs;

impl Pair<'_> {
    /// Checks that both are users at the same hosts, whom nobody acts as; that what the server goes by is
    /// what its tables say; that both are equal, in the grant tables and as the server shows them; and
    /// that the twin has the pending password at every host, as its first and only one, and can use it.
    ///
    /// # Errors
    ///
    /// Those of the checks before the first write, as they are named there; as [`Pair::unequal`]; and in
    /// `testSecret` `PendingLoginRefused`.
    pub(in crate::step) async fn verify(
        &mut self,
        shown: &ShownPairs,
        pending: &Password,
        step: Step,
    ) -> Result<(), Error> {
        self.check_users()?;
        self.check_memory().await?;
        self.equal(self.differences(shown), step)?;
        let proofs = Proofs::until(self.deadline);
        for (host, source, twin) in self.hosts() {
            if twin.state.expired {
                return Err(self.expired(host, step));
            }
            if !proofs.is_in_place(source, twin, pending)? {
                return Err(self.not_pending(host, step));
            }
        }
        Ok(())
    }

    fn expired(&self, host: &str, step: Step) -> Error {
        let account = format!("'{}'@'{host}'", self.twin_name);
        if step == Step::SetSecret {
            return self.unequal(vec![format!("the password of {account} has expired")], step);
        }
        ErrorType::PendingLoginRefused.because(format!(
            "the twin was not made current: the password of {account} has expired since setSecret, \
             or the server enforces another format of hashes; rotate again, which sets it again"
        ))
    }

    fn not_pending(&self, host: &str, step: Step) -> Error {
        let account = format!("'{}'@'{host}'", self.twin_name);
        if step == Step::SetSecret {
            return self.unequal(vec![format!("another password at '{host}'")], step);
        }
        ErrorType::PendingLoginRefused.because(format!(
            "the twin was not made current: the password of {account} is not the pending one, according to \
             the hash that the server stores: somebody changed it after setSecret; rotate again, which \
             sets it again"
        ))
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
