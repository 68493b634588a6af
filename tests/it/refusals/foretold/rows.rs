//! What is refused, and how each refusal is brought about.

use std::time::Duration;

use rotation::error::ErrorType::{
    self, AccessDenied, AccountNotUnderstood, AccountUnusable, AwsCallFailed, AwsUnreachable,
    ClientCertificateRequired, ConfigurationInvalid, ConnectionLost, CurrentLoginRefused,
    CurrentPasswordWrong, DatabaseNameUnusable, DatabaseNotFound, DeadlineExceeded,
    DifferentServer, EventInvalid, FlushPrivilegesDue, GrantImpossible, GrantsWithoutAccount,
    HostPasswordsDiffer, HostUnknown, KmsDenied, MirrorIncomplete, MultiFactorUnsupported,
    Panicked, PasswordPolicy, PendingLoginRefused, PendingMismatch, PendingValueMissing,
    PluginUnsupported, ProofTooSlow, ProtocolError, ProxyHost, ReplicaBehind,
    ReplicationIncomplete, RetainImpossible, RotationDisabled, RotationInProgress,
    RotationSuperseded, SecretInvalid, SecretNotFound, ServerBusy, ServerReadOnly, ServerSilent,
    ServerUnreachable, ServerUnsupported, StalePending, StatementRefused, SuperuserIsRotated,
    SuperuserLoginRefused, SuperuserRestricted, SuperuserSecretUnknown, SuperuserTooWeak,
    SystemUserProtected, Throttled, TlsFailed, TwinAtOtherHosts, TwinDiffers, TwinNameImpossible,
    TwinNotOurs, UserIsRole, UserMissing, VersionNotPending, VersionUnknown, WrongAccount,
};
use serde_json::{Value, json};

use super::{FIRST, OTHER};
use crate::support::edited::{Call, Edit};
use crate::support::server::Need;

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
    ConnectionLost,
    ProtocolError,
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
        timeout: Duration::from_secs(30),
    }
}

fn given(error: ErrorType, says: &'static str, statements: &str) -> Row {
    Row { given: statements.replace("OTHER", OTHER), ..row(error, says) }
}

pub(super) fn rows() -> Vec<Row> {
    let parts = [function_and_documents(), aws(), logins(), server(), superuser(), accounts()];
    parts.into_iter().chain([twins(), passwords()]).flatten().collect()
}

