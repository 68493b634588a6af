//! The errors that an operator sees: a stable `errorType` and one text.
//!
//! A type exists where the person on call would do something different. The text says what could
//! not be done, to which thing, what was found instead, and what to do. It never holds a password,
//! a password hash, or a message that the database server wrote about a statement with a password.

use std::fmt;

use lambda_runtime::Diagnostic;

/// An error of the function, made with [`ErrorType::because`].
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    error_type: ErrorType,
    text: String,
}

impl Error {
    /// The stable name under which the error is documented.
    pub fn error_type(&self) -> ErrorType {
        self.error_type
    }

    /// The same error with the thing that was being done in front of its text.
    #[must_use]
    pub fn context(self, what: impl fmt::Display) -> Self {
        self.error_type.because(format!("{what}: {}", self.text))
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The type and the text.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.text)
    }
}

impl From<account_mirror::error::Error> for Error {
    fn from(error: account_mirror::error::Error) -> Self {
        use account_mirror::error::ErrorKind;
        let error_type = match error.kind {
            ErrorKind::AccountNotUnderstood => ErrorType::AccountNotUnderstood,
            ErrorKind::MultiFactorUnsupported => ErrorType::MultiFactorUnsupported,
            ErrorKind::SuperuserTooWeak => ErrorType::SuperuserTooWeak,
            ErrorKind::GrantImpossible => ErrorType::GrantImpossible,
            ErrorKind::SuperuserRestricted => ErrorType::SuperuserRestricted,
            ErrorKind::SystemUserProtected => ErrorType::SystemUserProtected,
            ErrorKind::TwinNameImpossible => ErrorType::TwinNameImpossible,
        };
        error_type.because(error.text)
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.error_type.to_string(), error_message: error.text }
    }
}

/// Returns an error of a type, with a text like `format!`'s.
macro_rules! refuse {
    ($error_type:ident, $($text:tt)+) => {
        return Err($crate::error::ErrorType::$error_type.because(format!($($text)+)).into())
    };
}

pub(crate) use refuse;

macro_rules! error_types {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// The kinds of error, each with a section in `docs/troubleshooting.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorType {
            $($(#[$doc])+ $name,)+
        }

        impl ErrorType {
            /// Every type, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

error_types! {
    // The function and its event.
    /// An environment variable of the function has an unusable value.
    ConfigurationInvalid,
    /// The event is not one that Secrets Manager sends.
    EventInvalid,
    /// The invocation's time ran out.
    DeadlineExceeded,
    /// The function has a defect, and ended in a panic.
    Panicked,

    // Versions and labels.
    /// Rotation is turned off for the secret.
    RotationDisabled,
    /// The token of the event is not a version of the secret.
    VersionUnknown,
    /// The version of the event is not labelled AWSPENDING.
    VersionNotPending,
    /// The version labelled AWSPENDING has no value, or not yet.
    PendingValueMissing,
    /// The version already has a value, made from a current value that has changed since.
    StalePending,
    /// Another version became AWSCURRENT in the meantime.
    RotationSuperseded,
    /// The pending value is not that of the current value's twin.
    PendingMismatch,
    /// A replica region of the secret is failing, or slow.
    ReplicationIncomplete,

    // The secret documents.
    /// The document of a secret cannot be used.
    SecretInvalid,
    /// The user's name has no possible twin.
    TwinNameImpossible,
    /// Nothing says which secret holds the superuser.
    SuperuserSecretUnknown,
    /// The superuser is one of the two users that it is to rotate.
    SuperuserIsRotated,
    /// The host of the secret is an RDS Proxy.
    ProxyHost,
    /// The superuser's server is not the user's server.
    DifferentServer,

    // Calls to AWS.
    /// IAM or a resource policy refused a call.
    AccessDenied,
    /// KMS refused to encrypt or decrypt a secret's value.
    KmsDenied,
    /// The secret does not exist, or is scheduled for deletion.
    SecretNotFound,
    /// The RDS instance or cluster of the superuser secret was not found.
    DatabaseNotFound,
    /// AWS asked the function to slow down, until no time was left.
    Throttled,
    /// An endpoint of AWS did not answer.
    AwsUnreachable,
    /// A call to AWS failed for another reason.
    AwsCallFailed,

    // Reaching the database and logging in.
    /// The host's name has no address.
    HostUnknown,
    /// No connection to the server could be made.
    ServerUnreachable,
    /// The server took the connection and then said nothing.
    ServerSilent,
    /// TLS could not be agreed on, or the certificate was not accepted.
    TlsFailed,
    /// The server had no room for another connection.
    ServerBusy,
    /// The password in AWSCURRENT is not the one that the server stores. No login was made.
    CurrentPasswordWrong,
    /// The login of AWSCURRENT was refused.
    CurrentLoginRefused,
    /// The login of AWSPENDING was refused.
    PendingLoginRefused,
    /// The superuser's login was refused.
    SuperuserLoginRefused,
    /// The server logged the user in as another account.
    WrongAccount,
    /// The database named by `dbname` cannot be used.
    DatabaseNameUnusable,
    /// The connection broke.
    ConnectionLost,

    // What cannot be rotated; found before anything is written.
    /// The server is read-only.
    ServerReadOnly,
    /// The server is of a kind or version that cannot be handled.
    ServerUnsupported,
    /// The superuser may not read the grant tables, or not do what every rotation needs.
    SuperuserTooWeak,
    /// The superuser may not grant or revoke what the twin needs.
    GrantImpossible,
    /// The superuser is under partial revokes that it would pass on.
    SuperuserRestricted,
    /// An account with `SYSTEM_USER` needs a superuser that has it too.
    SystemUserProtected,
    /// The user does not exist on the server.
    UserMissing,
    /// The user is a role.
    UserIsRole,
    /// The account in use is locked, or its password expired.
    AccountUnusable,
    /// The account authenticates with something that the function cannot use.
    PluginUnsupported,
    /// Accounts of the user at different hosts have different passwords.
    HostPasswordsDiffer,
    /// The server's memory has another password than its tables.
    FlushPrivilegesDue,
    /// A stored password has more rounds than can be computed in time.
    ProofTooSlow,
    /// The account demands a client certificate.
    ClientCertificateRequired,
    /// The account has several authentication factors.
    MultiFactorUnsupported,
    /// The account has a property that this version of the function does not know.
    AccountNotUnderstood,
    /// An account has the twin's name, and nothing shows that it is this secret's.
    TwinNotOurs,
    /// The twin exists at a host where the user does not.
    TwinAtOtherHosts,
    /// The pending password does not satisfy the server's password policy.
    PasswordPolicy,
    /// The dual-password option cannot be carried out.
    RetainImpossible,

    // Changing the accounts.
    /// Another rotation of the same pair of users is running.
    RotationInProgress,
    /// The server refused a statement that was expected to be allowed.
    StatementRefused,
    /// The twin did not become equal to the user.
    MirrorIncomplete,
    /// The two users do not see the same of themselves.
    TwinDiffers,
    /// The replica that the user's host names did not receive the twin in time.
    ReplicaBehind,
}

impl ErrorType {
    /// An error of this type. Control characters in the text are escaped, so that no name or
    /// message can forge a log line.
    pub fn because(self, text: impl fmt::Display) -> Error {
        let text = text
            .to_string()
            .chars()
            .flat_map(|c| {
                let escaped = c.is_control().then(|| c.escape_default());
                let plain = (!c.is_control()).then_some(c);
                escaped.into_iter().flatten().chain(plain)
            })
            .collect();
        Error { error_type: self, text }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
