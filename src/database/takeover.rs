//! LoginRole twin is it?
//!
//! An account with the twin's name may be what an earlier try left, one that an operator prepared,
//! another secret's, or a stranger's. Setting a stranger's password would lock somebody out. Being
//! equal to the source proves nothing: two live users made by one module are equal as well.

use super::account::{User, State};

/// Whether the accounts themselves show that the twin is this secret's: each of them either got its
/// password after the pending version was created, by an earlier try of this rotation, or is
/// locked, as half-made twins are and as an operator hands one over.
pub fn accounts_show_it(twin: &User, pending_created: i64) -> bool {
    twin.hosts
        .values()
        .all(|profile| profile.state.changed_since(pending_created) || is_offered(&profile.state))
}

fn is_offered(state: &State) -> bool {
    state.locked && !state.role
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::database::account::Account;
    use crate::username::Username;

    fn twin(states: &[State]) -> User {
        let hosts: BTreeMap<_, _> = states
            .iter()
            .enumerate()
            .map(|(n, state)| {
                let profile = Account { state: state.clone(), ..Account::default() };
                (format!("10.0.0.{n}"), profile)
            })
            .collect();
        User { user: Username::parse("app_clone").unwrap(), hosts }
    }

    fn changed(at: i64) -> State {
        State { password_changed: Some(at), ..State::default() }
    }

    fn locked(role: bool) -> State {
        State { locked: true, role, ..State::default() }
    }

    #[test]
    fn a_password_set_since_the_pending_version_was_made_shows_it() {
        assert!(accounts_show_it(&twin(&[changed(1000)]), 1000));
        assert!(accounts_show_it(&twin(&[changed(995)]), 1000));
    }

    #[test]
    fn an_older_password_does_not() {
        assert!(!accounts_show_it(&twin(&[changed(994)]), 1000));
        assert!(!accounts_show_it(&twin(&[State::default()]), 1000));
    }

    #[test]
    fn a_lock_shows_it_unless_the_account_is_a_role() {
        assert!(accounts_show_it(&twin(&[locked(false)]), 1000));
        assert!(!accounts_show_it(&twin(&[locked(true)]), 1000));
    }

    #[test]
    fn every_host_must_show_it() {
        assert!(accounts_show_it(&twin(&[locked(false), changed(1000)]), 1000));
        assert!(!accounts_show_it(&twin(&[locked(false), changed(1)]), 1000));
    }
}
