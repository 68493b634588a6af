//! A lock hands an account over if nobody acts as it.
//!
//! A lock keeps new logins away and nothing else: a session that is open goes on, what has the account
//! as its definer runs, and so does whoever is its proxy. One that is granted to somebody is a role,
//! which is refused before.

use std::time::Duration;

use account_mirror::error::list;
use account_mirror::host::account_for;
use account_mirror::proxies::Proxy;

use super::Checks;
use crate::database::connections::{self, Connection};
use crate::error::{Error, ErrorType};

/// The pauses after which it is asked again who is logged in: one of our own sessions may be ending.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(2)];

impl Checks<'_, '_> {
    /// Checks that nobody acts as the twin at these hosts, where it is locked and no password is known.
    ///
    /// # Errors
    ///
    /// `TwinNotOurs`.
    pub(super) async fn nobody_acts(&mut self, hosts: &[String]) -> Result<(), Error> {
        let is_on = |proxy: &&Proxy| proxy.is_on(self.pair.twin_name.as_str());
        if let Some(proxy) = self.pair.proxies.iter().find(is_on) {
            let [by, on] = proxy.accounts();
            let found = format!("{by} may act as it (REVOKE PROXY ON {on} FROM {by})");
            return Err(self.in_use(hosts, &found));
        }
        let objects = self.objects_at(hosts).await?;
        if !objects.is_empty() {
            return Err(self.in_use(hosts, &format!("it is the definer of {}", list(objects))));
        }
        if !self.pair.powers.has_globally("PROCESS") {
            let found = "the superuser lacks PROCESS, so it cannot see whether somebody is logged in as it (GRANT \
                         PROCESS ON *.* to the superuser)";
            return Err(self.in_use(hosts, found));
        }
        self.no_session(hosts).await
    }

    async fn no_session(&mut self, hosts: &[String]) -> Result<(), Error> {
        let pair = &mut self.pair;
        let family = pair.session.family;
        // A session at another host of the twin is none of these accounts'.
        let is_elsewhere = |connection: &Connection| {
            let of_twin = pair.twin.iter().flat_map(|twin| twin.accounts.keys());
            let anonymous = pair.anonymous_hosts.iter().map(String::as_str);
            let of_twin = of_twin.map(String::as_str);
            let at = account_for(family, &connection.client, of_twin, anonymous);
            matches!(at, Some(Some(host)) if !hosts.iter().any(|locked| locked == host))
        };
        let read = async || {
            let mut open = connections::of_user(pair.session, &pair.twin_name).await?;
            open.retain(|connection| !is_elsewhere(connection));
            Ok::<_, Error>(open)
        };
        let open = self.turn.rotation.deadline.retry(PAUSES, Vec::is_empty, read).await?;
        if open.is_empty() {
            return Ok(());
        }
        let open = open.iter().map(|open| format!("{} from '{}'", open.id, open.client));
        let found = format!("these sessions of it are open (KILL each): {}", list(open));
        Err(self.in_use(hosts, &found))
    }

    fn in_use(&self, hosts: &[String], found: &str) -> Error {
        let twin = &self.pair.twin_name;
        ErrorType::TwinNotOurs.because(format!(
            "{} is locked, and was not taken over as the twin, since somebody can act as it all the \
             same: {found}; end that; or {}",
            list(hosts.iter().map(|host| format!("'{twin}'@'{host}'"))),
            self.handover()
        ))
    }
}
