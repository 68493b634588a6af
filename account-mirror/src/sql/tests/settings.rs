//! Settings of an account as clauses of its statements.

use super::*;
use crate::setting::Tls;

#[test]
fn a_demand_and_an_attribute_have_their_clauses() {
    let specified = |subject: &str, issuer: &str, cipher: &str| {
        Value::Tls(Tls::Specified {
            subject: subject.to_owned(),
            issuer: issuer.to_owned(),
            cipher: cipher.to_owned(),
        })
    };
    let json = serde_json::json!({"k": "it's \\ \"é\"", "gone": null});
    let cases = [
        (Setting::Tls, Value::Tls(Tls::None), "REQUIRE NONE"),
        (Setting::Tls, Value::Tls(Tls::Ssl), "REQUIRE SSL"),
        (Setting::Tls, Value::Tls(Tls::X509), "REQUIRE X509"),
        (Setting::Tls, specified("/CN=o'b", "", ""), "REQUIRE SUBJECT '/CN=o''b'"),
        (Setting::Tls, specified("", "/i", "C"), "REQUIRE ISSUER '/i' CIPHER 'C'"),
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
    let clause = |text: &str| Value::Clause(text.to_owned());
    let settings = BTreeMap::from([
        (Setting::Attribute, Value::Json(serde_json::Map::new())),
        (Setting::Expiration, clause("PASSWORD EXPIRE NEVER")),
        (Setting::UserConnections, clause("MAX_USER_CONNECTIONS 5")),
        (Setting::QueriesPerHour, clause("MAX_QUERIES_PER_HOUR 1")),
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
