//! The lease under which accounts are changed where no lock keeps two rotations of a pair apart: a lock
//! is one server's own, and each of several servers that take writes grants it.
//!
//! The server's clock is read, and then the labels of the secret: until the lease ends on that clock, the
//! server begins the changes of this session. Another rotation, once it has seen AWSPENDING on its own
//! version, waits until every lease has ended that was begun before. Clocks of two servers are never
//! compared.

use std::time::Duration;

use super::guard::ServerClock;
use super::query_error::response_error;
use super::{QueryError, Session};

/// For how long the server begins changes after its clock was read.
const LEASE: Duration = Duration::from_secs(3);

/// How long a rotation waits for the leases of others to end, with what they have begun.
pub const TIME_FOR_OTHERS: Duration = Duration::from_secs(5);

impl Session {
    /// Begins a lease, or another one after it. The labels of the secret must be read after that, and
    /// before a change.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub async fn begin_lease(&mut self) -> Result<(), QueryError> {
        let row = self.row(&format!("SELECT {}", ServerClock::column())).await?;
        self.clock = ServerClock::new(&row).ok_or_else(response_error)?;
        self.lease = Some(self.clock.later(LEASE));
        Ok(())
    }

    /// Whether accounts are changed under a lease.
    pub fn is_leased(&self) -> bool {
        self.lease.is_some()
    }
}
