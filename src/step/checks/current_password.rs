//! Proof that the secret holds the user's present password, at every host that is mirrored.
//!
//! Without it nothing is done for a secret: whoever can write one must not get a working twin of a
//! user whose password he does not have. And a new secret must not open what the old one did not.

use account_mirror::error::list;
use account_mirror::password::Password;
use account_mirror::proof::Meaning;
use account_mirror::user::Account;

use super::Checks;
use super::plugins;
use super::refusals::usable;
use crate::error::{Error, ErrorType, refuse};

/// What the current password is to an account.
enum Outcome {
    /// It logs in, or nobody does with a password.
    Proven {
        /// How many other passwords log in too.
        others: usize,
    },
    /// Only a retained second password is this one.
    Retained,
    /// Another password logs in.
    Differs,
}

impl Checks<'_, '_> {
    /// Proves the current password: first at the host in use, then at the others.
    ///
    /// # Errors
    ///
    /// `CurrentPasswordWrong`, `HostPasswordsDiffer`, `AccountUnusable` for an account that an empty
    /// password opens and for a user that is locked, and `PluginUnsupported`.
    pub(super) async fn current_password(
        &mut self,
        host_in_use: Option<&str>,
    ) -> Result<(), Error> {
        let source = &self.pair.source;
        if host_in_use.is_none() && !source.accounts.values().any(has_password) {
            self.all_usable()?;
        }
        let mut proven = Vec::new();
        let mut differing = Vec::new();
        for (host, account) in source.accounts.iter().filter(|(_, account)| has_password(account)) {
            let name = format!("'{}'@'{host}'", source.name);
            match self.prove_account(&name, account)? {
                Outcome::Proven { others: 0 } => proven.push(host.as_str()),
                Outcome::Proven { others } => {
                    self.report.warn(format!(
                        "{name} has {others} alternative password(s) besides the current one; the twin gets \
                         the new password in their place"
                    ));
                    proven.push(host);
                }
                Outcome::Retained => {
                    self.report.warn(format!(
                        "the current password of {name} is its retained second one; the account has a \
                         newer password, which the secret does not hold: when the users have changed \
                         places, a rotation is refused (TwinNotOurs) until a version of it does"
                    ));
                    proven.push(host);
                }
                Outcome::Differs => differing.push(host.as_str()),
            }
        }
        let is_current = host_in_use.map_or(!proven.is_empty(), |host| proven.contains(&host));
        if !is_current {
            return Err(self.password_wrong(host_in_use).await?);
        }
        if differing.is_empty() {
            self.report.pass(format!(
                "the current password is that of \"{}\" by the hash that the server stores",
                source.name
            ));
            return Ok(());
        }
        let proven = host_in_use.unwrap_or(proven.first().copied().unwrap_or_default());
        refuse!(
            HostPasswordsDiffer,
            "\"{name}\" has another password at {} than at '{proven}', and the new secret would open \
             all of them; give these accounts the password of the other host (ALTER USER with the \
             IDENTIFIED clause of SHOW CREATE USER for '{name}'@'{proven}'), lock them, or drop them",
            list(differing.iter().map(|host| format!("'{host}'"))),
            name = source.name
        );
    }

    /// Where no password opens an account, the one in the secret is not what is wrong.
    fn all_usable(&self) -> Result<(), Error> {
        let (source, family) = (&self.pair.source, self.pair.session.family);
        let mut hosts = source.accounts.keys();
        hosts.try_for_each(|host| usable(family, source, host, &self.turn.server))
    }

    fn prove_account(&self, name: &str, account: &Account) -> Result<Outcome, Error> {
        let password = &self.turn.current.password;
        let empty = Password::new(String::new());
        let (mut matching, mut others) = (0, 0);
        for stored in &account.state.passwords {
            match stored.meaning() {
                Meaning::Unprovable => return Err(plugins::not_understood(name, &stored.plugin)),
                Meaning::Empty => return Err(open(name)),
                Meaning::Hash(_) | Meaning::Disabled => {}
            }
            // MariaDB stores the hash of an empty password where a method was given none.
            if self.proofs.matches(stored, &empty)? {
                return Err(open(name));
            }
            if self.proofs.matches(stored, password)? {
                matching += 1;
            } else {
                others += 1;
            }
        }
        if matching > 0 {
            return Ok(Outcome::Proven { others });
        }
        match &account.state.retained {
            Some(retained) if self.proofs.matches(retained, password)? => Ok(Outcome::Retained),
            _ => Ok(Outcome::Differs),
        }
    }

    /// The refusal of a secret whose password is not the server's: it names the version whose password
    /// is, if there is one.
    async fn password_wrong(&self, host_in_use: Option<&str>) -> Result<Error, Error> {
        let source = &self.pair.source;
        let is_meant = |host: &str| host_in_use.is_none_or(|in_use| in_use == host);
        let (hosts, accounts): (Vec<_>, Vec<_>) =
            source.accounts.iter().filter(|(host, _)| is_meant(host)).unzip();
        let search = self.search(&source.name, &accounts, 1).await?;
        let right = search.found.iter().flatten().next();
        let command = right.and_then(|right| self.turn.command_to_make_current(right));
        let remedy = match (right, command) {
            (Some(right), Some(command)) => format!(
                "the server's is that of version {right}; if that is right, make it current, and rotate \
                 again: {command}"
            ),
            _ => format!(
                "no other version of the secret has the server's{}; find out who changed it, and set \
                 it in the database and in the secret to the same value",
                search.note()
            ),
        };
        let error = ErrorType::CurrentPasswordWrong.because(format!(
            "the password in AWSCURRENT is not that of \"{}\" at {}, according to the hash that the server \
             stores (no login was made); {remedy}",
            source.name,
            list(hosts.iter().map(|host| format!("'{host}'"))),
        ));
        Ok(match self.turn.current.invisible() {
            Some(invisible) => error.note(invisible),
            None => error,
        })
    }
}

/// Whether somebody can log in with a password.
fn has_password(account: &Account) -> bool {
    !account.state.passwords.is_empty() && !account.state.locked
}

fn open(name: &str) -> Error {
    ErrorType::AccountUnusable.because(format!(
        "{name} was not rotated: it has no password, so anybody can log in with it; give it a \
         password, or drop it"
    ))
}
