//! A twin that is to be created must not be the definer of objects already: they are dead, and would
//! run with its privileges from then on, for whoever may use them, and an event by itself.

use account_mirror::error::list;
use account_mirror::host::runs_as;
use account_mirror::sql::quote_account;
use account_mirror::tables::Defined;

use super::Checks;
use crate::database::objects;
use crate::error::{Error, refuse};

impl Checks<'_, '_> {
    /// Checks that nothing comes to life, and that the superuser may create the twin, at the hosts
    /// where it is missing. Objects that the superuser may not see are not found.
    pub(super) async fn defined_objects(&mut self) -> Result<(), Error> {
        let present: Vec<String> =
            self.pair.twin.iter().flat_map(|twin| twin.accounts.keys()).cloned().collect();
        let hosts = self.pair.source.accounts.keys();
        let missing: Vec<_> = hosts.filter(|host| !present.contains(host)).cloned().collect();
        let Some(host) = missing.first() else {
            return Ok(());
        };
        let defined = self.objects().await?;
        let family = self.pair.session.family;
        let runs_at = |object: &Defined, hosts: &[String]| {
            hosts.iter().any(|h| runs_as(family, &object.host, h))
        };
        let is_woken = |object: &&Defined| {
            object.runs_as_definer && !runs_at(object, &present) && runs_at(object, &missing)
        };
        let twin = &self.pair.twin_name;
        let woken: Vec<_> = defined.iter().filter(is_woken).collect();
        if !woken.is_empty() {
            refuse!(
                TwinIsDefiner,
                "the twin \"{twin}\" was not created: what has it as its definer would run with its \
                 privileges: {}; drop that, or give it another definer; or, if it is the \
                 application's, create {} with a password and {}",
                list(woken),
                quote_account(twin.as_str(), host),
                self.handover()
            );
        }
        // Other objects run as whoever uses them; the server protects their definer all the same (4006).
        let is_of_missing =
            |object: &&Defined| missing.iter().any(|host| object.host.eq_ignore_ascii_case(host));
        let protected: Vec<_> =
            defined.iter().filter(is_of_missing).map(ToString::to_string).collect();
        if !protected.is_empty() && !self.pair.powers.may_create_definers() {
            return Err(self.pair.powers.cannot_create(twin, &protected).into());
        }
        self.report.pass(format!(
            "no view, routine, trigger or event that the superuser may see waits for its definer \
             \"{twin}\""
        ));
        Ok(())
    }

    /// What runs as the twin at these hosts.
    pub(super) async fn objects_at(&mut self, hosts: &[String]) -> Result<Vec<Defined>, Error> {
        let family = self.pair.session.family;
        let runs = |object: &Defined| {
            object.runs_as_definer && hosts.iter().any(|host| runs_as(family, &object.host, host))
        };
        Ok(self.objects().await?.into_iter().filter(runs).collect())
    }

    /// What has the twin as its definer. Says of which schemas not all could be read.
    async fn objects(&mut self) -> Result<Vec<Defined>, Error> {
        let (pair, deadline) = (&mut self.pair, self.turn.rotation.deadline);
        let found = objects::of_definer(pair.session, &pair.twin_name, deadline).await?;
        if !found.unread.is_empty() {
            self.report.warn(format!(
                "whether views or triggers of these schemas have \"{}\" as their definer could not be \
                 read in time: {}",
                pair.twin_name,
                list(&found.unread)
            ));
        }
        Ok(found.defined)
    }
}
