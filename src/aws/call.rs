//! Translates a failed call to AWS into an error with its remedy.

use std::error::Error as _;
use std::fmt;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use tokio::time::Instant;

use super::CONNECT_TIMEOUT;
use crate::caller::say;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::event::SecretId;
use crate::text;

/// Secrets Manager, as IAM names it.
const SECRETS_MANAGER: &str = "secretsmanager";

/// A call to AWS, as IAM names it.
#[derive(Clone, Debug)]
pub struct Call {
    service: &'static str,
    action: &'static str,
    resource: String,
    /// Whether the request carries a secret, or a part of one, which the service's message could quote.
    with_secret: bool,
}

impl Call {
    /// A call to a service, on this resource.
    pub fn new(service: &'static str, action: &'static str, resource: &str) -> Self {
        Self { service, action, resource: resource.to_owned(), with_secret: false }
    }

    /// A call to Secrets Manager.
    pub fn on_secret(action: &'static str, secret: &SecretId) -> Self {
        Self::new(SECRETS_MANAGER, action, secret.as_str())
    }

    /// The same call with a secret in its request.
    #[must_use]
    pub fn with_secret(self) -> Self {
        Self { with_secret: true, ..self }
    }

    /// Waits for the response. Where the invocation's time ends first, it is `AwsUnreachable` if the
    /// call has waited for longer than a connection may take, and `DeadlineExceeded` if it began late.
    pub fn answer<T>(
        &self,
        deadline: Deadline,
        sent: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, Error>> {
        // The SDK's futures are large, and would make those of all callers large.
        let sent = Box::pin(sent);
        async move {
            let started = Instant::now();
            deadline.run(self, sent).await.map_err(|late| {
                let is_late = late.error_type() == ErrorType::DeadlineExceeded;
                if !is_late || started.elapsed() < CONNECT_TIMEOUT {
                    return late;
                }
                self.unreachable("until the time of this invocation ended")
            })
        }
    }

    /// Waits for the response where none of the service's errors is expected.
    pub async fn success<T, E, R>(
        &self,
        deadline: Deadline,
        sent: impl Future<Output = Result<T, SdkError<E, R>>>,
    ) -> Result<T, Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug,
    {
        self.answer(deadline, sent).await?.map_err(|error| self.failed(&error))
    }

    /// The error for an error of the SDK.
    pub fn failed<E, R>(&self, error: &SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug,
    {
        match error {
            SdkError::TimeoutError(_) => return self.unreachable("it timed out"),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                return self.unreachable("the connection timed out");
            }
            SdkError::DispatchFailure(failure) if failure.is_io() => {
                return self.unreachable("no connection was made, or it broke");
            }
            SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => {
                return self.unsent(error.source());
            }
            _ => {}
        }
        self.answered(error)
    }

    /// The error for the service's own error.
    fn answered(&self, error: &impl ProvideErrorMetadata) -> Error {
        let code = error.code().unwrap_or("a response without an error code");
        let message = error.message().unwrap_or_default();
        match code {
            "DecryptionFailure" | "EncryptionFailure" => self.denied_by_kms(error),
            _ if is_denial(code) && message.contains("KMS") => self.denied_by_kms(error),
            _ if is_denial(code) => self.denied(error),
            "ResourceNotFoundException" if self.service == SECRETS_MANAGER => ErrorType::SecretNotFound.because(format!(
                "{} failed: secret {} does not exist in its region and account; create it, or \
                 correct the ARN that names it",
                self.action, self.resource
            )),
            "InvalidRequestException" if message.contains("deletion") => self.deleted(),
            "DBInstanceNotFound" | "DBInstanceNotFoundFault" | "DBClusterNotFoundFault" => {
                ErrorType::DatabaseNotFound.because(format!(
                    "{self} failed: RDS does not know it; correct the identifier in the secret, or \
                     the tag of the superuser secret"
                ))
            }
            _ if code.contains("Throttl") || code.contains("TooManyRequests") => {
                ErrorType::Throttled.because(format!(
                    "{self} was throttled in every attempt{}; nothing is wrong with the rotation: \
                     wait, or find out what else calls {} that often",
                    self.message(error),
                    self.service
                ))
            }
            "LimitExceededException" => ErrorType::AwsCallFailed.because(format!(
                "{self} failed, since it would exceed a quota{}; a secret keeps 100 versions, and all \
                 of the last 24 hours: find out what stores versions that often, and wait a day",
                self.message(error)
            )),
            _ => ErrorType::AwsCallFailed.because(format!(
                "{self} failed with {code}{}; look the code up in the documentation of {}",
                self.message(error),
                self.service
            )),
        }
    }

    /// The secret is in the time between its deletion and its end.
    pub fn deleted(&self) -> Error {
        ErrorType::SecretNotFound.because(format!(
            "{} failed: secret {} is scheduled for deletion; restore it (aws secretsmanager \
             restore-secret) or stop its rotation (cancel-rotate-secret)",
            self.action, self.resource
        ))
    }

    /// The response lacks something that it must have.
    pub fn incomplete(&self) -> Error {
        ErrorType::AwsCallFailed.because(format!(
            "{self} failed: the response lacks a part that it must have; if it happens again, ask \
             AWS's support about it"
        ))
    }

    fn denied(&self, error: &impl ProvideErrorMetadata) -> Error {
        let Self { service, action, resource, .. } = self;
        ErrorType::AccessDenied.because(format!(
            "{self} was denied to {}{}; allow {service}:{action} on {resource} in its policy; if that \
             allows it, look at its permissions boundary, the secret's resource policy and the VPC \
             endpoint's policy",
            say("the function's role", "your user or role"),
            self.message(error)
        ))
    }

    fn denied_by_kms(&self, error: &impl ProvideErrorMetadata) -> Error {
        let keys = match self.action {
            "PutSecretValue" => "kms:GenerateDataKey and kms:Decrypt",
            _ => "kms:Decrypt",
        };
        ErrorType::KmsDenied.because(format!(
            "{self} failed: the use of the secret's KMS key was denied{}; allow {} {keys} on that key, in \
             its policy and in the key's, and enable the key if it is disabled",
            self.message(error),
            say("the function's role", "your user or role")
        ))
    }

    fn unreachable(&self, found: &str) -> Error {
        let remedy = say(
            "if the function is in a VPC, its subnets need a VPC endpoint for the service or a NAT gateway, \
             and the security groups of both must allow HTTPS; so must a proxy that HTTPS_PROXY names",
            "look at your network, a proxy in between, and the region",
        );
        let service = self.service;
        ErrorType::AwsUnreachable
            .because(format!("{self} got no response from {service} ({found}); {remedy}"))
    }

    /// The call never left, since the SDK had no credentials, no region or no address for it. It says which
    /// in the last of its reasons.
    fn unsent(&self, reason: Option<&(dyn std::error::Error + 'static)>) -> Error {
        let reasons = std::iter::successors(reason, |&error| error.source());
        let found = reasons.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        let remedy = say(
            "look at the AWS_ variables in the function's environment",
            "give --region or the secret's ARN, and see that credentials are found (aws sts \
             get-caller-identity), by --profile or the AWS_ variables",
        );
        ErrorType::AwsCallFailed.because(format!(
            "{self} was not sent: {}; {remedy}",
            text::beginning(&found, text::SERVER)
        ))
    }

    /// The service's message, unless it may quote a secret, and the id of the request.
    fn message(&self, error: &impl ProvideErrorMetadata) -> String {
        let request = error.meta().extra("aws_request_id").unwrap_or("unknown");
        match error.message() {
            Some(message) if !self.with_secret => {
                format!(" (request {request}: \"{message}\")")
            }
            _ => format!(" (request {request})"),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, resource, .. } = self;
        write!(f, "{action} of {resource}")
    }
}

fn is_denial(code: &str) -> bool {
    ["AccessDeniedException", "AccessDenied"].contains(&code)
}

/// Whether the secret exists, but not the version or label. The service has one code for both.
pub(super) fn is_missing_value(error: &impl ProvideErrorMetadata) -> bool {
    let message = error.message().unwrap_or_default();
    error.code() == Some("ResourceNotFoundException") && message.contains("secret value")
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::error::ErrorMetadata;

    use super::*;

    fn failed(call: &Call, code: &str, message: &str) -> Error {
        let metadata = ErrorMetadata::builder().code(code).message(message).build();
        call.failed(&SdkError::service_error(metadata, ()))
    }

    #[test]
    fn each_answer_has_its_meaning() {
        let call = Call::on_secret("GetSecretValue", &SecretId::new("arn:app"));
        let deletion = "the secret was marked for deletion";
        for (code, message, error_type, found) in [
            (
                "AccessDeniedException",
                "User: x is not authorized",
                ErrorType::AccessDenied,
                "allow secretsmanager:GetSecretValue on arn:app",
            ),
            (
                "AccessDeniedException",
                "Access to KMS is not allowed",
                ErrorType::KmsDenied,
                "allow the function's role kms:Decrypt",
            ),
            ("DecryptionFailure", "", ErrorType::KmsDenied, "KMS key"),
            ("ThrottlingException", "Rate exceeded", ErrorType::Throttled, "Rate exceeded"),
            ("ResourceNotFoundException", "", ErrorType::SecretNotFound, "arn:app does not exist"),
            ("InvalidRequestException", deletion, ErrorType::SecretNotFound, "restore-secret"),
            ("InvalidRequestException", "other", ErrorType::AwsCallFailed, "other"),
            ("LimitExceededException", "", ErrorType::AwsCallFailed, "100 versions"),
            ("Strange", "why", ErrorType::AwsCallFailed, "failed with Strange (request unknown: "),
        ] {
            let error = failed(&call, code, message);
            assert_eq!(error.error_type(), error_type, "{error}");
            assert!(error.to_string().contains(found), "{error}");
        }
    }

    #[test]
    fn a_message_about_a_request_with_a_secret_is_not_shown() {
        let call = Call::on_secret("PutSecretValue", &SecretId::new("app")).with_secret();
        for code in ["AccessDeniedException", "ValidationException", "ThrottlingException"] {
            let error = failed(&call, code, "Value 'canary' at 'secretString' failed");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_missing_endpoint_is_named() {
        let call = Call::new("rds", "DescribeDBInstances", "db");
        let error = call.failed(&SdkError::<ErrorMetadata, ()>::timeout_error("late"));
        assert_eq!(error.error_type(), ErrorType::AwsUnreachable);
        assert!(error.to_string().contains("no response from rds"), "{error}");
    }
}