fn function_and_documents() -> Vec<Row> {
    vec![
        Row {
            environment: &[("PASSWORD_LENGTH", "7")],
            ..row(ConfigurationInvalid, "PASSWORD_LENGTH")
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
            ..row(SuperuserIsRotated, "the superuser \"root\" is one of the two users")
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
            ..row(HostUnknown, "nowhere.invalid")
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
            ..row(SuperuserTooWeak, "SELECT on the mysql schema")
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

fn accounts() -> Vec<Row> {
    let other_host = "CREATE USER {mark}@`10.9.%` IDENTIFIED BY 'OTHER'";
    let donor = "CREATE USER {mark}_p IDENTIFIED BY 'OTHER'";
    let columns = "t.authentication_string = f.authentication_string, t.plugin = f.plugin";
    let both = "WHERE t.User = '{mark}' AND f.User = '{mark}_p'";
    let written = format!("{donor}; UPDATE mysql.user t, mysql.user f SET {columns} {both}");
    let table = "mysql.global_priv";
    let written_json = format!("{donor}; UPDATE {table} t, {table} f SET t.Priv = f.Priv {both}");
    let factors = "UPDATE mysql.user SET User_attributes = '{\"multi_factor_authentication\": \
         [{\"plugin\": \"authentication_webauthn\"}]}' WHERE User = '{mark}'";
    let flush = |needs, statements: &str| Row {
        needs,
        undone: "FLUSH PRIVILEGES",
        ..given(FlushPrivilegesDue, "run FLUSH PRIVILEGES", statements)
    };
    let via = |needs, plugin, how| Row { needs, ..given(PluginUnsupported, plugin, how) };
    vec![
        given(UserMissing, "does not exist", "DROP USER {user}"),
        Row {
            needs: &[Need::Roles],
            ..given(UserIsRole, "is a role", "DROP USER {user}; CREATE ROLE {mark}")
        },
        given(AccountUnusable, "it is locked", "ALTER USER {user} ACCOUNT LOCK"),
        given(AccountUnusable, "it is expired", "ALTER USER {user} PASSWORD EXPIRE"),
        given(AccountUnusable, "has no password", "CREATE USER {mark}@`10.9.%`"),
        via(
            &[Need::Mysql],
            "sha256_password",
            "ALTER USER {user} IDENTIFIED WITH sha256_password BY 'OTHER'",
        ),
        via(&[Need::Mariadb], "unix_socket", "ALTER USER {user} IDENTIFIED VIA unix_socket"),
        given(HostPasswordsDiffer, "at '10.9.%'", other_host),
        flush(&[Need::Mysql], &written),
        flush(&[Need::Mariadb], &written_json),
        Row {
            needs: &[Need::CachingSha2],
            timeout: Duration::from_secs(5),
            ..given(ProofTooSlow, "4095000 rounds", &many_rounds())
        },
        given(ClientCertificateRequired, "REQUIRE X509", "ALTER USER {user} REQUIRE X509"),
        Row { needs: &[Need::Attributes], ..given(MultiFactorUnsupported, "one factor", factors) },
        given(
            AccountNotUnderstood,
            "not ASCII",
            "CREATE PROCEDURE {db}.`prüfe`() SELECT 1; \
             GRANT EXECUTE ON PROCEDURE {db}.`prüfe` TO {user}",
        ),
        Row {
            undone: "DROP USER {mark}@`127.%`",
            ..given(
                GrantsWithoutAccount,
                "'@'127.%'",
                "INSERT INTO mysql.db (Host, User, Db, Insert_priv) \
                 VALUES ('127.%', '{mark}', '{db}', 'Y'); FLUSH PRIVILEGES",
            )
        },
    ]
}

/// Accounts at so many hosts that their proofs take more than five seconds on any machine.
fn many_rounds() -> String {
    let accounts = (0..99).map(|n| {
        let hash = format!("$A$FFF${n:020}{}.", "x".repeat(42));
        format!(
            "CREATE USER {{mark}}@`10.9.9.{n}` IDENTIFIED WITH caching_sha2_password AS '{hash}'"
        )
    });
    accounts.collect::<Vec<_>>().join("; ")
}

fn twins() -> Vec<Row> {
    vec![
        given(TwinNotOurs, "no version of this secret", "CREATE USER {twin} IDENTIFIED BY 'OTHER'"),
        given(
            TwinAtOtherHosts,
            "drop these accounts",
            "CREATE USER {mark}_clone@`10.9.%` IDENTIFIED BY 'OTHER' ACCOUNT LOCK",
        ),
    ]
}

fn passwords() -> Vec<Row> {
    let policy = |needs, lacks, statements: &str, undone| Row {
        needs,
        lacks,
        undone,
        environment: &[("EXCLUDE_PUNCTUATION", "true")],
        ..given(PasswordPolicy, "is 2", statements)
    };
    vec![
        Row {
            needs: &[Need::CachingSha2],
            environment: &[("PASSWORD_LENGTH", "214")],
            user: |user| user["ssl"] = false.into(),
            ..row(PasswordPolicy, "RSA key carries 213 bytes")
        },
        Row {
            lacks: &[Need::SecondPasswords],
            environment: &[("RETAIN_PREVIOUS_PASSWORD", "true")],
            ..row(RetainImpossible, "has no second password")
        },
        policy(
            &[Need::Mysql],
            &[Need::OldAccounts],
            "INSTALL COMPONENT 'file://component_validate_password'; \
             SET GLOBAL validate_password.special_char_count = 2",
            "UNINSTALL COMPONENT 'file://component_validate_password'",
        ),
        policy(
            &[Need::OldAccounts],
            &[],
            "INSTALL PLUGIN validate_password SONAME 'validate_password.so'; \
             SET GLOBAL validate_password_special_char_count = 2",
            "UNINSTALL PLUGIN validate_password",
        ),
        policy(
            &[Need::Mariadb],
            &[],
            "INSTALL SONAME 'simple_password_check'; \
             SET GLOBAL simple_password_check_other_characters = 2",
            "UNINSTALL SONAME 'simple_password_check'",
        ),
    ]
}
