//! The refusals of the survey, one function each.

use crate::database::Session;
use crate::database::account::{User, AuthMethod, Account, Setting, Tls, Value};
use crate::database::login::{Refusal, Server};
use crate::database::reader::Accounts;
use crate::database::server::Variables;
use crate::database::statement::quote_identifier;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::event::SecretId;
use crate::rds::{self, Relation};
use crate::secret::DatabaseSecret;
use crate::step::Rotation;
use crate::step::survey::{Survey, can_retain};
use crate::tls::TlsMode;
use crate::username::Username;

/// The plugins that check a password and that the driver speaks.
const USABLE_PLUGINS: &[&str] = &["caching_sha2_password", "ed25519", "mysql_native_password"];

/// The plugins whose string is no secret, so that it can be copied.
const CARRIED_PLUGINS: &[&str] = &[
    "auth_pam",
    "auth_pam_compat",
    "auth_socket",
    "authentication_kerberos",
    "authentication_ldap_sasl",
    "authentication_ldap_simple",
    "authentication_pam",
    "authentication_windows",
    "AWSAuthenticationPlugin",
    "gssapi",
    "mysql_no_login",
    "named_pipe",
    "pam",
    "unix_socket",
];

/// The superuser must not be one of the two users.
pub(super) fn superuser_is_neither(
    superuser: &DatabaseSecret,
    current: &DatabaseSecret,
    twin: &Username,
) -> Result<(), Error> {
    let name = superuser.username();
    if name != current.username() && name != twin {
        return Ok(());
    }
    Err(ErrorType::SuperuserIsRotated.because(format!(
        "the superuser \"{name}\" is one of the two users \"{}\" and \"{twin}\" that it is to \
         rotate; use another superuser, or the single-user strategy for this secret",
        current.username()
    )))
}

/// The server must have chosen the account that was meant.
pub fn right_account(session: &Session, user: &Username) -> Result<(), Error> {
    if session.account_user == user.as_str() {
        return Ok(());
    }
    Err(ErrorType::WrongAccount.because(format!(
        "the login as \"{user}\" ended in the account '{}'@'{}', which is more specific for the \
         function's address; drop or change that account",
        session.account_user, session.account_host
    )))
}

/// The secret's database must be usable.
pub async fn use_database(
    session: &mut Session,
    document: &DatabaseSecret,
    deadline: Deadline,
) -> Result<(), Error> {
    let Some(name) = document.dbname() else {
        return Ok(());
    };
    let mut run = Ok(());
    for sql in [&format!("USE {}", quote_identifier(name)), "SELECT 1"] {
        run = run.and(session.rows(sql, (), deadline).await.map(|_| ()));
    }
    run.map_err(|failure| match failure.code() {
        Some(code @ (1044 | 1049)) => ErrorType::DatabaseNameUnusable.because(format!(
            "\"{}\" cannot use the database \"{name}\" that the secret names as \"dbname\" (MySQL \
             error {code}); grant it something there, or correct the secret",
            document.username()
        )),
        _ => failure.context(format!("using the database \"{name}\"")),
    })
}

/// The superuser's server must be the user's, or its writer. Where the servers do not say themselves
/// that they are one, RDS must.
pub(super) fn same_server(
    user: &Server,
    superuser: &Server,
    relation: Result<Relation, Error>,
) -> Result<(), Error> {
    if matches!(relation, Ok(Relation::Same | Relation::Replica(_))) {
        return Ok(());
    }
    relation?;
    Err(ErrorType::DifferentServer.because(format!(
        "the superuser's server {superuser} is not the user's server {user}, nor its writer as far \
         as the RDS API tells; correct the host in one of the two secrets"
    )))
}

/// User statements must be possible.
pub(super) fn writable(server: &Server, variables: &Variables) -> Result<(), Error> {
    variables.read_only().map_or(Ok(()), |variable| {
        Err(ErrorType::ServerReadOnly.because(format!(
            "{server} is read-only ({variable} is on), so no account can be changed there; point \
             the superuser secret at the writer, and try again after a failover has ended"
        )))
    })
}

