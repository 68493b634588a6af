//! The authentication plugins that are known, one row a plugin, and nowhere else.
//!
//! How a password is set follows from the server: MySQL is sent the password, which it keeps out of its
//! logs; MariaDB is sent its hash, which the [`Format`] of the plugin makes. The string of a plugin that has
//! no row, or is [`Kind::Opaque`], may be a hash: it is neither carried over nor shown.

use crate::family::Family;
use crate::proof::{AuthString, Format, Meaning};
use crate::user::{AuthMethod, StoredPassword};

#[cfg(test)]
mod tests;

/// What the string of a plugin is.
#[derive(Clone, Copy)]
enum Kind {
    Hash {
        format: Format,
        /// The string of an account to which no password logs in, where there is one.
        disabled: Option<&'static str>,
        /// Whether the driver can log in by it.
        logs_in: bool,
    },
    /// No secret: it is copied as it is.
    Carried,
    /// A secret of a form that is not known here.
    Opaque,
}

/// A row of the table.
pub struct Plugin {
    /// The name, of which the letter case means nothing.
    pub name: &'static str,
    servers: Servers,
    kind: Kind,
    /// What loads it, where the server does not by itself.
    load: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Servers {
    MySql,
    MariaDb,
    Both,
}

/// A status variable of the server: the key with which a password is sent where there is no TLS.
pub const RSA_KEY_STATUS: &str = "Caching_sha2_password_rsa_public_key";

/// The variable with the rounds of new hashes.
pub const ROUNDS_VARIABLE: &str = "caching_sha2_password_digest_rounds";

/// What MySQL stores for accounts of its own that nobody is to log in to.
const RESERVED: &str = "$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED";
/// The same of older versions.
const RESERVED_NATIVE: &str = "*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE";

/// What an account of MariaDB has that never was given a plugin, by the length of its string.
const MARIADB_DEFAULTS: [&str; 2] = ["mysql_native_password", "mysql_old_password"];
/// The length of a string of the second.
const OLD_LENGTH: usize = 16;

/// The table.
pub const PLUGINS: &[Plugin] = {
    use Format::{CachingSha2, Ed25519, MysqlSha2, Native, Sha256};
    use Servers::{Both, MariaDb, MySql};
    &[
        hash("caching_sha2_password", MySql, CachingSha2, Some(RESERVED), true, ""),
        hash(
            "caching_sha2_password",
            MariaDb,
            MysqlSha2,
            Some(RESERVED),
            true,
            "INSTALL SONAME 'auth_mysql_sha2'",
        ),
        hash("ed25519", MariaDb, Ed25519, None, true, "INSTALL SONAME 'auth_ed25519'"),
        hash(
            "mysql_native_password",
            MySql,
            Native,
            Some(RESERVED_NATIVE),
            true,
            "mysql_native_password=ON in the server's configuration, up to MySQL 8.4",
        ),
        hash("mysql_native_password", MariaDb, Native, Some("invalid"), true, ""),
        hash("sha256_password", MySql, Sha256, None, false, ""),
        carried("auth_pam", MySql),
        carried("auth_pam_compat", MySql),
        carried("auth_socket", MySql),
        carried("authentication_kerberos", MySql),
        carried("authentication_ldap_sasl", MySql),
        carried("authentication_ldap_simple", MySql),
        carried("authentication_pam", MySql),
        carried("authentication_windows", MySql),
        carried("AWSAuthenticationPlugin", Both),
        carried("gssapi", MariaDb),
        carried("mysql_no_login", MySql),
        carried("named_pipe", MariaDb),
        carried("pam", MariaDb),
        carried("unix_socket", MariaDb),
        opaque("authentication_fido", MySql),
        opaque("authentication_oci", MySql),
        opaque("authentication_openid_connect", MySql),
        opaque("authentication_webauthn", MySql),
        opaque("mysql_old_password", Both),
        opaque("parsec", MariaDb),
    ]
};

const fn hash(
    name: &'static str,
    servers: Servers,
    format: Format,
    disabled: Option<&'static str>,
    logs_in: bool,
    load: &'static str,
) -> Plugin {
    Plugin { name, servers, kind: Kind::Hash { format, disabled, logs_in }, load }
}

const fn carried(name: &'static str, servers: Servers) -> Plugin {
    Plugin { name, servers, kind: Kind::Carried, load: "" }
}

const fn opaque(name: &'static str, servers: Servers) -> Plugin {
    Plugin { name, servers, kind: Kind::Opaque, load: "" }
}

/// The row of a plugin, named in any letter case.
pub fn find(family: Family, name: &str) -> Option<&'static Plugin> {
    of_family(family).find(|plugin| plugin.name.eq_ignore_ascii_case(name))
}

