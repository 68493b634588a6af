//! What is read of settings, and their clauses.

use super::*;

#[test]
fn to_an_attribute_a_null_is_an_absent_key_at_every_depth() {
    let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    for (attribute, kept) in [
        (r#"{"a": null}"#, "{}"),
        (r#"{"a": {"b": null, "c": 1}}"#, r#"{"a": {"c": 1}}"#),
        (r#"{"a": [null, {"b": null}]}"#, r#"{"a": [null, {"b": null}]}"#),
    ] {
        assert_eq!(without_nulls(json(attribute)), json(kept));
    }
}

#[test]
fn a_value_of_another_type_than_its_setting_is_an_error_and_no_default() {
    let wrong = Json::from([1].as_slice());
    for family in [Family::MySql((9, 7, 0)), Family::MariaDb((11, 8, 0))] {
        let names = SETTINGS.iter().map(|definition| definition.stored(family));
        for own in names.filter(|name| !name.is_empty()) {
            let stored = |name: &str| (name == own).then(|| wrong.clone());
            assert!(read(family, stored).is_err(), "{own}");
        }
    }
}

#[test]
fn what_is_stored_becomes_its_clause_and_nothing_is_the_default() {
    let (mysql, mariadb) = (Family::MySql((9, 7, 0)), Family::MariaDb((11, 8, 0)));
    let number = |number: i64| Json::from(number);
    for (family, setting, stored, clause, is_default) in [
        (mysql, Setting::QueriesPerHour, number(0), "MAX_QUERIES_PER_HOUR 0", true),
        (mysql, Setting::UpdatesPerHour, number(2), "MAX_UPDATES_PER_HOUR 2", false),
        (mysql, Setting::ConnectionsPerHour, number(3), "MAX_CONNECTIONS_PER_HOUR 3", false),
        (mariadb, Setting::UserConnections, number(-1), "MAX_USER_CONNECTIONS -1", false),
        (mariadb, Setting::StatementTime, number(0), "MAX_STATEMENT_TIME 0", true),
        (mariadb, Setting::StatementTime, 5.5.into(), "MAX_STATEMENT_TIME 5.500000", false),
        (mysql, Setting::Expiration, Json::Null, "PASSWORD EXPIRE DEFAULT", true),
        (mariadb, Setting::Expiration, number(-1), "PASSWORD EXPIRE DEFAULT", true),
        (mysql, Setting::Expiration, number(0), "PASSWORD EXPIRE NEVER", false),
        (mysql, Setting::Expiration, "9".into(), "PASSWORD EXPIRE INTERVAL 9 DAY", false),
        (mysql, Setting::History, Json::Null, "PASSWORD HISTORY DEFAULT", true),
        (mysql, Setting::History, number(0), "PASSWORD HISTORY 0", false),
        (mysql, Setting::ReuseInterval, Json::Null, "PASSWORD REUSE INTERVAL DEFAULT", true),
        (mysql, Setting::ReuseInterval, number(7), "PASSWORD REUSE INTERVAL 7 DAY", false),
        (mysql, Setting::RequireCurrent, Json::Null, "PASSWORD REQUIRE CURRENT DEFAULT", true),
        (mysql, Setting::RequireCurrent, "Y".into(), "PASSWORD REQUIRE CURRENT", false),
        (mysql, Setting::RequireCurrent, "N".into(), "PASSWORD REQUIRE CURRENT OPTIONAL", false),
        (mysql, Setting::FailedLogins, number(3), "FAILED_LOGIN_ATTEMPTS 3", false),
        (mysql, Setting::LockTime, Json::Null, "PASSWORD_LOCK_TIME 0", true),
        (mysql, Setting::LockTime, number(-1), "PASSWORD_LOCK_TIME UNBOUNDED", false),
        (mysql, Setting::LockTime, number(2), "PASSWORD_LOCK_TIME 2", false),
    ] {
        let mut definitions = SETTINGS.iter();
        let name = definitions.find(|one| one.setting == setting).unwrap().stored(family);
        let stored = |asked: &str| (asked == name).then(|| stored.clone());
        let value = read(family, stored).unwrap().remove(&setting).unwrap();
        assert_eq!(value, Value::Clause(clause.to_owned()));
        assert_eq!(setting.is_default(&value), is_default, "{clause}");
    }
}
