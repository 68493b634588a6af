//! The refusals that follow from the server and from what the two users are.

use account_mirror::error::list;
use account_mirror::family::Family;
use account_mirror::powers::SUPERUSER;
use account_mirror::setting::{Setting, Tls, Value};
use account_mirror::user::{Account, User};

use super::{Report, plugins};
use crate::aws::rds::Relation;
use crate::config::Config;
use crate::database::session::{LoginError, LoginRole, Server, Session};
use crate::error::{Error, ErrorType, refuse};
use crate::step::pair::Pair;
use crate::step::superuser::Superuser;
use crate::step::user_login::plaintext_warning;
use crate::tls::TlsMode;

/// The superuser's server must be the user's, or its writer. Where the servers do not say themselves
/// that they are one, RDS must.
pub(crate) fn same_server(
    user: &Server,
    superuser: &Server,
    relation: Result<Relation, Error>,
) -> Result<(), Error> {
    if matches!(relation, Ok(Relation::Same | Relation::Replica(_))) {
        return Ok(());
    }
    relation?;
    refuse!(
        DifferentServer,
        "nothing was changed: the superuser's server ({superuser}) is not the user's server {user}, nor \
         its writer according to RDS; correct the host in one of the two secrets"
    );
}

/// Account statements must be possible.
pub(super) fn writable(
    superuser: &Superuser<'_>,
    session: &Session,
    report: &mut Report,
) -> Result<(), Error> {
    let server = &superuser.server;
    report.pass(format!(
        "the superuser of secret {} logged in as {SUPERUSER}@'{}' at {server}, which is {}",
        superuser.arn(),
        session.account_host,
        session.family
    ));
    report.warnings.extend(plaintext_warning(LoginRole::Superuser, server));
    let Some(variable) = session.variables.read_only() else {
        report.pass(format!("{server} accepts writes"));
        return Ok(());
    };
    refuse!(
        ServerReadOnly,
        "no account can be changed on {server}: it is read-only ({variable} is on); point the \
         superuser secret at the writer, or wait until a failover has ended"
    );
}

/// The account in use must be one that the function can log in as.
pub(crate) fn usable(
    family: Family,
    source: &User,
    host_in_use: &str,
    server: &Server,
) -> Result<(), Error> {
    let name = format!("'{}'@'{host_in_use}'", source.name);
    let Some(account) = source.accounts.get(host_in_use) else {
        refuse!(
            WrongAccount,
            "{name} was not rotated: the server uses this account, but the grant tables do not have \
             it; run FLUSH PRIVILEGES, and rotate again"
        );
    };
    check_usable(family, &name, account, server)
}

fn check_usable(
    family: Family,
    name: &str,
    account: &Account,
    server: &Server,
) -> Result<(), Error> {
    let tls = match account.settings.get(&Setting::Tls) {
        Some(Value::Tls(tls)) => tls,
        _ => &Tls::None,
    };
    if tls.demands_certificate(family) {
        refuse!(
            ClientCertificateRequired,
            "{name} was not rotated: it requires a client certificate (REQUIRE X509, SUBJECT or ISSUER, on \
             MySQL also CIPHER), which the function does not have; use REQUIRE SSL, or rotate this user by hand"
        );
    }
    let state = if account.state.locked {
        Some("is locked")
    } else if account.state.expired {
        Some("is expired")
    } else if account.settings.get(&Setting::UserConnections).is_some_and(is_less_than_none) {
        Some("may open no connection (MAX_USER_CONNECTIONS -1)")
    } else {
        None
    };
    if let Some(state) = state {
        refuse!(
            AccountUnusable,
            "{name} was not rotated: it {state}; make it usable, or turn rotation off"
        );
    }
    plugins::usable(family, name, account)?;
    if *tls != Tls::None && server.tls == TlsMode::Plaintext {
        refuse!(
            TlsFailed,
            "{name} requires TLS, and its secret has \"ssl\": false; remove that key"
        );
    }
    Ok(())
}

/// MariaDB takes a negative number of connections, and then none.
fn is_less_than_none(limit: &Value) -> bool {
    matches!(limit, Value::Clause(clause) if clause.contains(" -"))
}

/// Why the current user's login was refused, with the help of what the superuser sees.
pub(super) fn explain_refusal(
    family: Family,
    source: &User,
    server: &Server,
    refusal: LoginError,
) -> Error {
    use ErrorType::{AccountUnusable, CurrentLoginRefused, PluginUnsupported};
    if ![AccountUnusable, CurrentLoginRefused, PluginUnsupported]
        .contains(&refusal.error.error_type())
    {
        return refusal.error;
    }
    // With one account the reason is certain; with several it would be a guess.
    let mut hosts = source.accounts.iter();
    if let (Some((host, account)), None) = (hosts.next(), hosts.next()) {
        let name = format!("'{}'@'{host}'", source.name);
        if let Err(error) = check_usable(family, &name, account, server) {
            return error;
        }
    }
    let exists_at = list(source.accounts.keys());
    refusal.error.note(format!("the user exists at: {exists_at}"))
}

/// Whether a replaced password can be kept as the settings demand.
pub(super) fn retain(config: &Config, pair: &Pair<'_>) -> Result<(), Error> {
    if !config.retain_previous_password {
        return Ok(());
    }
    let family = pair.session.family;
    if !family.retains_passwords() {
        refuse!(
            RetainImpossible,
            "the replaced password cannot stay valid (RETAIN_PREVIOUS_PASSWORD): {family} has no second \
             password, only MySQL 8.0.14 and later do; turn the option off"
        );
    }
    let changed = pair.hosts().find(|(_, source, twin)| {
        !twin.state.locked && twin.authentication != source.authentication
    });
    let Some((host, ..)) = changed else {
        return Ok(());
    };
    refuse!(
        RetainImpossible,
        "the replaced password of '{}'@'{host}' cannot stay valid (RETAIN_PREVIOUS_PASSWORD): the \
         authentication plugin must change; turn the option off for one rotation",
        pair.twin_name
    );
}
