//! A user in use that does not exist, and the way out for the applications that need it.

use account_mirror::user::User;

use crate::aws::{Selector, StagingLabel};
use crate::error::{Error, ErrorType};
use crate::event::VersionId;
use crate::secret::UserSecret;
use crate::step::proofs::Proofs;
use crate::step::turn::Turn;

/// The refusal, where the other user has these accounts.
pub(super) async fn user_missing(turn: &Turn<'_>, other: Option<&User>) -> Error {
    let error = ErrorType::UserMissing.because(format!(
        "\"{}\" was not rotated: the user does not exist on the superuser's server; create it there, or \
         correct the host or the user in one of the two secrets",
        turn.current.username
    ));
    // What cannot be read or proven says nothing more.
    let Ok(Some(previous)) = logs_in(turn, other).await else {
        return error;
    };
    let command = turn.command_to_make_current(&previous).unwrap_or_default();
    error.note(format!(
        "version {previous}, AWSPREVIOUS, still logs in, according to the hash that the server stores; to \
         let applications in at once, make it current: {command}"
    ))
}

/// The version that is AWSPREVIOUS, if its password is that of an account of the other user.
async fn logs_in(turn: &Turn<'_>, other: Option<&User>) -> Result<Option<VersionId>, Error> {
    let (rotation, Some(other)) = (turn.rotation, other) else {
        return Ok(None);
    };
    if rotation.description.version(StagingLabel::Previous).is_none() {
        return Ok(None);
    }
    let Some(value) = rotation.value(Selector::Labeled(StagingLabel::Previous)).await? else {
        return Ok(None);
    };
    let document = UserSecret::parse(&rotation.secret, value.document)?;
    let proofs = Proofs::until(rotation.deadline);
    let usable = |state: &account_mirror::user::State| !state.locked && !state.expired;
    for account in other.accounts.values().filter(|account| usable(&account.state)) {
        if document.username == other.name && proofs.any_matches(account, &document.password)? {
            return Ok(Some(value.version));
        }
    }
    Ok(None)
}
