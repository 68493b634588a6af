//! Which account of the user its applications' logins end in, as seen from the function.
//!
//! A login would show it, but it takes one of the user's connections, counts against its limits, and
//! with a stale password can block the account. So the host is computed where that is certain; and
//! where it is not, the login is made with a password that was proven before.

use account_mirror::host::account_for;

use crate::error::{Error, refuse};
use crate::step::Viewpoint;
use crate::step::checks::usable;
use crate::step::pair::Pair;
use crate::step::superuser::Superuser;

/// The host part of the account in use, or how to find it.
pub(super) enum HostInUse {
    /// It was computed.
    Known(String),
    /// Only a login shows it, at the superuser's server.
    Unknown,
    /// The secret names another server than the superuser's secret does.
    OtherServer,
    /// It depends on the client, and every account is to be judged.
    Any,
}

impl HostInUse {
    /// Computes the host, where the two secrets name one server.
    ///
    /// # Errors
    ///
    /// `WrongAccount` if an anonymous account would be chosen, and those of an unusable account.
    pub(super) fn of(superuser: &Superuser<'_>, pair: &Pair<'_>) -> Result<Self, Error> {
        let server = &superuser.turn.server;
        if !superuser.is_at(server) {
            return Ok(Self::OtherServer);
        }
        let session = &pair.session;
        let client = match superuser.turn.rotation.viewpoint {
            Viewpoint::Here => session.client_host.clone(),
            Viewpoint::Client(address) => address.to_string(),
            Viewpoint::Anywhere => return Ok(Self::Any),
        };
        let hosts = || pair.source.accounts.keys().map(String::as_str);
        let anonymous = pair.anonymous_hosts.iter().map(String::as_str);
        match account_for(session.family, &client, hosts(), anonymous) {
            Some(Some(host)) => {
                usable(session.family, &pair.source, host, server)?;
                Ok(Self::Known(host.to_owned()))
            }
            Some(None) => refuse!(
                WrongAccount,
                "a login as \"{}\" from '{client}' would end in an anonymous account, which is more \
                 specific for that address; drop that account",
                pair.source.name
            ),
            None => {
                // With one account there is no doubt which one would refuse the login.
                if let (Some(host), None) = (hosts().next(), hosts().nth(1)) {
                    usable(session.family, &pair.source, host, server)?;
                }
                Ok(Self::Unknown)
            }
        }
    }

    /// The host, if it was computed.
    pub(super) fn known(&self) -> Option<&str> {
        match self {
            Self::Known(host) => Some(host),
            Self::Unknown | Self::OtherServer | Self::Any => None,
        }
    }
}
