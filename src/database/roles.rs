//! Reads what accounts have through roles.

use std::collections::BTreeSet;

use account_mirror::grant::{GrantTarget, RoleName};
use account_mirror::tables::{Answers, Reading};
use account_mirror::user::Account;

use super::session::Session;
use crate::error::Error;

/// The roles of these accounts, directly or through others, those that everybody has, and what is
/// granted to everybody (MariaDB).
///
/// # Errors
///
/// As [`super::read::accounts`].
pub async fn roles_of(session: &mut Session, of: &[Account]) -> Result<Vec<Account>, Error> {
    let family = session.family;
    let mut next = session.variables.mandatory_roles();
    next.extend(of.iter().flat_map(granted_roles));
    let mut reading = Reading::of_roles(family, &next);
    let (mut known, mut roles) = (BTreeSet::new(), Vec::new());
    if !family.is_mysql() {
        reading = reading.with_account("PUBLIC", "");
    } else if next.is_empty() {
        return Ok(roles);
    }
    loop {
        let mut answers = Answers::of(&reading);
        session.each(&reading.queries(), &mut |query, row| answers.add(query, &row)).await?;
        let accounts = answers.accounts()?;
        let found: Vec<Account> =
            accounts.names().filter_map(|(user, host)| accounts.at(user, host)).cloned().collect();
        known.append(&mut next);
        next = found.iter().flat_map(granted_roles).filter(|role| !known.contains(role)).collect();
        roles.extend(found);
        if next.is_empty() {
            return Ok(roles);
        }
        reading = Reading::of_roles(family, &next);
    }
}

fn granted_roles(account: &Account) -> impl Iterator<Item = RoleName> {
    account.grants.keys().filter_map(|target| match target {
        GrantTarget::Role(role) => Some(role.clone()),
        _ => None,
    })
}
