//! Makes accounts of rows, one by one as they arrive: no more than one of them is kept.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::{AccountName, Accounts, Unsorted};
use super::letters::{self, Spellings};
use super::memory::Memory;
use super::reading::{Reading, Source};
use super::{grants, mariadb, mysql, not_mirrorable};
use crate::error::Error;
use crate::grant::{Grant, GrantTarget};
use crate::proxies::Proxy;
use crate::row::Row;

/// What the answers to [`Reading::queries`] say so far.
pub struct Answers<'a> {
    reading: &'a Reading,
    sources: Vec<Source>,
    /// By the user and the host.
    users: BTreeMap<String, BTreeMap<String, Unsorted>>,
    /// The user and the host by the name that MariaDB makes of them, once it is needed.
    grantees: BTreeMap<String, (String, String)>,
    anonymous: BTreeSet<String>,
    system_users: BTreeSet<(String, String)>,
    without_account: BTreeSet<String>,
    proxies: Vec<Proxy>,
    spellings: Spellings,
    memory: Memory,
    has_mis_encoded: bool,
    /// The first error; the rows after it count no more.
    failure: Option<Error>,
}

impl<'a> Answers<'a> {
    /// Nothing so far.
    pub fn of(reading: &'a Reading) -> Self {
        Self {
            reading,
            sources: reading.sources(),
            users: BTreeMap::new(),
            grantees: BTreeMap::new(),
            anonymous: BTreeSet::new(),
            system_users: BTreeSet::new(),
            without_account: BTreeSet::new(),
            proxies: Vec::new(),
            spellings: Spellings::default(),
            memory: Memory::default(),
            has_mis_encoded: false,
            failure: None,
        }
    }

    /// Adds a row that answers a query, by its place among the queries. Returns about how many bytes are
    /// kept of it.
    pub fn add(&mut self, query: usize, row: &Row) -> usize {
        if self.failure.is_none() {
            self.failure = self.read(query, row).err();
        }
        match self.sources.get(query) {
            // The flags of a row become the bits of a set.
            Some(Source::Memory) => size_of::<[String; 3]>() + row.text_size(),
            Some(Source::Grants(_)) => size_of::<(GrantTarget, Grant)>() + row.text_size(),
            _ => row.size(),
        }
    }

    fn read(&mut self, query: usize, row: &Row) -> Result<(), Error> {
        match self.sources.get(query) {
            Some(Source::Accounts) => self.account(row)?,
            Some(Source::Anonymous) => {
                self.anonymous.insert(row.text_or_empty("Host").to_owned());
            }
            Some(Source::Grants(table)) => self.grant(table, row)?,
            Some(Source::GlobalPrivileges) => {
                if self.grantees.is_empty() {
                    self.grantees = grantees(&self.users);
                }
                let account = self.grantees.get(row.text_or_empty("GRANTEE"));
                if let Some(of) =
                    account.and_then(|(user, host)| self.users.get_mut(user)?.get_mut(host))
                {
                    mariadb::global_privilege(&mut of.account, row)?;
                }
            }
            Some(Source::Role(role)) => {
                let accounts = self.users.get_mut(role);
                if let Some(of) = accounts.and_then(|accounts| accounts.get_mut("")) {
                    mariadb::role_privileges(&mut of.account, role, row)?;
                }
            }
            Some(Source::Memory) => self.memory.add(row),
            Some(Source::Capitals) => return Err(letters::in_capitals(row)),
            Some(Source::MisEncodedUsers) => self.has_mis_encoded = true,
            None => {}
        }
        Ok(())
    }

    fn account(&mut self, row: &Row) -> Result<(), Error> {
        let (user, host) = (row.text_or_empty("User"), row.text_or_empty("Host"));
        let name = AccountName { user, host };
        if self.reading.reads(name) {
            let family = self.reading.family;
            let account = if family.is_mysql() {
                mysql::account(family, name, row)?
            } else {
                mariadb::account(family, name, row)?
            };
            let of_user = self.users.entry(user.to_owned()).or_default();
            of_user.insert(host.to_owned(), Unsorted { account, grants: Vec::new() });
        }
        Ok(())
    }

