//! Rotations of one pair are kept apart by a lock. Where the lock of a server keeps nobody out at another
//! one, or there is no lock, they are kept apart by leases: see `database/session/lease.rs`.

use tokio::time::{Instant, sleep_until};

use crate::aws::StagingLabel;
use crate::database::session::{Lock, Session, TIME_FOR_OTHERS};
use crate::error::{Error, refuse};
use crate::step::Rotation;
use crate::step::checks::Report;

/// Begins a lease if the lock is not enough. The labels of the secret are read after that.
pub(super) async fn begin(
    session: &mut Session,
    lock: Lock,
    report: &mut Report,
) -> Result<(), Error> {
    match (lock, session.variables.several_writers()) {
        (Lock::Taken, None) => return Ok(()),
        (Lock::Taken, Some(_)) => {}
        (Lock::None(error), _) => report.warn(format!(
            "the server has no lock to keep two rotations of a pair apart (MySQL error {error}), so this \
             one went on under a lease, and waited for others to end"
        )),
    }
    renew(session).await
}

/// Waits until no lease is left that was begun before AWSPENDING was on this rotation's version, and then
/// begins one of its own.
pub(super) async fn wait_for_others(
    session: &mut Session,
    rotation: &Rotation<'_>,
    seen_pending: Instant,
) -> Result<(), Error> {
    if !session.is_leased() {
        return Ok(());
    }
    let end = sleep_until(seen_pending + TIME_FOR_OTHERS);
    rotation.deadline.run("changes that another rotation may have begun", end).await?;
    renew(session).await?;
    still_pending(rotation).await
}

async fn renew(session: &mut Session) -> Result<(), Error> {
    session.begin_lease().await.map_err(|failure| failure.context("reading the server's clock"))
}

/// Refuses to go on if AWSPENDING is not on this rotation's version any more: it is on that of another
/// one, which changes the same accounts.
pub(super) async fn still_pending(rotation: &Rotation<'_>) -> Result<(), Error> {
    let now = rotation.aws.describe(&rotation.secret).await?;
    if now.has_label(&rotation.version, StagingLabel::Pending) {
        return Ok(());
    }
    refuse!(
        RotationSuperseded,
        "nothing more was done for version {}: AWSPENDING moved while its accounts were changed or tested; \
         find out what moved it, and rotate again",
        rotation.version
    );
}
