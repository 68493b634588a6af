//! Ways to log in and settings of an account.

use std::collections::{BTreeMap, BTreeSet};

use account_mirror::setting::{Setting, Tls, Value};
use account_mirror::user::AuthMethod;
use proptest::collection::btree_map;
use proptest::prelude::{BoxedStrategy, Just, Strategy};
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

use super::{Flavor, World};
use crate::support::account::account;

pub(super) fn authentication(flavor: Flavor, in_use: bool) -> BoxedStrategy<Vec<AuthMethod>> {
    let chains: Vec<Vec<(&str, Option<&str>)>> = match (flavor.is_mysql(), in_use) {
        (true, true) if !flavor.has_roles() => vec![vec![("mysql_native_password", None)]],
        (true, false) if !flavor.has_roles() => {
            vec![vec![("mysql_native_password", None)], vec![("sha256_password", None)]]
        }
        (true, true) => vec![vec![("caching_sha2_password", None)]],
        (true, false) => {
            vec![vec![("caching_sha2_password", None)], vec![("sha256_password", None)]]
        }
        (false, _) => vec![
            vec![("mysql_native_password", None)],
            vec![("ed25519", None)],
            vec![("ed25519", None), ("mysql_native_password", None)],
            vec![("mysql_native_password", None), ("unix_socket", Some(""))],
            vec![("unix_socket", Some("")), ("ed25519", None)],
        ],
    };
    select(chains)
        .prop_map(|chain| {
            let method = |(plugin, string): (&str, Option<&str>)| AuthMethod {
                plugin: plugin.to_owned(),
                auth_string: string.map(str::to_owned),
            };
            chain.into_iter().map(method).collect()
        })
        .boxed()
}

pub(super) fn settings(world: &World, in_use: bool) -> BoxedStrategy<BTreeMap<Setting, Value>> {
    let flavor = world.flavor;
    // The account in use must still be able to log in a few times.
    let limits: &[i64] = if in_use { &[0, 1000, 99_999] } else { &[0, 1, 7] };
    let any_of = |clauses: Vec<String>| select(clauses).prop_map(Value::Clause).boxed();
    let words = |clauses: &[&str]| any_of(clauses.iter().map(ToString::to_string).collect());
    let limit = |name: &str| any_of(limits.iter().map(|limit| format!("{name} {limit}")).collect());
    let mut all = vec![
        (Setting::Tls, tls(in_use)),
        (Setting::QueriesPerHour, limit("MAX_QUERIES_PER_HOUR")),
        (Setting::UpdatesPerHour, limit("MAX_UPDATES_PER_HOUR")),
        (Setting::ConnectionsPerHour, limit("MAX_CONNECTIONS_PER_HOUR")),
        (Setting::UserConnections, limit("MAX_USER_CONNECTIONS")),
        (
            Setting::Expiration,
            words(&[
                "PASSWORD EXPIRE DEFAULT",
                "PASSWORD EXPIRE NEVER",
                "PASSWORD EXPIRE INTERVAL 30 DAY",
                "PASSWORD EXPIRE INTERVAL 365 DAY",
            ]),
        ),
    ];
    if flavor.is_mysql() {
        let of_mysql = [
            (
                Setting::History,
                words(&["PASSWORD HISTORY DEFAULT", "PASSWORD HISTORY 0", "PASSWORD HISTORY 3"]),
            ),
            (
                Setting::ReuseInterval,
                words(&[
                    "PASSWORD REUSE INTERVAL DEFAULT",
                    "PASSWORD REUSE INTERVAL 0 DAY",
                    "PASSWORD REUSE INTERVAL 9 DAY",
                ]),
            ),
            (
                Setting::RequireCurrent,
                words(&[
                    "PASSWORD REQUIRE CURRENT DEFAULT",
                    "PASSWORD REQUIRE CURRENT",
                    "PASSWORD REQUIRE CURRENT OPTIONAL",
                ]),
            ),
            (Setting::FailedLogins, words(&["FAILED_LOGIN_ATTEMPTS 0", "FAILED_LOGIN_ATTEMPTS 5"])),
            (
                Setting::LockTime,
                words(&[
                    "PASSWORD_LOCK_TIME UNBOUNDED",
                    "PASSWORD_LOCK_TIME 0",
                    "PASSWORD_LOCK_TIME 2",
                ]),
            ),
            (Setting::Attribute, attribute(world).prop_map(Value::Json).boxed()),
        ];
        all.extend(of_mysql.into_iter().filter(|(setting, _)| is_there(flavor, *setting)));
    } else {
        let seconds = words(&[
            "MAX_STATEMENT_TIME 0",
            "MAX_STATEMENT_TIME 5.500000",
            "MAX_STATEMENT_TIME 100.000001",
        ]);
        all.push((Setting::StatementTime, seconds));
    }
    let (names, values): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    values.prop_map(move |values| names.iter().copied().zip(values).collect()).boxed()
}

