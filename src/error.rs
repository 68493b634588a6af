//! The errors that an operator sees: a stable `errorType` and one text.
//!
//! A type exists where the person on call would do something different. The text says, in this order,
//! whether applications are refused now; what could not be done, to which thing; what was found; what to
//! do; whether trying again helps. The first and the last follow from the type. It never holds a password,
//! a hash of one, or what the database server said about a statement with a password.

use std::fmt;

use lambda_runtime::Diagnostic;

use crate::text;

mod applications;
mod retry;
#[cfg(test)]
mod tests;

pub use applications::Applications;
pub use retry::Retry;

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

    /// The same error with more of what was found after its text.
    #[must_use]
    pub fn note(self, found: impl fmt::Display) -> Self {
        self.error_type.because(format!("{} ({found})", self.text))
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
        let Self { error_type, text } = self;
        match error_type.applications() {
            Applications::Refused => f.write_str("applications are refused now: ")?,
            Applications::MayBeRefused => f.write_str("applications may be refused now: ")?,
            Applications::Unknown | Applications::Served => {}
        }
        write!(f, "{text}; {}", error_type.retry())
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
            ErrorKind::GrantsWithoutAccount => ErrorType::GrantsWithoutAccount,
            ErrorKind::TwinNameImpossible => ErrorType::TwinNameImpossible,
        };
        error_type.because(error.text)
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.error_type.to_string(), error_message: error.to_string() }
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
    ($($(#[$doc:meta])+ $name:ident: $retry:ident,)+) => {
        /// The kinds of error, each with a section in `docs/troubleshooting.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorType {
            $($(#[$doc])+ $name,)+
        }

        impl ErrorType {
            /// Every type, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Whether trying again can help.
            pub fn retry(self) -> Retry {
                match self {
                    $(Self::$name => Retry::$retry,)+
                }
            }
        }
    };
}

error_types! {
    // The function and its event.
    /// An environment variable of the function has an unusable value.
    ConfigurationInvalid: AfterRepair,
    /// The event is not one that Secrets Manager sends.
    EventInvalid: AfterRepair,
    /// The invocation's time ran out.
    DeadlineExceeded: Helps,
    /// The function has too little memory.
    MemoryTooSmall: AfterRepair,
    /// The function has a defect, and ended in a panic.
    Panicked: MayHelp,

    // Versions and labels.
    /// Rotation is turned off for the secret.
    RotationDisabled: AfterRepair,
    /// The token of the event is not a version of the secret.
    VersionUnknown: MayHelp,
    /// The version of the event is not labeled AWSPENDING.
    VersionNotPending: AfterRepair,
    /// The version labeled AWSPENDING has no value, or not yet.
    PendingValueMissing: MayHelp,
    /// The version already has a value, made from a current value that has changed since.
    StalePending: AfterRepair,
    /// AWSPENDING or AWSCURRENT moved while the rotation ran.
    RotationSuperseded: AfterRepair,
    /// The pending value is not that of the current value's twin.
    PendingMismatch: AfterRepair,
    /// A replica region of the secret is failing, or slow.
    ReplicationIncomplete: MayHelp,

    // The secret documents.
    /// The document of a secret cannot be used.
    SecretInvalid: AfterRepair,
    /// The user's name has no possible twin.
    TwinNameImpossible: AfterRepair,
    /// Nothing says which secret holds the superuser.
    SuperuserSecretUnknown: AfterRepair,
    /// The superuser is one of the two users that it is to rotate.
    SuperuserIsRotated: AfterRepair,
    /// The host of the secret is an RDS Proxy.
    ProxyHost: AfterRepair,
    /// The superuser's server is not the user's server.
    DifferentServer: AfterRepair,

    // Calls to AWS.
    /// IAM or a resource policy refused a call.
    AccessDenied: AfterRepair,
    /// KMS refused to encrypt or decrypt a secret's value.
    KmsDenied: AfterRepair,
    /// The secret does not exist, or is scheduled for deletion.
    SecretNotFound: AfterRepair,
    /// The RDS instance or cluster of the superuser secret was not found.
    DatabaseNotFound: AfterRepair,
    /// AWS throttled a call in every attempt.
    Throttled: Helps,
    /// An endpoint of AWS did not answer.
    AwsUnreachable: MayHelp,
    /// A call to AWS failed for another reason.
    AwsCallFailed: MayHelp,

    // Reaching the database and logging in.
    /// The host's name has no address.
    HostUnknown: MayHelp,
    /// No connection to the server could be made.
    ServerUnreachable: MayHelp,
    /// The server accepted the connection and sent nothing.
    ServerSilent: MayHelp,
    /// TLS could not be agreed on, or the certificate was not accepted.
    TlsFailed: AfterRepair,
    /// The server had no room for another connection.
    ServerBusy: MayHelp,
    /// The password in AWSCURRENT is not the one that the server stores. No login was made.
    CurrentPasswordWrong: AfterRepair,
    /// The login of AWSCURRENT was refused.
    CurrentLoginRefused: AfterRepair,
    /// The twin does not have the password of AWSPENDING, or its login was refused.
    PendingLoginRefused: MayHelp,
    /// The superuser's login was refused.
    SuperuserLoginRefused: MayHelp,
    /// The server logged the user in as another account.
    WrongAccount: AfterRepair,
    /// The database named by `dbname` cannot be used.
    DatabaseNameUnusable: AfterRepair,
    /// The connection broke.
    ConnectionLost: Helps,
    /// What the server answered is not the protocol, or too large.
    ProtocolError: MayHelp,
    /// The server answered a login with an error that says nothing of the login.
    ServerError: MayHelp,

    // What cannot be rotated.
    /// The server is read-only.
    ServerReadOnly: MayHelp,
    /// The server is a node of a cluster that cannot be used now.
    NodeNotReady: MayHelp,
    /// The server is neither MySQL nor MariaDB.
    ServerUnsupported: AfterRepair,
    /// The superuser may not read the grant tables, or not do what every rotation needs.
    SuperuserTooWeak: AfterRepair,
    /// The superuser may not grant or revoke what the twin needs.
    GrantImpossible: AfterRepair,
    /// The superuser is under partial revokes that it would pass on.
    SuperuserRestricted: AfterRepair,
    /// An account with `SYSTEM_USER` needs a superuser that has it too.
    SystemUserProtected: AfterRepair,
    /// The user does not exist on the server.
    UserMissing: AfterRepair,
    /// The user is a role.
    UserIsRole: AfterRepair,
    /// An account is locked, has an expired password, or has none.
    AccountUnusable: AfterRepair,
    /// The account authenticates with something that the function cannot use.
    PluginUnsupported: AfterRepair,
    /// Accounts of the user at different hosts have different passwords.
    HostPasswordsDiffer: AfterRepair,
    /// The server's memory has another password than its tables.
    FlushPrivilegesDue: AfterRepair,
    /// The server ignores accounts at host names.
    HostNameIgnored: AfterRepair,
    /// A stored password has more rounds than can be computed in time.
    ProofTooSlow: AfterRepair,
    /// The account demands a client certificate.
    ClientCertificateRequired: AfterRepair,
    /// The account has several authentication factors.
    MultiFactorUnsupported: AfterRepair,
    /// The account has a property that this version of the function does not know.
    AccountNotUnderstood: AfterRepair,
    /// Privileges of one of the two users are granted at a host where it has no account.
    GrantsWithoutAccount: AfterRepair,
    /// An account has the twin's name, and nothing shows that it is this secret's.
    TwinNotOurs: AfterRepair,
    /// The user holds nothing of what the twin has.
    UserHoldsNothing: AfterRepair,
    /// What has the twin as its definer would come to life.
    TwinIsDefiner: AfterRepair,
    /// Somebody may act as the twin who may not act as the user.
    TwinHasProxies: AfterRepair,
    /// The twin exists at a host where the user does not.
    TwinAtOtherHosts: AfterRepair,
    /// The pending password does not satisfy the server's password policy.
    PasswordPolicy: AfterRepair,
    /// The replaced password cannot be retained, which the settings demand.
    RetainImpossible: AfterRepair,

    // Changing the accounts.
    /// Another rotation of the same pair of users is running.
    RotationInProgress: Helps,
    /// The server refused a statement that was expected to be allowed.
    StatementRefused: MayHelp,
    /// The twin did not become equal to the user.
    MirrorIncomplete: Helps,
    /// The two users are not equal in `testSecret`.
    TwinDiffers: MayHelp,
    /// The replica that the user's host names did not receive the twin in time.
    ReplicaBehind: Helps,
}

impl ErrorType {
    /// The section about it, in the sources.
    pub fn page(self) -> String {
        format!("docs/troubleshooting.md#{}", self.to_string().to_lowercase())
    }

    /// An error of this type, with what could not be done, what was found, and what to do. Characters
    /// that are not shown as themselves are escaped, so that no name or message can forge a log line,
    /// and what is too long is left out.
    pub fn because(self, text: impl fmt::Display) -> Error {
        Error { error_type: self, text: text::printable(&text.to_string(), text::ANY) }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
