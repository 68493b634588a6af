//! Finds secrets in what was written, in every form that a log could give them.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, Once};

use sha2::{Digest, Sha256};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Everything that is logged on this thread, at every level, until it is dropped.
///
/// A `#[tokio::test]` runs on one thread, so that no other test's lines are caught.
#[derive(Debug)]
pub(crate) struct Capture {
    written: Written,
    _guard: DefaultGuard,
}

impl Capture {
    /// Makes every line worth asking for, from now on. A place in the code whose line is logged for
    /// the first time where nobody listens may be taken for one that nobody ever wants, although a
    /// capture begins at that moment.
    pub(crate) fn prepare() {
        static PREPARED: Once = Once::new();
        PREPARED.call_once(|| {
            let listener = tracing_subscriber::registry().with(dynamic_filter_fn(|_, _| false));
            tracing::subscriber::set_global_default(listener).expect("nobody else sets it");
        });
    }

    pub(crate) fn everything() -> Self {
        Self::prepare();
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(written.clone())
            .with_ansi(false)
            .finish();
        Self { written, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.0.lock().unwrap()).into_owned()
    }
}

#[derive(Clone, Debug, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

/// Fails if `text` holds any of `secrets` in any form. `place` says where the text is from.
pub(crate) fn assert_absent(secrets: &[&str], text: &str, place: &str) {
    for secret in secrets {
        for (form, hidden) in forms(secret) {
            if let Some(at) = memchr::memmem::find(text.as_bytes(), hidden.as_bytes()) {
                let line = text[..at].matches('\n').count() + 1;
                panic!("line {line} of {place} holds a secret, {form}:\n{}", around(text, at));
            }
        }
    }
}

/// The ways in which a secret could be written.
pub(crate) fn forms(secret: &str) -> Vec<(&'static str, String)> {
    assert!(secret.len() >= 8, "too short to be told from other text");
    let json = serde_json::to_string(secret).unwrap();
    let json_in_json = serde_json::to_string(&json).unwrap();
    let sha1 = <sha1::Sha1 as sha1::Digest>::digest(secret);
    let bytes = format!("{:?}", secret.as_bytes());
    let mut forms = vec![
        ("plain", secret.to_owned()),
        ("escaped as JSON", inner(&json, 1)),
        ("escaped as JSON in JSON", inner(&json_in_json, 3)),
        ("escaped as Rust", inner(&format!("{secret:?}"), 1)),
        ("as bytes", secret.escape_default().to_string()),
        ("as numbers", inner(&bytes, 1)),
        ("escaped as SQL", secret.replace('\'', "''")),
        ("encoded as a URL", percent_encoded(secret)),
        ("in hexadecimal", hex(secret.as_bytes())),
        ("as its SHA-1", hex(&sha1)),
        ("as MySQL's native hash", hex(&<sha1::Sha1 as sha1::Digest>::digest(sha1))),
        ("as its SHA-256", hex(&Sha256::digest(secret))),
    ];
    let upper = |(form, text): &(&'static str, String)| (*form, text.to_ascii_uppercase());
    let hexadecimal: Vec<_> = forms[8..].iter().map(upper).collect();
    forms.extend(hexadecimal);
    // Whatever the escaping: a long run of letters and digits survives it.
    let run = secret.split(|c: char| !c.is_ascii_alphanumeric()).max_by_key(|run| run.len());
    if let Some(run) = run.filter(|run| run.len() >= 8) {
        forms.push(("in part", run.to_owned()));
    }
    forms
}

fn inner(text: &str, cut: usize) -> String {
    text[cut..text.len() - cut].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn percent_encoded(plain: &str) -> String {
    plain.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn around(text: &str, at: usize) -> String {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    text[start..end].chars().take(2000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "line 2 of the log holds a secret, as MySQL's native hash")]
    fn a_hash_in_a_log_is_found() {
        // SELECT PASSWORD('password')
        let log = "first\n*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19";
        assert_absent(&["password"], log, "the log");
    }

    #[test]
    #[should_panic(expected = "holds a secret, escaped as JSON in JSON")]
    fn a_password_in_a_document_in_a_log_is_found() {
        let document = serde_json::json!({"password": "a\"b\\c'd%e"}).to_string();
        let line = serde_json::json!({"message": document}).to_string();
        assert_absent(&["a\"b\\c'd%e"], &line, "the log");
    }

    #[test]
    fn a_log_without_a_secret_passes() {
        assert_absent(&["canary-1234"], "canary, 1234", "the log");
    }
}
