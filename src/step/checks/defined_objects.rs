//! A twin that is to be created must not be the definer of objects already: they would then run with
//! its privileges, so the server asks for a privilege of its own (error 4006).

use crate::database::read;
use crate::error::Error;
use crate::step::pair::Pair;

/// Checks that the superuser may create the twin at the hosts where it is missing. Objects that the
/// superuser may not see are not found.
pub(super) async fn check(pair: &mut Pair<'_>) -> Result<(), Error> {
    let exists =
        |host: &String| pair.twin.as_ref().is_some_and(|twin| twin.accounts.contains_key(host));
    let missing: Vec<_> =
        pair.source.accounts.keys().filter(|host| !exists(host)).map(String::as_str).collect();
    if missing.is_empty() || pair.powers.may_create_definers() {
        return Ok(());
    }
    let twin = &pair.twin_name;
    let objects = read::objects_defined_by(pair.session, twin, &missing).await?;
    if objects.is_empty() {
        return Ok(());
    }
    Err(pair.powers.cannot_create(twin, &objects).into())
}
