//! The global variables of a server that matter to a rotation.

use std::collections::{BTreeMap, BTreeSet};

use account_mirror::grant::RoleName;
use account_mirror::row::Row;
use account_mirror::show_grants::{Token, tokens};

const MANDATORY_ROLES: &str = "mandatory_roles";
/// How many characters `SHOW VARIABLES` shows of a value.
const SHOWN: usize = 1024;

/// The global variables of a server that matter to a rotation.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Reads them.
    pub(super) const QUERY: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', \
         'super_read_only', 'innodb_read_only', 'transaction_read_only', 'tx_read_only', \
         'partial_revokes', 'mandatory_roles', 'server_uuid', 'server_uid', \
         'strict_password_validation', 'skip_name_resolve', 'lower_case_table_names', \
         'authentication_policy', 'init_connect', 'wsrep_on', 'wsrep_reject_queries', 'wsrep_node_incoming_address', \
         'group_replication_group_name', 'group_replication_single_primary_mode', \
         'group_replication_consistency') \
         OR Variable_name LIKE 'caching_sha2_password%storage_format' \
         OR Variable_name LIKE 'validate_password%' \
         OR Variable_name LIKE 'simple_password_check%' \
         OR Variable_name LIKE 'cracklib_password_check%' \
         OR Variable_name LIKE 'password_reuse_check%'";

    /// The answer to [`Self::QUERY`].
    pub(super) fn new(rows: &[Row]) -> Self {
        let variables = rows.iter().map(|row| {
            let name = row.text_or_empty("Variable_name").to_ascii_lowercase();
            (name, row.text_or_empty("Value").to_owned())
        });
        Self(variables.collect())
    }

    /// Whether the list of mandatory roles may go on: the server shows no more of a variable.
    pub(super) fn may_lack_roles(&self) -> bool {
        self.value(MANDATORY_ROLES).is_some_and(|value| value.len() >= SHOWN)
    }

    /// Takes the list of mandatory roles as it is, whole.
    pub(super) fn take_roles(&mut self, rows: &[Row]) {
        let value = rows.first().map(|row| row.text_or_empty("value").to_owned());
        self.0.extend(value.map(|value| (MANDATORY_ROLES.to_owned(), value)));
    }

    /// The value of a variable, if the server has it.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable as a number.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.value(name)?.parse().ok()
    }

    /// Whether a variable is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !value.eq_ignore_ascii_case("OFF") && value != "0")
    }

    /// The variable because of which the server accepts no account statements, if there is one. It
    /// counts whatever privilege the superuser has: a write to a replica would make it differ.
    pub fn read_only(&self) -> Option<&'static str> {
        let names = [
            "read_only",
            "super_read_only",
            "innodb_read_only",
            "transaction_read_only",
            "tx_read_only",
        ];
        names.into_iter().find(|name| self.is_on(name))
    }

    /// Whether something on the server judges new passwords.
    pub fn checks_passwords(&self) -> bool {
        let of_plugins = [
            "validate_password",
            "simple_password_check",
            "cracklib_password_check",
            "password_reuse_check",
        ];
        self.0.keys().any(|name| of_plugins.iter().any(|plugin| name.starts_with(plugin)))
    }

    /// The storage format of `caching_sha2_password` without which a login may only set another password.
    pub fn enforced_format(&self) -> Option<&str> {
        let is_enforced = self.is_on("caching_sha2_password_enforce_storage_format");
        self.value("caching_sha2_password_storage_format").filter(|_| is_enforced)
    }

    /// The variable that says that several servers may take writes, so that a lock of one of them keeps
    /// nobody out at another. A cluster may get its second server at any moment, so their number does
    /// not count.
    pub fn several_writers(&self) -> Option<&'static str> {
        if self.is_on("wsrep_on") {
            return Some("wsrep_on");
        }
        let name = "group_replication_single_primary_mode";
        (self.value(name).is_some() && !self.is_on(name)).then_some(name)
    }

    /// The unique identifier of the server, as it says itself.
    pub fn identity(&self) -> Option<&str> {
        self.value("server_uuid").or_else(|| self.value("server_uid"))
    }

    /// Whether both are of one server, as the server itself says.
    pub fn is_same_server(&self, other: &Self) -> bool {
        self.identity().is_some() && self.identity() == other.identity()
    }

    /// The roles that every account has without being granted them (MySQL).
    pub fn mandatory_roles(&self) -> BTreeSet<RoleName> {
        let tokens = tokens(self.value(MANDATORY_ROLES).unwrap_or_default());
        tokens
            .split(|token| token.is(","))
            .filter_map(|role| {
                let mut parts = role.split(|token| token.is("@"));
                let text = |part: Option<&[Token]>| {
                    let text: String = part?.iter().map(Token::text).collect();
                    (!text.is_empty()).then_some(text)
                };
                Some(RoleName {
                    user: text(parts.next())?,
                    host: Some(text(parts.next()).unwrap_or_else(|| "%".to_owned())),
                })
            })
            .collect()
    }
}
