//! The clauses of `CREATE USER` and `ALTER USER` for the settings of an account.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::quote::quote_literal;
use crate::setting::{Kind, SETTINGS, Setting, Tls, Value};

/// The clauses in the one order that the servers take: the demand on the connection, limits, the
/// password policy and the lock, and the attribute last. Each begins with a blank.
pub(super) fn clauses(settings: &BTreeMap<Setting, Value>, lock: &str) -> String {
    let (mut sql, mut attribute) = (String::new(), String::new());
    let mut with = " WITH";
    for definition in SETTINGS {
        let Some(value) = settings.get(&definition.setting) else {
            continue;
        };
        match (definition.kind, clause(definition.kind, value)) {
            (_, clause) if clause.is_empty() => {}
            (Kind::Attribute, clause) => attribute = format!(" {clause}"),
            (Kind::Limit(_) | Kind::Decimal(_), clause) => {
                sql += &format!("{with} {clause}");
                with = "";
            }
            (_, clause) => sql += &format!(" {clause}"),
        }
    }
    sql + lock + &attribute
}

fn clause(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Tls, Value::Tls(tls)) => require(tls),
        (Kind::Limit(name) | Kind::Decimal(name), Value::Decimal(number)) => {
            format!("{name} {number}")
        }
        (Kind::Number(name), Value::Number(-1)) => format!("{name} UNBOUNDED"),
        (
            Kind::Limit(name) | Kind::Decimal(name) | Kind::Policy(name) | Kind::Number(name),
            Value::Number(number),
        ) => format!("{name} {number}"),
        (Kind::Expiration, Value::Number(0)) => "PASSWORD EXPIRE NEVER".to_owned(),
        (Kind::Expiration, Value::Number(days)) => format!("PASSWORD EXPIRE INTERVAL {days} DAY"),
        (Kind::Expiration, _) => "PASSWORD EXPIRE DEFAULT".to_owned(),
        (Kind::Days(name), Value::Number(days)) => format!("{name} {days} DAY"),
        (Kind::Flag(name), Value::Flag(true)) => name.to_owned(),
        (Kind::Flag(name), Value::Flag(false)) => format!("{name} OPTIONAL"),
        (Kind::Policy(name) | Kind::Days(name) | Kind::Flag(name), _) => format!("{name} DEFAULT"),
        (Kind::Attribute, Value::Json(json)) => {
            let json = serde_json::Value::Object(json.clone()).to_string();
            format!("ATTRIBUTE {}", quote_literal(&json))
        }
        // Roles have a statement of their own.
        _ => String::new(),
    }
}

fn require(tls: &Tls) -> String {
    match tls {
        Tls::None => "REQUIRE NONE".to_owned(),
        Tls::Ssl => "REQUIRE SSL".to_owned(),
        Tls::X509 => "REQUIRE X509".to_owned(),
        Tls::Specified { subject, issuer, cipher } => {
            let mut sql = "REQUIRE".to_owned();
            for (word, text) in [("SUBJECT", subject), ("ISSUER", issuer), ("CIPHER", cipher)] {
                if !text.is_empty() {
                    let _ = write!(sql, " {word} {}", quote_literal(text));
                }
            }
            sql
        }
    }
}
