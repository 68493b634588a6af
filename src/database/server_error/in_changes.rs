//! What a change of an account is answered.

use super::row::{Meaning, Of, Row, change};
use crate::error::ErrorType::{
    PasswordPolicy, PluginUnsupported, RetainImpossible, StatementRefused, TwinNameImpossible,
};

const PRIVILEGE: &str =
    "the superuser lacks a privilege or its grant option (this is not a failed login)";
const SYNTAX: &str = "the server does not know this statement";
const GONE: &str = "somebody dropped the account just now";
const REVOKED: &str = "somebody revoked it just now";
const ROLE: &str = "the role does not exist any more";
const POLICY: &str = "change the function's PASSWORD_… settings to satisfy the policy";
const HASH: &str = "the server does not accept a stored string of this form for the plugin";
const RETAIN: &str = "turn RETAIN_PREVIOUS_PASSWORD off, or give both users the same plugin";

pub(super) const ROWS: &[Row] = &[
    change(1044, StatementRefused, PRIVILEGE).means(Meaning::Denied),
    change(1045, StatementRefused, PRIVILEGE).means(Meaning::Denied),
    change(1142, StatementRefused, PRIVILEGE).means(Meaning::Denied),
    change(1143, StatementRefused, PRIVILEGE).means(Meaning::Denied),
    change(1370, StatementRefused, PRIVILEGE).means(Meaning::Denied),
    change(3879, StatementRefused, PRIVILEGE).means(Meaning::Denied).of(Of::MySql),
    change(1227, StatementRefused, "the superuser lacks a privilege").means(Meaning::Denied),
    change(6038, StatementRefused, "the superuser lacks a privilege")
        .means(Meaning::Denied)
        .of(Of::MySql),
    change(
        1698,
        StatementRefused,
        "the superuser may not pass this on: it lacks the role's ADMIN OPTION, or PROXY",
    )
    .means(Meaning::Denied),
    change(
        4006,
        StatementRefused,
        "the superuser needs ALLOW_NONEXISTENT_DEFINER (SET_USER_ID before MySQL 8.2), or the objects \
         that have the twin as their definer must go",
    )
    .of(Of::MySql),
    change(
        4058,
        StatementRefused,
        "authentication_policy demands another plugin; use that one, or give the superuser \
         AUTHENTICATION_POLICY_ADMIN",
    )
    .of(Of::MySql),
    change(1133, StatementRefused, GONE),
    change(1410, StatementRefused, GONE),
    change(1396, StatementRefused, "the account was dropped or created just now, or the password failed")
        .means(Meaning::Unexplained)
        .unsure(),
    change(1141, StatementRefused, REVOKED).means(Meaning::NothingToRevoke),
    change(1147, StatementRefused, REVOKED).means(Meaning::NothingToRevoke),
    change(1403, StatementRefused, REVOKED).means(Meaning::NothingToRevoke),
    change(1962, StatementRefused, REVOKED).means(Meaning::NothingToRevoke).of(Of::MariaDb),
    change(1959, StatementRefused, ROLE).of(Of::MariaDb),
    change(3523, StatementRefused, ROLE).of(Of::MySql),
    change(3530, StatementRefused, "somebody revoked the role just now").of(Of::MySql),
    change(3628, StatementRefused, "the role is in mandatory_roles; take it out there")
        .of(Of::MySql),
    change(
        3901,
        StatementRefused,
        "the grant tables hold a partial revoke and a grant on the same database; revoke one of them",
    )
    .of(Of::MySql),
    change(1524, PluginUnsupported, "load the plugin on the server, or change that of the user"),
    change(1372, StatementRefused, HASH).unsure(),
    change(1827, StatementRefused, HASH).unsure(),
    change(1699, StatementRefused, "the account's plugin has no password; use another one")
        .of(Of::MariaDb),
    change(
        1470,
        TwinNameImpossible,
        "a name or a host is longer than the server allows; give the application a user with a shorter one",
    ),
    change(1819, PasswordPolicy, POLICY).means(Meaning::PasswordPolicy),
    change(3638, PasswordPolicy, POLICY).means(Meaning::PasswordPolicy).of(Of::MySql),
    change(4165, PasswordPolicy, POLICY).means(Meaning::PasswordPolicy).of(Of::MySql),
    change(3878, RetainImpossible, RETAIN).means(Meaning::RetainImpossible).of(Of::MySql),
    change(3894, RetainImpossible, RETAIN).means(Meaning::RetainImpossible).of(Of::MySql),
    change(3895, RetainImpossible, RETAIN).means(Meaning::RetainImpossible).of(Of::MySql),
    change(1064, StatementRefused, SYNTAX).quoting(),
    change(1149, StatementRefused, SYNTAX).quoting(),
];
