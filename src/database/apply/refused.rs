//! What the refusal of a statement means, and what to do.

use account_mirror::sql::Statement;

use super::{Applier, Placing};
use crate::database::read;
use crate::database::server_error::{At, Meaning};
use crate::database::session::QueryError;
use crate::error::{Error, ErrorType};

const UNCHANGED: &str = "the user in use is unchanged, and the next try continues from here";

impl<L: AsyncFn() -> Result<(), Error>> Applier<'_, L> {
    pub(super) fn refused(&self, statement: &Statement, failure: QueryError) -> Error {
        let (Some(row), QueryError::Server { code, text, .. }) =
            (failure.row(At::Change), &failure)
        else {
            return failure.context(format!("running {statement}"));
        };
        let error_type = row.error_type.unwrap_or(ErrorType::StatementRefused);
        error_type.because(format!(
            "{statement} failed: MySQL error {code}: \"{text}\"; {}; {UNCHANGED}",
            row.advice()
        ))
    }

    /// The same of a statement that sets the pending password.
    pub(super) async fn password_refused(
        &mut self,
        placing: Placing<'_>,
        failure: QueryError,
    ) -> Error {
        let (meaning, code) = (failure.meaning(At::Change), failure.code().unwrap_or_default());
        match meaning {
            Some(Meaning::PasswordPolicy) => self.against_policy(code),
            Some(Meaning::RetainImpossible) => ErrorType::RetainImpossible.because(format!(
                "the server cannot keep the replaced password of {} valid (MySQL error {code}); turn \
                 RETAIN_PREVIOUS_PASSWORD off, or give both users the same plugin",
                self.builder.twin
            )),
            Some(Meaning::Unexplained) => self.unexplained(placing, failure).await,
            _ => self.refused(placing.statement, failure),
        }
    }

    fn against_policy(&self, code: u16) -> Error {
        ErrorType::PasswordPolicy.because(format!(
            "the server's password policy refused the pending password of {} (MySQL error {code}); \
             change the function's PASSWORD_… settings to what the policy asks for, remove the label \
             AWSPENDING from this version, and rotate again",
            self.builder.twin
        ))
    }

    /// The server says that the operation failed, and not why: what can be asked is asked.
    async fn unexplained(&mut self, placing: Placing<'_>, failure: QueryError) -> Error {
        let Placing { statement, host, methods, creates } = placing;
        let twin = self.builder.twin.as_str();
        let plugins: Vec<_> = methods.iter().map(|method| method.plugin.as_str()).collect();
        let reasons = match read::reasons(self.session, (twin, host), &plugins).await {
            Ok(reasons) => reasons,
            Err(QueryError::Server { .. }) => return self.refused(statement, failure),
            Err(failure) => return failure.context(format!("running {statement}")),
        };
        let code = failure.code().unwrap_or_default();
        if let Some(plugin) = reasons.not_loaded.first() {
            return ErrorType::PluginUnsupported.because(format!(
                "{statement} failed: MySQL error {code}; the server has not loaded the plugin \
                 \"{plugin}\" of the user in use: load it, or change the user's plugin; {UNCHANGED}"
            ));
        }
        if reasons.exists != creates && self.session.variables.checks_passwords() {
            return self.against_policy(code);
        }
        let reason = match (reasons.exists, creates) {
            (true, true) => "somebody created the account just now",
            (false, false) => "somebody dropped the account just now",
            _ => {
                "the account, its plugin and the password policy are not the reason. Where \
                 caching_sha2_password_digest_rounds was set to DEFAULT, MySQL can make no hash: SET \
                 GLOBAL caching_sha2_password_digest_rounds = 10000"
            }
        };
        ErrorType::StatementRefused.because(format!(
            "{statement} failed: MySQL error {code}, which gives no reason; {reason}; {UNCHANGED}"
        ))
    }
}
