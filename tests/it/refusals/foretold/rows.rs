//! What is refused, and how each refusal is brought about.

use std::time::Duration;

use rotation::error::ErrorType::{
    self, AccessDenied, AwsCallFailed, AwsUnreachable, ConfigurationInvalid, ConnectionLost,
    CurrentLoginRefused, CurrentPasswordWrong, DatabaseNameUnusable, DatabaseNotFound,
    DeadlineExceeded, DifferentServer, EventInvalid, GrantImpossible, HostUnknown, KmsDenied,
    MemoryTooSmall, MirrorIncomplete, NodeNotReady, Panicked, PendingLoginRefused, PendingMismatch,
    PendingValueMissing, ProtocolError, ProxyHost, ReplicaBehind, ReplicationIncomplete,
    RotationDisabled, RotationInProgress, RotationSuperseded, SecretInvalid, SecretNotFound,
    ServerBusy, ServerError, ServerReadOnly, ServerSilent, ServerUnreachable, ServerUnsupported,
    StalePending, StatementRefused, SuperuserIsRotated, SuperuserLoginRefused, SuperuserRestricted,
    SuperuserSecretUnknown, SuperuserTooWeak, SystemUserProtected, Throttled, TlsFailed,
    TwinDiffers, TwinNameImpossible, VersionNotPending, VersionUnknown, WrongAccount,
};
use serde_json::{Value, json};

use super::{FIRST, OTHER};
use crate::support::edited::{Call, Edit};
use crate::support::server::Need;

mod accounts;

/// The types that no preflight can foretell, or that no server here brings about.
pub(super) const EXCEPTIONS: &[ErrorType] = &[
    // What only time shows.
    DeadlineExceeded,
    Panicked,
    Throttled,
    AwsUnreachable,
    AwsCallFailed,
    ServerSilent,
    ServerBusy,
    NodeNotReady,
    ConnectionLost,
    ProtocolError,
    ServerError,
    RotationInProgress,
    // The event and the pending version.
    EventInvalid,
    RotationDisabled,
    VersionUnknown,
    VersionNotPending,
    PendingValueMissing,
    StalePending,
    RotationSuperseded,
    PendingMismatch,
    // After the first write.
    PendingLoginRefused,
    StatementRefused,
    MirrorIncomplete,
    TwinDiffers,
    ReplicaBehind,
    // A kind of server that there is not.
    ServerUnsupported,
];

/// More time than a refusal takes.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// A refusal. In statements, `{user}`, `{twin}` and `{admin}` are accounts at `%`, `{db}` is the user's
/// database, and `{mark}` the user's name.
pub(super) struct Row {
    pub(super) error: ErrorType,
    /// A part of the text, by which it is told from others of the same type.
    pub(super) says: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) lacks: &'static [Need],
    /// What root does before.
    pub(super) given: String,
    /// What root does afterwards, for the other rows.
    pub(super) undone: &'static str,
    /// What a superuser of its own has; root is it otherwise.
    pub(super) grants: Option<&'static str>,
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// How the documents differ from good ones.
    pub(super) user: fn(&mut Value),
    pub(super) superuser: fn(&mut Value),
    /// The password of the user at another server, if the secret names that.
    pub(super) elsewhere: Option<&'static str>,
    pub(super) aws: fn(&Call) -> Option<Edit>,
    pub(super) timeout: Duration,
}

fn row(error: ErrorType, says: &'static str) -> Row {
    Row {
        error,
        says,
        needs: &[],
        lacks: &[],
        given: "DO 0".to_owned(),
        undone: "DO 0",
        grants: None,
        environment: &[],
        user: |_| {},
        superuser: |_| {},
        elsewhere: None,
        aws: |_| None,
        timeout: LONG,
    }
}

fn given(error: ErrorType, says: &'static str, statements: &str) -> Row {
    Row { given: statements.replace("OTHER", OTHER), ..row(error, says) }
}

pub(super) fn rows() -> Vec<Row> {
    let parts = [function_and_documents(), aws(), logins(), server(), superuser()];
    parts.into_iter().flatten().chain(accounts::rows()).collect()
}

