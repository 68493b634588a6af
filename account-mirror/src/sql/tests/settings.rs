//! Settings of an account as clauses of its statements.

use super::*;
use crate::setting::Tls;

#[test]
fn each_setting_has_its_clause() {
    let text = |text: &str| text.to_owned();
    let specified = |subject: &str, issuer: &str, cipher: &str| {
        Value::Tls(Tls::Specified {
            subject: text(subject),
            issuer: text(issuer),
            cipher: text(cipher),
        })
    };
    let json = serde_json::json!({"k": "it's \\ \"é\"", "gone": null});
    let cases = [
        (Setting::Tls, Value::Tls(Tls::None), "REQUIRE NONE"),
        (Setting::Tls, Value::Tls(Tls::Ssl), "REQUIRE SSL"),
        (Setting::Tls, Value::Tls(Tls::X509), "REQUIRE X509"),
        (Setting::Tls, specified("/CN=o'b", "", ""), "REQUIRE SUBJECT '/CN=o''b'"),
        (Setting::Tls, specified("", "/i", "C"), "REQUIRE ISSUER '/i' CIPHER 'C'"),
        (Setting::QueriesPerHour, Value::Number(0), "WITH MAX_QUERIES_PER_HOUR 0"),
        (Setting::UpdatesPerHour, Value::Number(2), "WITH MAX_UPDATES_PER_HOUR 2"),
        (Setting::ConnectionsPerHour, Value::Number(3), "WITH MAX_CONNECTIONS_PER_HOUR 3"),
        (Setting::UserConnections, Value::Number(-1), "WITH MAX_USER_CONNECTIONS -1"),
        (
            Setting::StatementTime,
            Value::Decimal(text("5.500000")),
            "WITH MAX_STATEMENT_TIME 5.500000",
        ),
        (Setting::Expiration, Value::Default, "PASSWORD EXPIRE DEFAULT"),
        (Setting::Expiration, Value::Number(0), "PASSWORD EXPIRE NEVER"),
        (Setting::Expiration, Value::Number(9), "PASSWORD EXPIRE INTERVAL 9 DAY"),
        (Setting::History, Value::Default, "PASSWORD HISTORY DEFAULT"),
        (Setting::History, Value::Number(0), "PASSWORD HISTORY 0"),
        (Setting::ReuseInterval, Value::Default, "PASSWORD REUSE INTERVAL DEFAULT"),
        (Setting::ReuseInterval, Value::Number(7), "PASSWORD REUSE INTERVAL 7 DAY"),
        (Setting::RequireCurrent, Value::Default, "PASSWORD REQUIRE CURRENT DEFAULT"),
        (Setting::RequireCurrent, Value::Flag(true), "PASSWORD REQUIRE CURRENT"),
        (Setting::RequireCurrent, Value::Flag(false), "PASSWORD REQUIRE CURRENT OPTIONAL"),
        (Setting::FailedLogins, Value::Number(3), "FAILED_LOGIN_ATTEMPTS 3"),
        (Setting::LockTime, Value::Number(-1), "PASSWORD_LOCK_TIME UNBOUNDED"),
        (Setting::LockTime, Value::Number(2), "PASSWORD_LOCK_TIME 2"),
        (
            Setting::Attribute,
            Value::Json(json.as_object().unwrap().clone()),
            r#"ATTRIBUTE '{"gone":null,"k":"it''s \\ \"é\""}'"#,
        ),
    ];
    for (setting, value, clause) in cases {
        assert_eq!(
            sql(MYSQL, Action::Alter([(setting, value)].into())),
            format!("ALTER USER `app_clone`@`%` {clause}")
        );
    }
}

#[test]
fn clauses_stand_in_the_one_order_that_the_server_takes() {
    let settings = BTreeMap::from([
        (Setting::Attribute, Value::Json(serde_json::Map::new())),
        (Setting::Expiration, Value::Number(0)),
        (Setting::UserConnections, Value::Number(5)),
        (Setting::QueriesPerHour, Value::Number(1)),
        (Setting::Tls, Value::Tls(Tls::Ssl)),
    ]);
    let clauses = "REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 1 MAX_USER_CONNECTIONS 5 \
                   PASSWORD EXPIRE NEVER";
    assert_eq!(
        sql(MYSQL, Action::Alter(settings.clone())),
        format!("ALTER USER `app_clone`@`%` {clauses} ATTRIBUTE '{{}}'")
    );
    let create =
        Action::Create { authentication: vec![method("caching_sha2_password", None)], settings };
    assert_eq!(
        sql(MYSQL, create),
        format!(
            "CREATE USER `app_clone`@`%` IDENTIFIED WITH `caching_sha2_password` BY \
             'it''s \\ a \"secret\"' {clauses} ACCOUNT LOCK ATTRIBUTE '{{}}'"
        )
    );
}