/// Whether a MySQL server has this setting.
fn is_there(flavor: Flavor, setting: Setting) -> bool {
    flavor.is_mysql_since(match setting {
        Setting::History | Setting::ReuseInterval => (8, 0, 3),
        Setting::RequireCurrent => (8, 0, 13),
        Setting::FailedLogins | Setting::LockTime => (8, 0, 19),
        Setting::Attribute => (8, 0, 21),
        _ => (5, 7, 0),
    })
}

/// The settings of an account for which nothing was set.
pub(crate) fn defaults(flavor: Flavor) -> BTreeMap<Setting, Value> {
    let clause = |text: &str| Value::Clause(text.to_owned());
    let mut names = vec![
        (Setting::Tls, Value::Tls(Tls::None)),
        (Setting::QueriesPerHour, clause("MAX_QUERIES_PER_HOUR 0")),
        (Setting::UpdatesPerHour, clause("MAX_UPDATES_PER_HOUR 0")),
        (Setting::ConnectionsPerHour, clause("MAX_CONNECTIONS_PER_HOUR 0")),
        (Setting::UserConnections, clause("MAX_USER_CONNECTIONS 0")),
        (Setting::Expiration, clause("PASSWORD EXPIRE DEFAULT")),
        (Setting::DefaultRoles, Value::Roles(BTreeSet::new())),
    ];
    if flavor.is_mysql() {
        let of_mysql = [
            (Setting::History, clause("PASSWORD HISTORY DEFAULT")),
            (Setting::ReuseInterval, clause("PASSWORD REUSE INTERVAL DEFAULT")),
            (Setting::RequireCurrent, clause("PASSWORD REQUIRE CURRENT DEFAULT")),
            (Setting::FailedLogins, clause("FAILED_LOGIN_ATTEMPTS 0")),
            (Setting::LockTime, clause("PASSWORD_LOCK_TIME 0")),
            (Setting::Attribute, Value::Json(Map::new())),
        ];
        names.extend(of_mysql.into_iter().filter(|(setting, _)| is_there(flavor, *setting)));
    } else {
        names.push((Setting::StatementTime, clause("MAX_STATEMENT_TIME 0")));
    }
    names.into_iter().collect()
}

fn tls(in_use: bool) -> BoxedStrategy<Value> {
    let specified = |subject: &str, issuer: &str, cipher: &str| Tls::Specified {
        subject: subject.to_owned(),
        issuer: issuer.to_owned(),
        cipher: cipher.to_owned(),
    };
    let mut demands = vec![Tls::None, Tls::Ssl];
    if !in_use {
        demands.extend([
            Tls::X509,
            specified("/CN=it's \\ \"é\"", "", ""),
            specified("", "/CN=CA", "ECDHE"),
            specified("/s", "/i", "TLS_AES_256_GCM_SHA384"),
        ]);
    }
    select(demands).prop_map(Value::Tls).boxed()
}

/// JSON that a merge patch, two quotations and a server's own spelling all have to leave alone.
fn attribute(world: &World) -> BoxedStrategy<Map<String, Json>> {
    let keys = vec!["k", "", "comment", "a'b", "\"\\é\n"];
    // A whole line about the account itself.
    let (user, twin) = world.names();
    let line =
        |to: &str| json!(format!("GRANT SELECT ON *.* TO {} WITH GRANT OPTION", account(to, "%")));
    let leaves = select(vec![
        line(user.as_str()),
        line(twin.as_str()),
        json!("it's \\ \"é\"\u{1}"),
        json!(""),
        json!(-7),
        json!(1.5),
        json!(true),
        json!([1, {"a": []}, null]),
    ]);
    let object = |values: BoxedStrategy<Json>| {
        btree_map(select(keys.clone()), values, 0..=3).prop_map(|map| {
            map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>()
        })
    };
    let inner = object(leaves.clone().boxed()).prop_map(Json::Object).boxed();
    let nested = object(proptest::prop_oneof![leaves, inner].boxed());
    proptest::prop_oneof![Just(Map::new()), nested].boxed()
}
