//! Prints what proving a password costs: `cargo run --release --package account-mirror --example rounds`.
//!
//! With a number as its argument it proves one password by so many thousand rounds, and prints
//! nothing: the bench counts its instructions.

#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use account_mirror::proof::{AuthString, Format, Meaning};
use sha2::{Digest, Sha256};

const SALT: &str = "0123456789abcdefghij";

fn main() {
    let sha_crypt = "w".repeat(42) + "1";
    if let Some(thousands) = std::env::args().nth(1).and_then(|number| number.parse().ok()) {
        return prove(&stored("A", thousands, &sha_crypt), &"p".repeat(32));
    }
    println!("the least of 50 runs of each");
    for (what, kind, digest) in
        [("SHA-crypt", "A", sha_crypt), ("PBKDF2", "B", "A".repeat(86) + "==")]
    {
        for length in [16, 32, 256] {
            for thousands in [5, 10] {
                let string = stored(kind, thousands, &digest);
                let time = least(|| prove(&string, &"p".repeat(length)));
                println!(
                    "{what:10} {thousands:3},000 rounds, {length:3} bytes of password: {time:.2?}"
                );
            }
        }
    }
    let naive = least(|| plain_rounds(&[b'p'; 32], SALT.as_bytes(), 5000));
    println!("SHA-crypt, rounds on the digest's interface, 5,000 rounds, 32 bytes: {naive:.2?}");
}

fn stored(kind: &str, thousands: u32, digest: &str) -> String {
    format!("${kind}${thousands:03X}${SALT}{digest}")
}

fn least(mut work: impl FnMut()) -> Duration {
    (0..50)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn prove(string: &str, password: &str) {
    let Meaning::Hash(hash) = AuthString::new(string).meaning(Some(Format::CachingSha2)) else {
        panic!("{string} is a hash");
    };
    let Ok(_) = hash.matches(password.as_bytes(), |_, _| Ok::<_, Infallible>(()));
}

/// The rounds alone, each hashed from its parts.
fn plain_rounds(password: &[u8], salt: &[u8], rounds: u32) {
    let mut digest = Sha256::digest(password);
    for round in 0..rounds {
        let mut next = Sha256::new();
        if round % 2 == 1 {
            next.update(password)
        } else {
            next.update(digest)
        }
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        if round % 2 == 1 {
            next.update(digest)
        } else {
            next.update(password)
        }
        digest = next.finalize();
    }
    assert_ne!(digest[..], password[..]);
}