fn function_and_documents() -> Vec<Row> {
    vec![
        Row {
            environment: &[("PASSWORD_LENGTH", "7")],
            ..row(ConfigurationInvalid, "PASSWORD_LENGTH")
        },
        Row {
            environment: &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1")],
            ..row(MemoryTooSmall, "of the function's 1 MB")
        },
        Row { user: |user| user["port"] = 0.into(), ..row(SecretInvalid, "\"port\"") },
        Row {
            user: |user| user["username"] = "u".repeat(127).into(),
            ..row(TwinNameImpossible, "cannot have a twin")
        },
        Row {
            user: |user| user["masterarn"] = Value::Null,
            ..row(SuperuserSecretUnknown, "no \"masterarn\"")
        },
        Row {
            user: |user| user["username"] = "root".into(),
            ..row(SuperuserIsRotated, "is one of the two users \"root\"")
        },
        Row {
            user: |user| user["host"] = "a.proxy-b.eu-central-1.rds.amazonaws.com".into(),
            ..row(ProxyHost, "RDS Proxy")
        },
        Row {
            user: |user| user["dbname"] = "nowhere".into(),
            ..row(DatabaseNameUnusable, "nowhere")
        },
    ]
}

/// Refuses to read the superuser's secret.
fn no_superuser(call: &Call, error: &str, message: &str) -> Option<Edit> {
    let reads = call.operation == "GetSecretValue" && call.body.contains("/superuser");
    reads.then(|| Edit::refuse(error, message))
}

fn aws() -> Vec<Row> {
    vec![
        Row {
            aws: |call| no_superuser(call, "AccessDeniedException", "not authorized"),
            ..row(AccessDenied, "GetSecretValue")
        },
        Row {
            aws: |call| no_superuser(call, "DecryptionFailure", "can't decrypt"),
            ..row(KmsDenied, "kms:Decrypt")
        },
        Row {
            aws: |call| no_superuser(call, "ResourceNotFoundException", "can't find the secret"),
            ..row(SecretNotFound, "/superuser")
        },
        Row {
            superuser: |superuser| superuser["host"] = Value::Null,
            ..row(DatabaseNotFound, "has no \"host\"")
        },
        Row {
            aws: |call| {
                let failed = json!([{"Region": "eu-west-3", "Status": "Failed"}]);
                let describes = call.operation == "DescribeSecret" && call.body.contains("/user");
                describes.then(|| {
                    Edit::change(move |answer| {
                        let mut answer: Value = serde_json::from_str(&answer).unwrap();
                        answer["ReplicationStatus"] = failed;
                        answer.to_string()
                    })
                })
            },
            ..row(ReplicationIncomplete, "to eu-west-3 fails")
        },
    ]
}

fn logins() -> Vec<Row> {
    vec![
        Row {
            superuser: |superuser| superuser["host"] = "nowhere.invalid".into(),
            ..row(HostUnknown, "the host in secret ")
        },
        Row {
            superuser: |superuser| superuser["port"] = 1.into(),
            ..row(ServerUnreachable, "the network is the cause")
        },
        Row {
            user: |user| user["ssl"] = false.into(),
            ..given(TlsFailed, "requires TLS", "ALTER USER {user} REQUIRE SSL")
        },
        given(CurrentPasswordWrong, "no login was made", "ALTER USER {user} IDENTIFIED BY 'OTHER'"),
        Row { elsewhere: Some(OTHER), ..row(CurrentLoginRefused, "1045") },
        Row {
            superuser: |superuser| superuser["password"] = OTHER.into(),
            ..row(SuperuserLoginRefused, "1045")
        },
        Row { elsewhere: Some(FIRST), ..row(DifferentServer, "is not the user's server") },
        Row {
            undone: "DROP USER ''@`127.0.0.1`",
            ..given(WrongAccount, "anonymous account", "CREATE USER ''@`127.0.0.1`")
        },
    ]
}

fn server() -> Vec<Row> {
    vec![Row {
        undone: "SET GLOBAL read_only = OFF",
        ..given(ServerReadOnly, "read_only is on", "SET GLOBAL read_only = ON")
    }]
}

fn superuser() -> Vec<Row> {
    vec![
        Row {
            grants: Some("GRANT CREATE USER ON *.* TO {}"),
            ..row(SuperuserTooWeak, "SELECT ON mysql.*")
        },
        Row {
            grants: Some("GRANT CREATE USER ON *.* TO {}; GRANT SELECT ON mysql.* TO {}"),
            ..row(GrantImpossible, "WITH GRANT OPTION")
        },
        Row {
            needs: &[Need::PartialRevokes],
            grants: Some("GRANT SELECT, INSERT, CREATE USER ON *.* TO {} WITH GRANT OPTION"),
            ..given(
                SuperuserRestricted,
                "partial revoke",
                "REVOKE INSERT ON {db}.* FROM {admin}; GRANT SELECT, INSERT ON *.* TO {user}",
            )
        },
        Row {
            needs: &[Need::ProtectedUsers],
            grants: Some("GRANT SELECT, CREATE USER ON *.* TO {} WITH GRANT OPTION"),
            ..given(SystemUserProtected, "has SYSTEM_USER", "GRANT SYSTEM_USER ON *.* TO {user}")
        },
    ]
}
