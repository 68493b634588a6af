use super::*;
use crate::privilege::{Privilege, Privileges};

mod grants;
mod settings;

const MYSQL: Family = Family::MySql((9, 7, 4));
const MARIADB: Family = Family::MariaDb((10, 11, 19));
const SALT: Salt = [7; 20];
const PASSWORD: &str = "it's \\ a \"secret\"";

/// What the builder of `family` makes of an action for the twin at host `%`.
fn sql(family: Family, action: Action) -> String {
    let change = Change { host: "%".to_owned(), action };
    with_dialect(family, false, |builder| builder.statement(&change)).text().to_owned()
}

fn with_dialect(
    family: Family,
    plaintext: bool,
    make: impl FnOnce(&StatementBuilder<'_>) -> Statement,
) -> Statement {
    make(&StatementBuilder {
        family,
        twin: &Username::parse("app_clone").unwrap(),
        password: &Password::new(PASSWORD.to_owned()),
        plaintext,
        salt: SALT,
    })
}

/// The hash of the password, for a plugin of MariaDB.
fn hash(plugin: &str) -> String {
    let format = plugin::find(MARIADB, plugin).and_then(Plugin::format).unwrap();
    let hash = AuthString::of_password(format, PASSWORD.as_bytes(), &SALT).unwrap();
    String::from_utf8(hash.as_bytes().to_vec()).unwrap()
}

fn privileges(names: &[&str]) -> Privileges {
    names.iter().map(|name| Privilege::named(name).unwrap()).collect()
}

fn role(user: &str, host: Option<&str>) -> RoleName {
    RoleName { user: user.to_owned(), host: host.map(str::to_owned) }
}

fn method(plugin: &str, auth_string: Option<&str>) -> AuthMethod {
    AuthMethod { plugin: plugin.to_owned(), auth_string: auth_string.map(str::to_owned) }
}

#[test]
fn default_roles_are_set_in_each_familys_way() {
    let none = BTreeSet::new();
    let two = BTreeSet::from([role("a", Some("%")), role("b`", Some("10.%"))]);
    assert_eq!(
        sql(MYSQL, Action::DefaultRoles(two)),
        "ALTER USER `app_clone`@`%` DEFAULT ROLE `a`@`%`, `b```@`10.%`"
    );
    assert_eq!(
        sql(MYSQL, Action::DefaultRoles(none.clone())),
        "ALTER USER `app_clone`@`%` DEFAULT ROLE NONE"
    );
    assert_eq!(
        sql(MARIADB, Action::DefaultRoles([role("a", None)].into())),
        "SET DEFAULT ROLE `a` FOR `app_clone`@`%`"
    );
    assert_eq!(
        sql(MARIADB, Action::DefaultRoles(none)),
        "SET DEFAULT ROLE NONE FOR `app_clone`@`%`"
    );
}

#[test]
fn locks_are_statements_of_their_own() {
    for (action, state) in [(Action::Lock, "LOCK"), (Action::Unlock, "UNLOCK")] {
        let expected = format!("ALTER USER `app_clone`@`%` ACCOUNT {state}");
        assert_eq!(sql(MYSQL, action.clone()), expected);
        assert_eq!(sql(MARIADB, action), expected);
    }
    let statement = with_dialect(MYSQL, false, |d| d.set_lock("10.%", false));
    assert_eq!(statement.text(), "ALTER USER `app_clone`@`10.%` ACCOUNT UNLOCK");
}

#[test]
fn mariadb_is_sent_the_hash_for_each_alternative() {
    let methods = [
        method("ed25519", None),
        method("mysql_native_password", None),
        method("unix_socket", Some("")),
        method("pam", Some("it's")),
    ];
    let make = |plaintext| with_dialect(MARIADB, plaintext, |d| d.set_password("%", &methods));
    let (new, native) = (hash("ed25519"), hash("mysql_native_password"));
    assert_eq!(
        make(false).text(),
        format!(
            "ALTER USER `app_clone`@`%` IDENTIFIED VIA `ed25519` USING '{new}' OR \
             `mysql_native_password` USING '{native}' OR `unix_socket` OR `pam` USING 'it''s'"
        )
    );
    assert_eq!(
        make(true).text(),
        "ALTER USER `app_clone`@`%` IDENTIFIED VIA `ed25519` USING \
         PASSWORD('it''s \\ a \"secret\"') OR `mysql_native_password` USING \
         PASSWORD('it''s \\ a \"secret\"') OR `unix_socket` OR `pam` USING 'it''s'"
    );
}

#[test]
fn mysql_keeps_the_plugin_and_may_retain_the_replaced_password() {
    let methods = [method("sha256_password", None)];
    let set = "ALTER USER `app_clone`@`%` IDENTIFIED WITH `sha256_password` BY \
               'it''s \\ a \"secret\"'";
    let statement = with_dialect(MYSQL, false, |d| d.set_password("%", &methods));
    assert_eq!(statement.text(), set);
    let statement = with_dialect(MYSQL, false, |d| d.set_password_and_retain("%", &methods));
    assert_eq!(statement.text(), format!("{set} RETAIN CURRENT PASSWORD"));
    let statement = with_dialect(MYSQL, false, |d| d.discard_old_password("%"));
    assert_eq!(statement.text(), "ALTER USER `app_clone`@`%` DISCARD OLD PASSWORD");
}

type Maker = fn(&StatementBuilder<'_>, &Change, &[AuthMethod]) -> Statement;

#[test]
fn a_statement_shows_neither_the_password_nor_a_hash_of_it() {
    let methods = [method("mysql_native_password", None), method("ed25519", None)];
    let create = Change {
        host: "%".to_owned(),
        action: Action::Create { authentication: methods.to_vec(), settings: BTreeMap::new() },
    };
    let hidden = [quote_literal(PASSWORD), hash("ed25519"), hash("mysql_native_password")];
    for (family, plaintext) in [(MYSQL, false), (MARIADB, false), (MARIADB, true)] {
        let makers: [Maker; 3] = [
            |builder, create, _| builder.statement(create),
            |builder, _, methods| builder.set_password("%", methods),
            |builder, _, methods| builder.set_password_and_retain("%", methods),
        ];
        for make in makers {
            let statement = with_dialect(family, plaintext, |d| make(d, &create, &methods));
            assert!(statement.is_secret());
            assert!(hidden.iter().any(|secret| statement.text().contains(secret)));
            for shown in [format!("{statement}"), format!("{statement:?}")] {
                assert!(shown.contains(PLACEHOLDER), "{shown}");
                assert!(!hidden.iter().any(|secret| shown.contains(secret)), "{shown}");
                assert!(!shown.contains("secret\""), "{shown}");
            }
        }
    }
}

#[test]
fn a_statement_without_a_secret_shows_what_is_sent() {
    let statement = with_dialect(MYSQL, false, |d| d.set_lock("%", true));
    assert!(!statement.is_secret());
    assert_eq!(statement.to_string(), statement.text());
}

#[test]
fn hostile_names_stay_inside_their_quotes() {
    let cases = [
        ("a`b", "`a``b`"),
        ("``", "``````"),
        ("a'b\"c", "`a'b\"c`"),
        ("x` TO `y`@`%", "`x`` TO ``y``@``%`"),
        ("back\\slash", "`back\\slash`"),
        ("%_", "`%_`"),
        ("é漢 字", "`é漢 字`"),
        ("", "``"),
    ];
    for (name, quoted) in cases {
        assert_eq!(quote_identifier(name), quoted);
        assert_eq!(quote_account(name, name), format!("{quoted}@{quoted}"), "{name}");
    }
    assert_eq!(quote_literal("it's \\ \" `"), "'it''s \\ \" `'");
}