/// The account in use must be one that the function can log in as, and every host's authentication
/// one that can be given to a twin.
pub(super) fn usable(source: &User, host_in_use: &str) -> Result<(), Error> {
    refuse_role(source)?;
    let name = |host: &str| format!("'{}'@'{host}'", source.user);
    for (host, profile) in &source.hosts {
        let foreign = profile.authentication.iter().find(|method| {
            method.auth_string.is_some() && !CARRIED_PLUGINS.contains(&method.plugin.as_str())
        });
        if let Some(method) = foreign {
            return Err(plugin_unsupported(&name(host), &method.plugin));
        }
        if is_open(profile) {
            return Err(ErrorType::AccountUnusable.because(format!(
                "{} has no password, so anybody can log in with it, and a twin with a password \
                 would not be equal; give it a password, or drop it",
                name(host)
            )));
        }
    }
    let Some(profile) = source.hosts.get(host_in_use) else {
        return Err(ErrorType::WrongAccount.because(format!(
            "the server says that {} is in use, but the grant tables do not have it; FLUSH \
             PRIVILEGES may be due",
            name(host_in_use)
        )));
    };
    unusable(&name(host_in_use), profile).map_or(Ok(()), Err)
}

/// Whether the account's only plugin checks a password and has none.
fn is_open(profile: &Account) -> bool {
    let is_password = |method: &AuthMethod| method.auth_string.is_none();
    profile.state.without_password && profile.authentication.iter().all(is_password)
}

fn unusable(name: &str, profile: &Account) -> Option<Error> {
    let usable = |plugin: &str| USABLE_PLUGINS.contains(&plugin);
    if matches!(profile.settings.get(&Setting::Tls), Some(Value::Tls(tls)) if tls.demands_certificate())
    {
        return Some(ErrorType::ClientCertificateRequired.because(format!(
            "{name} demands a client certificate (REQUIRE X509, SUBJECT or ISSUER), which the \
             function does not have; use REQUIRE SSL, or rotate this user by hand"
        )));
    }
    if profile.state.locked || profile.state.expired {
        let state = if profile.state.locked { "locked" } else { "expired" };
        return Some(ErrorType::AccountUnusable.because(format!(
            "{name} is {state}; make it usable before it is rotated, or turn rotation off"
        )));
    }
    let plugin = &profile.authentication.first()?.plugin;
    (!profile.authentication.iter().any(|method| usable(&method.plugin)))
        .then(|| plugin_unsupported(name, plugin))
}

fn plugin_unsupported(name: &str, plugin: &str) -> Error {
    ErrorType::PluginUnsupported.because(format!(
        "{name} authenticates with the plugin \"{plugin}\", which this function cannot use; change \
         it to caching_sha2_password, mysql_native_password or ed25519"
    ))
}

/// Roles are not rotated.
pub(super) fn refuse_role(account: &User) -> Result<(), Error> {
    let role = account.hosts.iter().find(|(_, profile)| profile.state.role);
    role.map_or(Ok(()), |(host, _)| {
        Err(ErrorType::UserIsRole.because(format!(
            "'{}'@'{host}' is a role, not a user; name a user in the secret, or rename the role",
            account.user
        )))
    })
}

/// A twin at a host where the source is not would be a stale credential.
pub(super) fn twin_hosts(source: &User, twin: &User) -> Result<(), Error> {
    let extra: Vec<_> = twin
        .hosts
        .keys()
        .filter(|host| !source.hosts.contains_key(*host))
        .map(|host| format!("'{}'@'{host}'", twin.user))
        .collect();
    if extra.is_empty() {
        return Ok(());
    }
    Err(ErrorType::TwinAtOtherHosts.because(format!(
        "the twin exists at hosts where \"{}\" does not: {}; its password there would never be \
         changed; drop these accounts, or create the user there too",
        source.user,
        extra.join(", ")
    )))
}