fn of_family(family: Family) -> impl Iterator<Item = &'static Plugin> {
    let own = if family.is_mysql() { Servers::MySql } else { Servers::MariaDb };
    PLUGINS.iter().filter(move |plugin| plugin.servers == own || plugin.servers == Servers::Both)
}

impl Plugin {
    /// Whether an account with it can be given to a twin.
    pub fn is_mirrorable(&self) -> bool {
        !matches!(self.kind, Kind::Opaque)
    }

    /// Whether the driver can log in by it.
    pub fn logs_in(&self) -> bool {
        matches!(self.kind, Kind::Hash { logs_in: true, .. })
    }

    /// How it writes the hash of a password.
    pub fn format(&self) -> Option<Format> {
        match self.kind {
            Kind::Hash { format, .. } => Some(format),
            Kind::Carried | Kind::Opaque => None,
        }
    }
}

/// What to do about an account by whose plugin no login is made: what is true on that server.
pub fn change_it(family: Family) -> String {
    let names: Vec<_> = of_family(family)
        .filter(|plugin| plugin.logs_in() && is_usual(family, plugin))
        .map(|plugin| plugin.name)
        .collect();
    format!("change it to {}", names.join(" or "))
}

/// Whether servers of this family have it, or are likely to.
fn is_usual(family: Family, plugin: &Plugin) -> bool {
    match plugin.format() {
        Some(Format::CachingSha2) => family.has_caching_sha2(),
        Some(Format::Native) => family.has_native_passwords(),
        // Accounts of MySQL have it that came to MariaDB.
        Some(Format::MysqlSha2) => false,
        Some(Format::Ed25519 | Format::Sha256) | None => true,
    }
}

/// The plugins by which the driver can log in somewhere.
pub fn supported() -> String {
    let mut names: Vec<_> =
        PLUGINS.iter().filter(|plugin| plugin.logs_in()).map(|plugin| plugin.name).collect();
    names.dedup();
    names.join(", ")
}

/// How a plugin is loaded.
pub fn load(family: Family, name: &str) -> String {
    match find(family, name).map_or("", |plugin| plugin.load) {
        "" => "load it".to_owned(),
        how => format!("load it ({how})"),
    }
}

/// The plugin of an account that was never given one (MariaDB).
pub(crate) fn mariadb_default(string: &str) -> &'static str {
    MARIADB_DEFAULTS[usize::from(string.len() == OLD_LENGTH)]
}

/// How an account logs in by a plugin. A password that may log in is added to `passwords`, and so is
/// whatever is not understood; a disabled password is copied as one.
pub(crate) fn method(
    family: Family,
    plugin: String,
    string: AuthString,
    passwords: &mut Vec<StoredPassword>,
) -> AuthMethod {
    let kind = find(family, &plugin).map_or(Kind::Opaque, |plugin| plugin.kind);
    let (format, carried) = match kind {
        Kind::Hash { format, disabled, .. } => match string.meaning(Some(format)) {
            Meaning::Disabled => (Some(format), disabled.map(str::to_owned)),
            _ => (Some(format), None),
        },
        Kind::Carried => (None, String::from_utf8(string.as_bytes().to_vec()).ok()),
        Kind::Opaque => (None, None),
    };
    if carried.is_none() {
        passwords.push(StoredPassword { plugin: plugin.clone(), format, string });
    }
    AuthMethod { plugin, auth_string: carried }
}
