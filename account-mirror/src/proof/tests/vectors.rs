//! Authentication strings that real servers made, and took a login with the password for.
//!
//! Those after "given" were given with `IDENTIFIED WITH ... AS 0x...`.

pub(super) const ONE: &str = "x";
pub(super) const ODD: &str = "\"'\\`; --\t%_$";
pub(super) const UNICODE: &str = "pässwörd 密码 🔑";
/// Without the character of four bytes, with which MySQL 5.7 did not take a login.
pub(super) const BMP: &str = "pässwörd 密码";
pub(super) const USUAL: &str = "0Aa!1Bb#2Cc$3Dd%4Ee^5Ff&6Gg*7Hh(";
/// As long as a block of SHA-512.
pub(super) const BLOCK: &str = "\
    0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\
    0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
pub(super) const ABOVE_BLOCK: &str = "\
    0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\
    0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\
    g";
/// As long as servers take: 256 bytes.
pub(super) const LONGEST: &str = "\
    Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`\
    %_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\
    \"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zürich '\"\\`%_;--Zür\
    ich '\"\\`%_;--Z";

/// Server, plugin, password, authentication string.
pub(super) type Vector = (&'static str, &'static str, &'static str, &'static [u8]);

#[rustfmt::skip]
pub(super) const VECTORS: &[Vector] = &[
    ("MySQL 8.0.30", "caching_sha2_password", ONE,
        b"$A$005$p\x1evJKCt\x0e\tM\x07\x1d%\x0e@w\"]w6AaKMzL6YDGIgtMCe.vszhfncAO0ctaBXyrZXcnOw5JC"),
    ("MySQL 8.0.30", "caching_sha2_password", ODD,
        b"$A$005$,X<T\t\x10h\x0e \x16X\x0cB\x04\\9\x0fv\t\x02awoXrP5JpHXr/XHc1MTIptVFgOjDNVv6Ed3hSaOyOi5"),
    ("MySQL 8.0.30", "caching_sha2_password", UNICODE,
        b"$A$005$w'w]L\\\"\x1d]\x7f\x0fZ\x119\x0c\x02+\x1a \x191LB13uSBKZBj5pn1m4H1zETGs4oP3gZyczHy8R2uxD3"),
    ("MySQL 8.0.30", "caching_sha2_password", USUAL,
        b"$A$005$:>Bi\x067mM*]'\x01\x13gU:\x0f9\x14Axl681OCttDIyKYl4GD8WrRhufBD/Ipn7B2JNDlmsOg3"),
    ("MySQL 8.0.30", "caching_sha2_password", LONGEST,
        b"$A$005$\x07\\*t-p{\x02IO\x1c\x0e{\x1fi\x14_\t\x01-c0UtxJYYJxX4RWKlTPakul0uT/1MMGWI1BXtXcEe9S9"),
    ("MySQL 9.7.4", "caching_sha2_password", ONE,
        b"$A$00A$%26\x13\x0f\x11\x10\tD\x01&\x086F1_P=]QniX/X886xd1Bveaf.OmQ/o2UA3.fmE5vxPZxTUKQhe6"),
    ("MySQL 9.7.4", "caching_sha2_password", ODD,
        b"$A$00A$\x1bz\x1d\x01xP)X%a?\n6IJF1\r\x0c\x04987SOZ7uZUqmn03NU8BMqTfu9AcsxSSZDBgu/mF5W08"),
    ("MySQL 9.7.4", "caching_sha2_password", UNICODE,
        b"$A$00A$-\x08\x15?x-q~A\x14\x19\x12;{H^\x12\x100071yGailfMbqZl9/TgC51SHw637sF3Bie98VYLUR3KNC"),
    ("MySQL 9.7.4", "caching_sha2_password", USUAL,
        b"$A$00A$\x03A\x18\x18*\x1aT^1\x1ah\x06Fw`.\"Fv\x1beAniMnAtrGpvkuyVisIlo3oiYkleVngv7XVkMXuSlj6"),
    ("MySQL 9.7.4", "caching_sha2_password", LONGEST,
        b"$A$00A$\x14Wz[\x10\x16\x1a\x0f^Y\nvKLu\x17=\x1a\rI2Q1UwuunPQa8n4YNpZPE2zdBupMKEXldk9m1kU4TXs1"),
    ("MySQL 9.7.4", "caching_sha2_password", UNICODE,
        b"$A$00C$ J}\x1fe\x08Q{\x04he\x1b\x1dk\x1b\x0cP>\x1e_qaXCF6UZ6tqT79PAqvPY9cDs7bHaq4Jp6B4MU8bCge7"),
    ("MySQL 9.7.4", "caching_sha2_password", UNICODE,
        b"$B$00C$=4hoL1\x06\x0bLX\x11X=E\x18l&\x0f\\\x11u5Og76NfZbqQfAXq7T+F5aSWQUzfO1LZOMGGNkgI5lN6+2cJVlnK5zkRg1Nv0+WgkXC0Zkhzu4NNm3++/C26jA=="),
    ("MySQL 9.7.4", "caching_sha2_password", ONE,
        b"$B$005$S(;R,}\x0bTI:\x18P|l\t\x03R\x0f\x01vx5uZGRDUyPmJWX4g8s4fGEbSkT6BUDobJ3/PiODILKXrQ5WHEPb1pXfMYipFBiDdVHI+JVxpXmhoEO5Zrfjmew=="),
    ("MySQL 9.7.4", "caching_sha2_password", ODD,
        b"$B$005$<\\\x06\x043\x06zf\x13jl\x0c\t 82\x10\x16`\x06n/wW+OXtwOdxcsU8ZC54vdXNIwdofzWrgfOklkL0DfFug9AdXlXwWFrAjEJQ3tlk6dF8NY0/VQTuMA8ihpgxXQ=="),
    ("MySQL 9.7.4", "caching_sha2_password", BLOCK,
        b"$B$005$, i9\x18+\"\x13B_Yq\x02/f(\x0b<\x0eF6ULZoXK3qWwxSVD89caRdpDt0cQViL4FLYUlnSGLotZZaMetzUFCFwAycICvlH7JjTtqlXCsd/xxq2en0bh/hQ=="),
    ("MySQL 9.7.4", "caching_sha2_password", ABOVE_BLOCK,
        b"$B$005$>\x01'p\x08=!;nX\x13q\x1aNu\x0f\\L\x02\x0byDGqUXvJVtY6DA/BZLXCwBDUed+uE1ZpzlZDefuKMTIhGm+rD+h8J9uXTXks8Rr7ICkXaWRb3t3Vxj/VCIrr3A=="),
    ("MySQL 9.7.4", "caching_sha2_password", LONGEST,
        b"$B$005$\x19c\x0ey_\"ZV\rGF=E=\x08'tV\x1bvvdLFH1Hi8SnRflftGXUe01VAe71XxdWgUCKKXqf1QJDit5dYWCrU/e51/RFFlljkgVIZOVRjkWQkQj6YNVU+Hg=="),
    ("MySQL 5.7.36", "sha256_password", ONE,
        b"$5$\x1bRQAX)\x0f?M4{\x1f14r#\x13z\x1c\n$frsYcGZNywvrceGcFFD7H2MlP1Cqd5II2TOEfZHosA1"),
    ("MySQL 5.7.36", "sha256_password", ODD,
        b"$5$<\x0c\x07\x11\x1c\\K\"Is5A,\x02\x15a\x0e\"\x18d$QkYIaQjnGwfhmneDl9rbr04BekJwA3t6WevQuNBHyU3"),
    ("MySQL 5.7.36", "sha256_password", BMP,
        b"$5$]}x\x0bi6'\\e\x07\x0c0\x0eR@hs\x7fy\"$JD8ltsvCO05ZAgdH9K9DK2O8iuN94oEmRgmyp6UzlxC"),
    ("MySQL 5.7.36", "sha256_password", LONGEST,
        b"$5$/Gj\n\x0b\x180Ci\x12;]>\x0b\x08\x19\x1d8@\x1b$qSbHf537ygxsLmZxJfk.m2ozYle1wFW.K6jfvhXx.62"),
    ("MySQL 8.0.30", "sha256_password", ONE,
        b"$5$r\\\"K\x12\x1f'\x114[}j:f4UXV/\x16$j3sv23hVd7wBm8MwarN7Do2/89DiyPnkbNaelOGZVI2"),
    ("MySQL 8.0.30", "sha256_password", ODD,
        b"$5$]3\x17j\x01O\x0e\x1c/\x15U\x10h\x0eV\x05@t{L$ttbd4EXXZu3pMRN9NhihitNyN2Q1Rwsh1CmqWOmrwC7"),
    ("MySQL 8.0.30", "sha256_password", UNICODE,
        b"$5$\x1eOhqY\x18K\x13\x07'\x11\x0er`\x11L\x14\x1b)z$z6Jvs57O8mw6zlRaWAbgC15bv3YwSm2cnlDfS.37mKC"),
    ("MySQL 8.0.30", "sha256_password", LONGEST,
        b"$5$\x0e\x01|d\x01f\x0c\tk.mVc`ol\x08Ku?$y8z/X8dEkFty05jawxTGb5CuAL6YRkcVyHvanbtZSRA"),
    ("MySQL 9.7.4", "sha256_password", ONE,
        b"$5$\x11\\\x1fg\x0fg)WR\x06B\x1d#!ZIH:9P$PCABDhfuW8xF5QPWe3F2xjd.dJuwimpeMKIqpU6LWX3"),
    ("MySQL 9.7.4", "sha256_password", ODD,
        b"$5$vbL\x1c\x03\x08\x7f/)]\x19\x06/l@1L9\x11\x1f$OXPt4jHlhVl15GOTMaB2d2mv2imn5VODjhsEhEdyjt8"),
    ("MySQL 9.7.4", "sha256_password", UNICODE,
        b"$5$@Mx\x02n\x0f\x04\x05/O\x0eqL}\t\x1eODP\x19$8.jVXb0vvLeUmX2AfjvVzqcC.qqQQFwCScDDs0PdkF4"),
    ("MySQL 9.7.4", "sha256_password", LONGEST,
        b"$5$%\x01\x1f[],N\x01^Ge.E'\x1b\x17Je4\x03$6sLeo3/BdD4Wm9WGLk52TsL3eVaMrIpEnS/V8Djp1n/"),
    ("MySQL 5.7.36, 8.0.30, MariaDB 10.11.19, MariaDB 11.8.9", "mysql_native_password", ONE,
        b"*B69027D44F6E5EDC07F1AEAD1477967B16F28227"),
    ("MySQL 5.7.36, 8.0.30, MariaDB 10.11.19, MariaDB 11.8.9", "mysql_native_password", ODD,
        b"*70AD3C8B526B77C3C57C80903DE21B95A75D11BF"),
    ("MySQL 5.7.36, 8.0.30, MariaDB 10.11.19, MariaDB 11.8.9", "mysql_native_password", LONGEST,
        b"*654C6435810344007C75C5820FADF178F25F846A"),
    ("MariaDB 10.11.19, MariaDB 11.8.9", "ed25519", ONE,
        b"Gv2JI8Env2fd5YGonZ082tX3UAW+yJYldOlj4R1bfK4"),
    ("MariaDB 10.11.19, MariaDB 11.8.9", "ed25519", ODD,
        b"7JwFFbl6S4BCgBHM5Dp0Ro4R61SVPn9d31NYtcoo45o"),
    ("MariaDB 10.11.19, MariaDB 11.8.9", "mysql_native_password", UNICODE,
        b"*FF919149F72AE2F34A804544B48938C585DC552F"),
    ("MariaDB 10.11.19, MariaDB 11.8.9", "ed25519", UNICODE,
        b"3Z5y/NRdBfNzFDSSFecCJB9N6zdb6p4DupR7jpIiBU0"),
    ("MariaDB 10.11.19, MariaDB 11.8.9", "ed25519", LONGEST,
        b"HYr9r8ZKs2si9Ih+AKyu4olyHXxCG9c8Pa1j/8N7v9A"),
    ("MySQL 9.7.4, given", "caching_sha2_password", ODD,
        b"$A$005$\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9fJn7ZWPDLEx8NuJ5EWoHLSdwznnJW6O/Vvy2X/JbYL69"),
    ("MySQL 9.7.4, given", "caching_sha2_password", ODD,
        b"$B$001$abcde$ghijklmnopqrst7ZCKLfVA+YylArJnnimj5q1derRKaO42pC6egBgYM8wYiLxFmjCueqwusxLhK8QxgRfbIXD6R9FOlJlymH2DQg=="),
    ("MySQL 9.7.4, given", "caching_sha2_password", ODD,
        b"$A$001$\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9fJn7ZWPDLEx8NuJ5EWoHLSdwznnJW6O/Vvy2X/JbYL69"),
    ("MySQL 9.7.4, given", "caching_sha2_password", ODD,
        b"$A$00a$\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9f\xc3\xa9\xc3\x9fQhKxOxUBgl/7W1CnLbfTHL38bLKTNUuTQ0GKZ21iFA8"),
];

/// Server, plugin, `User_attributes` after the password "first" was retained.
#[rustfmt::skip]
pub(super) const RETAINED: &[(&str, &str, &str)] = &[
    ("MySQL 8.0.30", "caching_sha2_password",
        r#"{"additional_password": "$A$005$`)\"\u001f\u001f\u001fD%oP1L-'4~;\u001f\u0017aX7hN3GMPJdCGzgNY7.trud7JC2lzRv5bpXMGM9tAnr5"}"#),
    ("MySQL 8.0.30", "mysql_native_password",
        r#"{"additional_password": "*9BDE81F857CBD7E27CAED548ED36F57CE4307F0B"}"#),
    ("MySQL 9.7.4", "caching_sha2_password",
        r#"{"additional_password": "$A$00A$~\u001fHDtCH\u0001{wCR\u0005\b(=\u0001F\u0018T5G7st/7uogUi4eagJqrOawgaz3AJPJ36jvolwlKIAu6"}"#),
];
