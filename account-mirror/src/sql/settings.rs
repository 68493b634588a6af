//! The clauses of `CREATE USER` and `ALTER USER` for the settings of an account.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::quote_literal;
use crate::database::account::{Setting, Tls, Value};

pub(super) fn clauses(settings: &BTreeMap<Setting, Value>) -> String {
    clauses_with(settings, "")
}

/// The clauses of `CREATE USER` and `ALTER USER`, in the one order that the server takes: demand on
/// the connection, limits, password policy and lock, and the attribute last.
pub(super) fn clauses_with(settings: &BTreeMap<Setting, Value>, lock: &str) -> String {
    let mut sql = String::new();
    let mut limits = " WITH";
    let mut attribute = String::new();
    for (setting, value) in settings {
        match (setting, value) {
            (Setting::Tls, Value::Tls(tls)) => push(&mut sql, &require(tls)),
            (Setting::Attribute, Value::Json(json)) => {
                let json = serde_json::Value::Object(json.clone()).to_string();
                attribute = format!(" ATTRIBUTE {}", quote_literal(&json));
            }
            _ => {
                if let Some(limit) = limit(*setting) {
                    sql.push_str(limits);
                    limits = "";
                    push(&mut sql, &format!("{limit} {}", number(value)));
                } else {
                    push(&mut sql, &policy(*setting, value));
                }
            }
        }
    }
    sql + lock + &attribute
}

fn push(sql: &mut String, clause: &str) {
    if !clause.is_empty() {
        sql.push(' ');
        sql.push_str(clause);
    }
}

fn limit(setting: Setting) -> Option<&'static str> {
    match setting {
        Setting::QueriesPerHour => Some("MAX_QUERIES_PER_HOUR"),
        Setting::UpdatesPerHour => Some("MAX_UPDATES_PER_HOUR"),
        Setting::ConnectionsPerHour => Some("MAX_CONNECTIONS_PER_HOUR"),
        Setting::UserConnections => Some("MAX_USER_CONNECTIONS"),
        Setting::StatementTime => Some("MAX_STATEMENT_TIME"),
        _ => None,
    }
}

fn policy(setting: Setting, value: &Value) -> String {
    let or_default = |clause: &str, unit: &str| match value {
        Value::Number(n) => format!("{clause} {n}{unit}"),
        _ => format!("{clause} DEFAULT"),
    };
    match (setting, value) {
        (Setting::Expiration, Value::Number(0)) => "PASSWORD EXPIRE NEVER".to_owned(),
        (Setting::Expiration, Value::Number(days)) => {
            format!("PASSWORD EXPIRE INTERVAL {days} DAY")
        }
        (Setting::Expiration, _) => "PASSWORD EXPIRE DEFAULT".to_owned(),
        (Setting::History, _) => or_default("PASSWORD HISTORY", ""),
        (Setting::ReuseInterval, Value::Number(days)) => {
            format!("PASSWORD REUSE INTERVAL {days} DAY")
        }
        (Setting::ReuseInterval, _) => "PASSWORD REUSE INTERVAL DEFAULT".to_owned(),
        (Setting::RequireCurrent, Value::Flag(true)) => "PASSWORD REQUIRE CURRENT".to_owned(),
        (Setting::RequireCurrent, Value::Flag(false)) => {
            "PASSWORD REQUIRE CURRENT OPTIONAL".to_owned()
        }
        (Setting::RequireCurrent, _) => "PASSWORD REQUIRE CURRENT DEFAULT".to_owned(),
        (Setting::FailedLogins, _) => format!("FAILED_LOGIN_ATTEMPTS {}", number(value)),
        (Setting::LockTime, Value::Number(-1)) => "PASSWORD_LOCK_TIME UNBOUNDED".to_owned(),
        (Setting::LockTime, _) => format!("PASSWORD_LOCK_TIME {}", number(value)),
        _ => String::new(),
    }
}

fn number(value: &Value) -> String {
    match value {
        Value::Number(n) => n.to_string(),
        Value::Decimal(text) => text.clone(),
        _ => "0".to_owned(),
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
