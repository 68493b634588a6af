//! MariaDB's plugin for accounts that came from MySQL.

use super::{AuthString, Format, Meaning, SALT, prove, vector};

/// The strings were made by MariaDB 11.8.9 with `auth_mysql_sha2`, and logins tried.
#[test]
fn mariadb_computes_as_many_rounds_of_sha_crypt_as_a_string_says() {
    let read = |string: &[u8]| AuthString::new(string).meaning(Some(Format::MysqlSha2));
    let is = |string: &[u8], password: &[u8]| match read(string) {
        Meaning::Hash(hash) => prove(&hash, password),
        other => panic!("{other:?}"),
    };
    let own = b"$A$005$b2+>Hyd(Mif,GR??&gYk.ycBj5uxtWkUuTekj11RtdQhdHT93.oN5hoKv3xWVWB";
    assert!(is(own, b"pw one"));
    assert!(!is(own, b"pw two"));
    let (password, ten_thousand) = vector("caching_sha2_password", "$A$00A$");
    assert!(is(ten_thousand, password));
    let few = AuthString::of_password(Format::MysqlSha2, b"pw", &SALT).unwrap();
    assert!(is(few.as_bytes(), b"pw"));
    assert_eq!(few.as_bytes().len(), 70);
    let fewer = [b"$A$001$", &few.as_bytes()[7..]].concat();
    assert!(!is(&fewer, b"pw"));

    assert!(matches!(read(b""), Meaning::Empty));
    let reserved = b"$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED";
    let other_digest = [&own[..69], b"!"].concat();
    for disabled in [&reserved[..], b"invalid", &own[..69], &other_digest] {
        assert!(matches!(read(disabled), Meaning::Disabled));
    }
    for prefix in [b"$A$000$", b"$A$ +5$", b"$B$005$", b"xA$005$"] {
        let string = [&prefix[..], &own[7..]].concat();
        assert!(matches!(read(&string), Meaning::Unprovable));
    }
}