    fn grant(&mut self, table: &grants::GrantTable, row: &Row) -> Result<(), Error> {
        let (user, host) = (row.text_or_empty(table.user), row.text_or_empty(table.host));
        let name = AccountName { user, host };
        if !table.also.is_empty() && row.text("PRIV") == Some(grants::SYSTEM_USER) {
            self.system_users.insert((user.to_owned(), host.to_owned()));
        }
        if let Some(proxy) = Proxy::of_row(user, host, row)
            && self.reading.users.iter().any(|user| proxy.is_on(user))
        {
            self.proxies.push(proxy);
        }
        if self.reading.users.contains(user) {
            self.spellings.add(self.reading.family, name, row)?;
        }
        if let Some(account) = of_row(&mut self.users, name) {
            return (table.read)(account, name, row);
        }
        if table.counts_without_account && self.reading.users.contains(user) {
            self.without_account.insert(name.to_string());
        }
        Ok(())
    }

    /// The accounts, when all rows have been added. Nothing is left of these.
    ///
    /// # Errors
    ///
    /// `AccountNotUnderstood` for anything unknown, `MultiFactorUnsupported`, and
    /// `GrantsWithoutAccount` for privileges of one of the users at a host where it has no account.
    pub fn accounts(&mut self) -> Result<Accounts, Error> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        not_mirrorable::refuse_without_account(&self.without_account)?;
        let family = self.reading.family;
        let sorted = |(host, unsorted): (String, Unsorted)| {
            let mut account = unsorted.sorted();
            if family.is_mysql() {
                mysql::mark_created_role(&mut account);
            }
            (host, account)
        };
        let users: BTreeMap<_, BTreeMap<_, _>> = std::mem::take(&mut self.users)
            .into_iter()
            .map(|(user, accounts)| (user, accounts.into_iter().map(sorted).collect()))
            .collect();
        for user in &self.reading.users {
            if let Some(accounts) = users.get(user) {
                not_mirrorable::refuse_at_empty_host(user, accounts)?;
            }
        }
        if self.has_mis_encoded {
            return Err(not_mirrorable::mis_encoded_user(&self.reading.users));
        }
        let mut memory = std::mem::take(&mut self.memory);
        let not_in_memory = self.reading.users.iter().filter_map(|user| {
            let place = memory.difference(family, user, users.get(user)?)?;
            Some((user.clone(), place))
        });
        let not_in_memory = not_in_memory.collect();
        self.proxies.sort();
        Ok(Accounts {
            users,
            anonymous: std::mem::take(&mut self.anonymous),
            system_users: std::mem::take(&mut self.system_users),
            proxies: std::mem::take(&mut self.proxies),
            not_in_memory,
        })
    }
}

fn grantees(
    users: &BTreeMap<String, BTreeMap<String, Unsorted>>,
) -> BTreeMap<String, (String, String)> {
    let names = users.iter().flat_map(|(user, accounts)| {
        accounts
            .keys()
            .map(move |host| (AccountName { user, host }.to_string(), (user.clone(), host.clone())))
    });
    names.collect()
}

/// The account of a row. The letter case of a host means nothing.
fn of_row<'u>(
    users: &'u mut BTreeMap<String, BTreeMap<String, Unsorted>>,
    name: AccountName<'_>,
) -> Option<&'u mut Unsorted> {
    let accounts = users.get_mut(name.user)?;
    if accounts.contains_key(name.host) {
        return accounts.get_mut(name.host);
    }
    let mut accounts = accounts.iter_mut();
    accounts.find(|(host, _)| host.eq_ignore_ascii_case(name.host)).map(|(_, account)| account)
}