/// Why the current user's login was refused, with the help of what the superuser sees. Where the
/// refusal proves the password all the same, the host in use, if it is the only one.
pub(super) fn explain_refusal(
    current: &DatabaseSecret,
    server: &Server,
    refusal: Refusal,
    accounts: &Accounts,
) -> Result<String, Error> {
    let Some(source) = accounts.of(current.username()) else {
        return Err(ErrorType::UserMissing.because(format!(
            "the user \"{}\" does not exist on {server}; create it, or correct the secret",
            current.username()
        )));
    };
    refuse_role(&source)?;
    let mut hosts = source.hosts.iter();
    if refusal.proves_password() {
        return match (hosts.next(), hosts.next()) {
            (Some((host, _)), None) => Ok(host.clone()),
            _ => Err(refusal.error),
        };
    }
    let is_login =
        refusal.code.is_some() || refusal.error.error_type() == ErrorType::PluginUnsupported;
    if !is_login {
        return Err(refusal.error);
    }
    // One account leaves no doubt which one refused; with several, any reason would be a guess.
    let explained = match (hosts.next(), hosts.next()) {
        (Some((host, profile)), None) => {
            let name = format!("'{}'@'{host}'", source.user);
            unusable(&name, profile).or_else(|| demands_tls(&name, profile, server))
        }
        _ => None,
    };
    let exists_at: Vec<_> = source.hosts.keys().map(String::as_str).collect();
    Err(explained.unwrap_or_else(|| {
        refusal.error.error_type().because(format!(
            "{} (the user exists at: {})",
            refusal.error,
            exists_at.join(", ")
        ))
    }))
}

fn demands_tls(name: &str, profile: &Account, server: &Server) -> Option<Error> {
    let demanded =
        matches!(profile.settings.get(&Setting::Tls), Some(Value::Tls(tls)) if *tls != Tls::None);
    (demanded && server.tls == TlsMode::Plaintext).then(|| {
        ErrorType::TlsFailed.because(format!(
            "{name} demands TLS, and its secret has \"ssl\": false; remove that key"
        ))
    })
}

/// Whether a replaced password can be kept as the settings demand.
pub(super) fn retain(rotation: &Rotation<'_>, survey: &Survey) -> Result<(), Error> {
    if !rotation.config.retain_previous_password {
        return Ok(());
    }
    let family = survey.superuser.family;
    if !can_retain(family) {
        return Err(ErrorType::RetainImpossible.because(format!(
            "RETAIN_PREVIOUS_PASSWORD is on, but {family} keeps no second password; it takes MySQL \
             8.0.14 or later; turn the option off"
        )));
    }
    let twin = survey.twin.iter().flat_map(|twin| &twin.hosts);
    let changed = twin
        .filter_map(|(host, profile)| Some((host, profile, survey.source.hosts.get(host)?)))
        .find(|(_, twin, source)| {
            !twin.state.locked && twin.authentication != source.authentication
        });
    changed.map_or(Ok(()), |(host, _, _)| {
        Err(ErrorType::RetainImpossible.because(format!(
            "the plugin of '{}'@'{host}' must change, and then the server cannot keep the replaced \
             password valid; turn RETAIN_PREVIOUS_PASSWORD off for one rotation",
            survey.twin_name
        )))
    })
}

/// An RDS Proxy knows only logins that are AWSCURRENT.
pub fn refuse_proxy(secret: &SecretId, current: &DatabaseSecret) -> Result<(), Error> {
    let proxy = current.host().filter(|host| rds::is_proxy(host));
    proxy.map_or(Ok(()), |host| {
        Err(ErrorType::ProxyHost.because(format!(
            "host \"{host}\" of secret {secret} is an RDS Proxy, which knows only logins that are \
             AWSCURRENT, so the new one could never be tested; use the address of the database"
        )))
    })
}
