//! The clauses of `CREATE USER` and `ALTER USER` for the settings of an account.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::quote::quote_literal;
use crate::setting::{SETTINGS, Setting, Tls, Value};

/// The clauses in the one order that the servers take: the demand on the connection, limits, the
/// password policy and the lock, and the attribute last. Each begins with a blank.
pub(super) fn clauses(settings: &BTreeMap<Setting, Value>, lock: &str) -> String {
    let (mut sql, mut attribute) = (String::new(), String::new());
    let mut with = " WITH";
    for definition in SETTINGS {
        let Some(value) = settings.get(&definition.setting) else {
            continue;
        };
        match value {
            Value::Clause(clause) if definition.kind.is_after_with() => {
                sql += &format!("{with} {clause}");
                with = "";
            }
            Value::Clause(clause) => sql += &format!(" {clause}"),
            Value::Tls(tls) => sql += &format!(" {}", require(tls)),
            Value::Json(json) => {
                let json = serde_json::Value::Object(json.clone()).to_string();
                attribute = format!(" ATTRIBUTE {}", quote_literal(&json));
            }
            // They have a statement of their own.
            Value::Roles(_) => {}
        }
    }
    sql + lock + &attribute
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
