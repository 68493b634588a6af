//! What is refused of the accounts, and of the password that one is to get.

use std::time::Duration;

use rotation::error::ErrorType::{
    AccountNotUnderstood, AccountUnusable, ClientCertificateRequired, FlushPrivilegesDue,
    GrantsWithoutAccount, HostNameIgnored, HostPasswordsDiffer, MultiFactorUnsupported,
    PasswordPolicy, PluginUnsupported, ProofTooSlow, RetainImpossible, TwinAtOtherHosts,
    TwinHasProxies, TwinIsDefiner, TwinNotOurs, UserHoldsNothing, UserIsRole, UserMissing,
};

use super::{Row, given, row};
use crate::support::server::Need;

pub(super) fn rows() -> impl Iterator<Item = Row> {
    [of_the_user(), twins(), passwords()].into_iter().flatten()
}

fn of_the_user() -> Vec<Row> {
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
            needs: &[Need::Mariadb],
            undone: "DELETE FROM mysql.global_priv WHERE Host = 'web.example.com'; FLUSH PRIVILEGES",
            ..given(
                HostNameIgnored,
                "skip_name_resolve",
                "CREATE USER {mark}@`web.example.com` IDENTIFIED BY 'OTHER'; FLUSH PRIVILEGES",
            )
        },
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
        given(
            UserHoldsNothing,
            "holds nothing at all",
            "CREATE USER {twin} IDENTIFIED BY 'OTHER' ACCOUNT LOCK; GRANT SELECT ON {db}.* TO {twin}; \
             REVOKE SELECT ON {db}.* FROM {user}",
        ),
        given(
            TwinHasProxies,
            "REVOKE PROXY ON",
            "CREATE USER {mark}_m; CREATE USER {twin}; GRANT PROXY ON {twin} TO {mark}_m; \
             DROP USER {twin}",
        ),
        given(
            TwinIsDefiner,
            "drop that, or give it another definer",
            "CREATE DEFINER = {mark}_clone@`10.9.9.9` VIEW {db}.v AS SELECT 1",
        ),
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
