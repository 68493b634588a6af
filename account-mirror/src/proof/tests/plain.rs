//! The functions with rounds against the same, written plainly.

use std::convert::Infallible;
use std::iter::successors;

use sha2::{Digest, Sha256, Sha512};

use super::super::{pbkdf2, sha_crypt};

#[test]
fn the_rounds_laid_out_are_those_of_the_specification() {
    for length in 0..=256 {
        let random = |label: &str| Sha512::digest(format!("{label} {length}")).to_vec();
        let password: Vec<u8> =
            successors(Some(random("password")), |last| Some(Sha512::digest(last).to_vec()))
                .flatten()
                .take(length)
                .collect();
        let salt: [u8; 20] = random("salt")[..20].try_into().unwrap();
        let go_on = |_, _| Ok::<_, Infallible>(());
        for rounds in [1, 7, 43, 85, 128] {
            let Ok(hash) = sha_crypt::hash(&password, &salt, rounds, go_on);
            assert_eq!(hash, sha_crypt(&password, &salt, rounds)[..], "{length}");
        }
        let Ok(key) = pbkdf2::key(&password, &salt, 128, go_on);
        assert_eq!(key, pbkdf2(&password, &salt, 128), "{length}");
    }
}

/// SHA-crypt, step by step as in its specification.
fn sha_crypt(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let repeated = |digest: &[u8], length: usize| -> Vec<u8> {
        digest.iter().copied().cycle().take(length).collect()
    };
    let b = Sha256::digest([password, salt, password].concat());
    let mut a = [password, salt, &repeated(&b, password.len())].concat();
    let mut length = password.len();
    while length != 0 {
        a.extend(if length & 1 == 1 { &b } else { password });
        length >>= 1;
    }
    let mut digest = Sha256::digest(a);
    let p = repeated(&Sha256::digest(password.repeat(password.len())), password.len());
    let s = repeated(&Sha256::digest(salt.repeat(16 + usize::from(digest[0]))), salt.len());
    for round in 0..rounds {
        let mut c = if round % 2 == 1 { p.clone() } else { digest.to_vec() };
        c.extend(if round % 3 != 0 { &s[..] } else { &[] });
        c.extend(if round % 7 != 0 { &p[..] } else { &[] });
        c.extend(if round % 2 == 1 { &digest[..] } else { &p });
        digest = Sha256::digest(c);
    }
    let alphabet = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let groups = [
        [0, 10, 20],
        [21, 1, 11],
        [12, 22, 2],
        [3, 13, 23],
        [24, 4, 14],
        [15, 25, 5],
        [6, 16, 26],
        [27, 7, 17],
        [18, 28, 8],
        [9, 19, 29],
    ];
    let mut bits: Vec<u32> = groups
        .map(|group| group.iter().fold(0, |bits, &at| bits << 8 | u32::from(digest[at])))
        .to_vec();
    bits.push(u32::from(digest[31]) << 8 | u32::from(digest[30]));
    let characters = bits.iter().flat_map(|bits| [0, 6, 12, 18].map(|by| bits >> by & 63));
    characters.take(43).map(|index| alphabet[index as usize]).collect()
}

/// PBKDF2 with HMAC and SHA-512, step by step as in RFC 8018 and RFC 2104.
fn pbkdf2(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 64] {
    let hmac = |message: &[u8]| {
        let mut key = if password.len() > 128 {
            Sha512::digest(password).to_vec()
        } else {
            password.to_vec()
        };
        key.resize(128, 0);
        let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
        let inner = Sha512::digest([&padded(0x36)[..], message].concat());
        Sha512::digest([&padded(0x5c)[..], &inner].concat())
    };
    let first = hmac(&[salt, &[0, 0, 0, 1]].concat());
    successors(Some(first), |last| Some(hmac(last)))
        .take(rounds as usize)
        .fold([0; 64], |key, mac| std::array::from_fn(|at| key[at] ^ mac[at]))
}
