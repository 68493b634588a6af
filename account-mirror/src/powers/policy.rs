//! The server's policy for the plugins of accounts (MySQL).

use super::Powers;
use crate::error::{Error, ErrorKind};
use crate::grant::GrantTarget;
use crate::user::User;

impl Powers {
    /// Checks that the superuser may give the twin the plugins of the user. Whoever creates or alters
    /// an account is held to the first factor of `authentication_policy`, except with a privilege.
    ///
    /// # Errors
    ///
    /// `GrantImpossible`.
    pub fn permits_plugins(&self, source: &User, policy: &str) -> Result<(), Error> {
        let demanded = policy.split(',').next().unwrap_or_default().trim();
        let admin = GrantTarget::Dynamic("AUTHENTICATION_POLICY_ADMIN".to_owned());
        if demanded.is_empty() || demanded.starts_with('*') || self.holds(&admin) {
            return Ok(());
        }
        for (host, account) in &source.accounts {
            let mut methods = account.authentication.iter();
            if let Some(method) = methods.find(|m| !m.plugin.eq_ignore_ascii_case(demanded)) {
                return Err(ErrorKind::GrantImpossible.because(format!(
                    "the superuser {name} cannot give the twin the plugin \"{}\" of '{}'@'{host}': \
                     the server's authentication_policy demands \"{demanded}\"; grant the superuser \
                     the exception: GRANT AUTHENTICATION_POLICY_ADMIN ON *.* TO {name}; or change the \
                     account's plugin",
                    method.plugin,
                    source.name,
                    name = self.name
                )));
            }
        }
        Ok(())
    }
}
