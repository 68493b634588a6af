//! Proof that the secret holds the user's present password, at every host that is mirrored.
//!
//! Without it nothing is done for a secret: whoever can write one must not get a working twin of a
//! user whose password he does not have. And a new secret must not open what the old one did not.

use account_mirror::error::list;
use account_mirror::password::Password;
use account_mirror::proof::Meaning;
use account_mirror::user::{Account, StoredPassword, User};

use super::Report;
use super::candidates::Candidates;
use super::refusals::plugin_unsupported;
use crate::aws::StagingLabel;
use crate::error::{Error, ErrorType, refuse};
use crate::step::Rotation;
use crate::step::proofs::Proofs;

/// What a password is to an account.
enum Outcome {
    /// It logs in, or nobody does with a password.
    Proven,
    /// Only a retained second password is this one.
    Retained,
    /// Another password logs in.
    Differs,
}

/// Proves the current password: first at the host in use, then at the others.
///
/// # Errors
///
/// `CurrentPasswordWrong`, `HostPasswordsDiffer`, `AccountUnusable` for an account that an empty
/// password opens, and `PluginUnsupported`.
pub(super) async fn prove(
    rotation: &Rotation<'_>,
    password: &Password,
    source: &User,
    host_in_use: Option<&str>,
    candidates: Candidates<'_>,
    proofs: &mut Proofs,
    report: &mut Report,
) -> Result<(), Error> {
    let mut proven = Vec::new();
    let mut differing = Vec::new();
    for (host, account) in &source.accounts {
        let name = format!("'{}'@'{host}'", source.name);
        match prove_account(&name, account, password, proofs, report).await? {
            Outcome::Proven if has_password(account) => proven.push(host.as_str()),
            Outcome::Proven => {}
            Outcome::Retained => {
                report.warn(format!(
                    "the current password of {name} is its retained second one; the account has a \
                     newer password, which the secret does not hold"
                ));
                proven.push(host);
            }
            Outcome::Differs => differing.push(host.as_str()),
        }
    }
    let is_current = host_in_use.map_or(!proven.is_empty(), |host| proven.contains(&host));
    if !is_current {
        return Err(password_wrong(rotation, source, host_in_use, candidates, proofs).await?);
    }
    if differing.is_empty() {
        report.pass(format!(
            "the current password is that of \"{}\" by the hash that the server stores",
            source.name
        ));
        return Ok(());
    }
    let proven = host_in_use.unwrap_or(proven.first().copied().unwrap_or_default());
    refuse!(
        HostPasswordsDiffer,
        "\"{name}\" has another password at {} than at '{proven}', and the new secret would open \
         all of them; give these accounts the password of the other host (ALTER USER with the \
         IDENTIFIED clause of SHOW CREATE USER for '{name}'@'{proven}'), lock them, or drop them",
        list(differing.iter().map(|host| format!("'{host}'"))),
        name = source.name
    );
}

/// Whether somebody can log in with a password.
fn has_password(account: &Account) -> bool {
    !account.state.passwords.is_empty() && !account.state.locked
}

async fn prove_account(
    name: &str,
    account: &Account,
    password: &Password,
    proofs: &mut Proofs,
    report: &mut Report,
) -> Result<Outcome, Error> {
    if !has_password(account) {
        return Ok(Outcome::Proven);
    }
    let empty = Password::new(String::new());
    let (mut matching, mut others) = (0, 0);
    for stored in &account.state.passwords {
        match stored.meaning() {
            Meaning::Unprovable => return Err(plugin_unsupported(name, &stored.plugin)),
            Meaning::Empty => return Err(open(name)),
            Meaning::Hash(_) | Meaning::Disabled => {}
        }
        // MariaDB stores the hash of an empty password where a method was given none.
        if stored.plugin.eq_ignore_ascii_case("ed25519") && proofs.matches(stored, &empty).await? {
            return Err(open(name));
        }
        match proofs.matches(stored, password).await? {
            true => matching += 1,
            false => others += 1,
        }
    }
    if matching > 0 {
        if others > 0 {
            report.warn(format!(
                "{name} has {others} alternative password(s) besides the current one; the twin gets \
                 the new password in their place"
            ));
        }
        return Ok(Outcome::Proven);
    }
    let retained: Option<&StoredPassword> = account.state.retained.as_ref();
    match retained {
        Some(retained) if proofs.matches(retained, password).await? => Ok(Outcome::Retained),
        _ => Ok(Outcome::Differs),
    }
}

fn open(name: &str) -> Error {
    ErrorType::AccountUnusable.because(format!(
        "{name} was not rotated: it has no password, so anybody can log in with it; give it a \
         password, or drop it"
    ))
}

/// The refusal of a secret whose password is not the server's: it names the version whose password
/// is, if there is one.
async fn password_wrong(
    rotation: &Rotation<'_>,
    source: &User,
    host_in_use: Option<&str>,
    mut candidates: Candidates<'_>,
    proofs: &mut Proofs,
) -> Result<Error, Error> {
    let accounts = source.accounts.iter();
    let accounts = accounts.filter(|(host, _)| host_in_use.is_none_or(|in_use| in_use == *host));
    let (hosts, accounts): (Vec<_>, Vec<_>) = accounts.unzip();
    let right = candidates.version_of(&accounts, proofs).await?;
    let (secret, region) = (&rotation.secret, rotation.secret.region().unwrap_or("REGION"));
    let remedy = match (&right, rotation.description.version(StagingLabel::Current)) {
        (Some(right), Some(current)) => format!(
            "the server's is that of version {right}; if that is right, make it current, and rotate \
             again: aws secretsmanager update-secret-version-stage --region {region} --secret-id \
             {secret} --version-stage AWSCURRENT --move-to-version-id {right} \
             --remove-from-version-id {current}"
        ),
        _ => format!(
            "no other version of the secret has the server's{}; find out who changed it, and set \
             it in the database and in the secret to the same value",
            candidates.note()
        ),
    };
    Ok(ErrorType::CurrentPasswordWrong.because(format!(
        "the password in AWSCURRENT is not that of \"{}\" at {}, according to the hash that the server \
         stores (no login was made); {remedy}",
        source.name,
        list(hosts.iter().map(|host| format!("'{host}'"))),
    )))
}
