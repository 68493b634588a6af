use super::*;

const MYSQL: Family = Family::MySql((9, 7, 4));
const MARIADB: Family = Family::MariaDb((11, 8, 9));

/// What becomes of a string: it is carried over as it is, or kept as that of a password.
fn made(family: Family, plugin: &str, string: &[u8]) -> (Option<String>, usize) {
    let mut passwords = Vec::new();
    let method = method(family, plugin.to_owned(), AuthString::new(string), &mut passwords);
    (method.auth_string, passwords.len())
}

#[test]
fn what_is_in_no_row_is_never_carried_over() {
    let hash = b"P0:B1tUVDCAeJaqZKoJ:NbFo5jFJmCzQNKoB";
    for plugin in ["parsec", "mysql_old_password", "a_new_plugin", "", "ed25519_"] {
        assert_eq!(made(MARIADB, plugin, hash), (None, 1), "{plugin}");
        assert!(!find(MARIADB, plugin).is_some_and(Plugin::is_mirrorable), "{plugin}");
    }
    // Each family has plugins of its own.
    for (family, plugin) in [(MYSQL, "ed25519"), (MYSQL, "pam"), (MARIADB, "sha256_password")] {
        assert_eq!(made(family, plugin, hash), (None, 1), "{plugin}");
    }
    for (family, plugin) in [(MYSQL, "auth_socket"), (MARIADB, "PAM")] {
        assert_eq!(made(family, plugin, b"app"), (Some("app".to_owned()), 0), "{plugin}");
        assert_eq!(made(family, plugin, b"\xff"), (None, 1), "no text is empty in place of it");
    }
}

#[test]
fn a_disabled_password_is_copied_as_one_that_the_server_takes() {
    let carried = |family, plugin, string: &[u8]| made(family, plugin, string).0;
    for family in [MYSQL, MARIADB] {
        assert_eq!(carried(family, "caching_sha2_password", b"$A$005$x").unwrap(), RESERVED);
        assert_eq!(carried(family, "caching_sha2_password", b""), None);
    }
    assert_eq!(carried(MYSQL, "mysql_native_password", b"!").unwrap(), RESERVED_NATIVE);
    assert_eq!(carried(MARIADB, "mysql_native_password", b"!").unwrap(), "invalid");
    assert_eq!(carried(MARIADB, "ed25519", b"!"), None);
}

#[test]
fn the_advice_names_plugins_that_the_server_can_have() {
    let advice = [
        (Family::MySql((5, 7, 36)), "change it to mysql_native_password"),
        (Family::MySql((8, 0, 30)), "change it to caching_sha2_password or mysql_native_password"),
        (MYSQL, "change it to caching_sha2_password"),
        (MARIADB, "change it to ed25519 or mysql_native_password"),
    ];
    for (family, text) in advice {
        assert_eq!(change_it(family), text);
    }
    assert_eq!(load(MARIADB, "ED25519"), "load it (INSTALL SONAME 'auth_ed25519')");
    assert_eq!(load(MARIADB, "a_new_plugin"), "load it");
}

#[test]
fn an_account_that_was_never_given_a_plugin_has_the_one_of_its_strings_length() {
    assert_eq!(mariadb_default(""), "mysql_native_password");
    assert_eq!(
        mariadb_default("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"),
        "mysql_native_password"
    );
    assert_eq!(mariadb_default("5d2e19393cc5ef67"), "mysql_old_password");
}
