//! In what the two users differ: in the grant tables, and as the server shows them.

use std::collections::BTreeMap;

use account_mirror::grant::GrantTarget;
use account_mirror::show_grants::{Clause, Places, Shown};

use super::Pair;
use crate::database::read;
use crate::error::Error;

/// How many differences an error names.
const NAMED: usize = 5;

/// The first differences, and how many more there are.
pub(super) fn some_of(mut differences: Vec<String>) -> String {
    let more = differences.len().saturating_sub(NAMED);
    differences.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    differences.join("; ") + &more
}

/// What the server shows the superuser of both users, by host: of the source and of the twin.
pub(in crate::step) struct ShownPairs(BTreeMap<String, [Shown; 2]>);

impl ShownPairs {
    /// `shown` has two for each host.
    fn new(hosts: Vec<String>, shown: Vec<Shown>) -> Self {
        let mut shown = shown.into_iter();
        let mut next = || shown.next().unwrap_or_default();
        Self(hosts.into_iter().map(|host| (host, [next(), next()])).collect())
    }

    /// What is shown of the source at a host.
    pub(in crate::step) fn source_at(&self, host: &str) -> Option<&Shown> {
        self.0.get(host).map(|[source, _]| source)
    }
}

fn at_hosts<'a>(users: [&'a str; 2], hosts: &'a [String]) -> Vec<(&'a str, &'a str)> {
    hosts.iter().flat_map(|host| users.map(|user| (user, host.as_str()))).collect()
}

impl Pair<'_> {
    /// What the server shows of both users at each host.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub(in crate::step) async fn show(&mut self) -> Result<ShownPairs, Error> {
        let hosts = self.hosts_of_both();
        let users = [self.source.name.as_str(), self.twin_name.as_str()];
        let shown = read::grants_for(self.session, &at_hosts(users, &hosts)).await?;
        Ok(ShownPairs::new(hosts, shown))
    }

    /// [`Pair::refresh`] and [`Pair::show`] in one round trip.
    ///
    /// # Errors
    ///
    /// Of both.
    pub(in crate::step) async fn refresh_and_show(&mut self) -> Result<ShownPairs, Error> {
        let hosts = self.hosts_of_both();
        self.forget();
        let users = [self.source.name.as_str(), self.twin_name.as_str()];
        let at_hosts = at_hosts(users, &hosts);
        let read = read::accounts_and_grants(self.session, &users, &at_hosts).await?;
        let (accounts, shown, in_memory) = read;
        self.replace(accounts)?;
        self.in_memory = in_memory;
        Ok(ShownPairs::new(hosts, shown))
    }

    /// In what the users differ, as they are known now: what the plan would change; at each host the
    /// authentication and the lock; and what `SHOW GRANTS` and `SHOW CREATE USER` show the superuser.
    pub(in crate::step) fn differences(&self, shown: &ShownPairs) -> Vec<String> {
        let mut differences: Vec<_> =
            self.statements().into_iter().map(|todo| format!("still to do: {todo}")).collect();
        for (host, source) in &self.source.accounts {
            let twin = self.twin.as_ref().and_then(|twin| twin.accounts.get(host));
            let (Some(twin), Some([ours, theirs])) = (twin, shown.0.get(host)) else {
                differences.push(format!("the twin does not exist at '{host}'"));
                continue;
            };
            if twin.authentication != source.authentication {
                differences.push(format!("another authentication plugin at '{host}'"));
            }
            if twin.state.locked != source.state.locked {
                differences.push(format!("another lock state at '{host}'"));
            }
            let only_one = self.shown_differences(host, ours, theirs);
            differences
                .extend(only_one.map(|clause| {
                    format!("present for only one of the two at '{host}': {clause}")
                }));
        }
        differences
    }

    /// The clauses that the server shows of only one of two accounts at this host: not one of a mandatory
    /// role, nor of what was skipped.
    pub(in crate::step) fn shown_differences(
        &self,
        host: &str,
        ours: &Shown,
        theirs: &Shown,
    ) -> impl Iterator<Item = Clause> {
        let only_one = ours.differences(theirs).into_iter().flatten();
        let (mandatory, skipped) = (self.mandatory_roles(), self.skipped_at(host));
        only_one.filter(move |clause| {
            !skipped.have(clause) && !mandatory.iter().any(|role| clause.grants_role(role))
        })
    }

    /// What was skipped at a host.
    fn skipped_at(&self, host: &str) -> Places {
        let first = (host.to_owned(), GrantTarget::Dynamic(String::new()));
        let skipped = self.skipped.range(first..).take_while(|((at, _), _)| at == host);
        skipped.map(|((_, target), _)| target).collect()
    }

    fn hosts_of_both(&self) -> Vec<String> {
        self.hosts().map(|(host, ..)| host.to_owned()).collect()
    }
}
