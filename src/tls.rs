//! Whether and how a connection to the database is encrypted.
//!
//! There are two modes and no fallback between them: TLS with the certificate and the name
//! verified, or plaintext where the secret says `"ssl": false`. Each login obeys its own secret.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use account_mirror::error::list;
use mysql_async::{Opts, OptsBuilder, SslOpts};
use rustls::CertificateError;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::caller::say;
use crate::endpoint::region_of_host;
use crate::error::{Error, ErrorType};

/// The roots of Amazon RDS, which are in no public store, as DER. See `certs/README.md`.
const RDS_ROOTS: &[&[u8]] = &include!(concat!(env!("OUT_DIR"), "/rds_roots.rs"));

/// The driver's options for each mode, with the TLS connector that all connections of the mode share
/// and the sessions that it can resume. A resumed session is not verified again, so none is kept
/// beyond the process, nor used for another name or with other roots.
static OPTIONS: LazyLock<Mutex<HashMap<TlsMode, Opts>>> = LazyLock::new(|| {
    prefer_p256();
    Mutex::default()
});

/// How many modes are kept: a name in a certificate that differs from the host makes one of its own.
const MOST_MODES: usize = 16;

/// What a login demands of its connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// The server's certificate must chain to a known root and have the expected name.
    Verified {
        /// The name in the certificate, where that is not the host.
        server_name: Option<String>,
        /// A file with further roots.
        ca_file: Option<PathBuf>,
    },
    /// No encryption, because the secret says so.
    Plaintext,
}

impl TlsMode {
    /// The same mode for another host, whose certificate holds its own name.
    #[must_use]
    pub fn for_other_host(&self) -> Self {
        match self {
            Self::Plaintext => Self::Plaintext,
            Self::Verified { ca_file, .. } => {
                Self::Verified { server_name: None, ca_file: ca_file.clone() }
            }
        }
    }

    /// The name that the certificate of this host must hold.
    pub fn expected_name<'a>(&'a self, host: &'a str) -> &'a str {
        match self {
            Self::Verified { server_name: Some(name), .. } => name,
            Self::Verified { .. } | Self::Plaintext => host,
        }
    }

    /// The driver's options for this mode, without a server and a login.
    ///
    /// # Errors
    ///
    /// `ConfigurationInvalid` if the file with further roots is unusable.
    pub fn options(&self) -> Result<OptsBuilder, Error> {
        let Self::Verified { server_name, ca_file } = self else {
            return Ok(OptsBuilder::default());
        };
        let mut modes = OPTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(options) = modes.get(self) {
            return Ok(OptsBuilder::from_opts(options.clone()));
        }
        let mut roots: Vec<_> = RDS_ROOTS.iter().map(|root| (*root).into()).collect();
        if let Some(path) = ca_file {
            roots.push(read_roots(path)?.into());
        }
        // The public roots are built into the driver.
        let tls = SslOpts::default()
            .with_root_certs(roots)
            .with_danger_tls_hostname_override(server_name.clone());
        let options = Opts::from(OptsBuilder::default().ssl_opts(tls));
        if modes.len() >= MOST_MODES {
            modes.clear();
        }
        modes.insert(self.clone(), options.clone());
        Ok(OptsBuilder::from_opts(options))
    }
}

/// Makes P-256 the first key share, for the driver's connectors: MySQL takes no X25519, and would ask
/// for another one in a further round trip.
fn prefer_p256() {
    let kx_groups =
        vec![ring::kx_group::SECP256R1, ring::kx_group::X25519, ring::kx_group::SECP384R1];
    // A provider that is installed already is kept.
    let _ = CryptoProvider { kx_groups, ..ring::default_provider() }.install_default();
}

/// Reads a file of roots.
///
/// # Errors
///
/// `ConfigurationInvalid` if it is not there, not PEM, or empty.
pub fn read_roots(path: &Path) -> Result<Vec<u8>, Error> {
    let unusable = |found: String| {
        ErrorType::ConfigurationInvalid.because(format!(
            "{} is \"{}\"; it must be a file of PEM certificates{}, but {found}",
            say("TLS_CA_FILE", "the file with further authorities (--ca-file, TLS_CA_FILE)"),
            path.display(),
            say(" in the function's package or a layer", "")
        ))
    };
    let pem =
        std::fs::read(path).map_err(|error| unusable(format!("reading it failed: {error}")))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(pem),
        Ok(_) => Err(unusable("it holds no certificate".to_owned())),
        Err(error) => Err(unusable(format!("it is not PEM: {error}"))),
    }
}

/// What is wrong with a connection whose TLS failed, and what to do, for an error's text. `names` are
/// the host, and for whom the certificate was to be, where a text may tell them.
pub fn explain(
    error: &(dyn std::error::Error + 'static),
    names: Option<(&str, &str)>,
) -> Option<String> {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    let found = rustls_error(error)?;
    Some(match found {
        rustls::Error::InvalidCertificate(problem) => match problem {
            UnknownIssuer => format!(
                "the server's certificate is signed by an authority that is not known here; {}put the \
                 authority's certificate into a file and name it {}",
                names.map_or_else(String::new, |(host, _)| region_hint(host)),
                say("in TLS_CA_FILE", "with --ca-file")
            ),
            NotValidForNameContext { presented, .. } if presented.is_empty() => {
                "the server's certificate has no alternative name, and a common name (CN) does not count; \
                 give it subjectAltName, with the host or what the secret has as \"tls_server_name\""
                    .to_owned()
            }
            NotValidForName | NotValidForNameContext { .. } => not_for(problem, names),
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => {
                format!("the server's certificate is out of date; renew it ({found})")
            }
            other => {
                let remedy = remedy_of_certificate(&format!("{other:?}"));
                format!("the server's certificate was not accepted: {found}; {remedy}")
            }
        },
        _ => format!(
            "the handshake failed: {found}; let the server offer TLS 1.2 or 1.3 with a usual cipher suite"
        ),
    })
}

fn not_for(problem: &CertificateError, names: Option<(&str, &str)>) -> String {
    let expected = match names {
        Some((_, name)) => format!("\"{name}\""),
        None => "that host, or what the secret has as \"tls_server_name\"".to_owned(),
    };
    let presented = match problem {
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!(" (it is for {})", list(presented))
        }
        _ => String::new(),
    };
    format!(
        "the server's certificate is not for {expected}; if that is an alias, put the name in the \
         certificate into the secret as \"tls_server_name\"{presented}"
    )
}

/// What to do about a certificate that is not accepted for this reason, as the library names it.
fn remedy_of_certificate(reason: &str) -> &'static str {
    let remedies = [
        ("UnsupportedCertVersion", "replace it by one of X.509 version 3"),
        (
            "CaUsedAsEndEntity",
            "replace it: it is an authority's own, which must sign one for the server",
        ),
        ("SignatureAlgorithm", "replace it by one with SHA-256 and RSA of 2048 bits, or ECDSA"),
    ];
    let known = remedies.iter().find(|(name, _)| reason.contains(name));
    known.map_or("replace it by one of version 3 with subjectAltName", |(_, remedy)| remedy)
}

/// The rustls error at the bottom of a driver's error, which may be wrapped in an I/O error.
fn rustls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && let Some(inner) = io.get_ref()
            && let Some(found) = rustls_error(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// For a host of RDS: whether the roots of its region are in this build.
fn region_hint(host: &str) -> String {
    let Some(region) = region_of_host(host) else {
        return String::new();
    };
    let marker = format!("Amazon RDS {region} Root CA");
    let is_marked =
        |root: &&[u8]| root.windows(marker.len()).any(|window| window == marker.as_bytes());
    let known = RDS_ROOTS.iter().any(is_marked);
    if known {
        format!("this build has the RDS roots of {region}, so the server's is another one; ")
    } else {
        format!("this build lacks the RDS roots of {region}: update certs/, or ")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::Arc;

    use rustls::OtherError;
    use rustls::pki_types::ServerName;

    use super::*;

    fn explained(problem: CertificateError) -> String {
        let names = Some(("db.example", "db.example"));
        explain(&rustls::Error::InvalidCertificate(problem), names).unwrap()
    }

    #[test]
    fn a_certificate_without_an_alternative_name_is_not_sent_in_a_circle() {
        let named = |presented: Vec<String>| {
            let expected = ServerName::try_from("db.example").unwrap().to_owned();
            explained(CertificateError::NotValidForNameContext { expected, presented })
        };
        let text = named(Vec::new());
        assert!(text.contains("give it subjectAltName") && !text.contains("alias"), "{text}");
        let text = named(vec!["other.example".to_owned()]);
        assert!(
            text.contains("as \"tls_server_name\"") && text.contains("other.example"),
            "{text}"
        );
    }

    /// As the library says it of a certificate of version 1.
    #[derive(Debug)]
    struct UnsupportedCertVersion;

    impl std::error::Error for UnsupportedCertVersion {}

    impl fmt::Display for UnsupportedCertVersion {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("UnsupportedCertVersion")
        }
    }

    #[test]
    fn each_fault_of_a_certificate_has_its_remedy() {
        let other = OtherError(Arc::new(UnsupportedCertVersion));
        let text = explained(CertificateError::Other(other));
        assert!(text.contains("replace it by one of X.509 version 3"), "{text}");
        let text = explained(CertificateError::Revoked);
        assert!(text.contains("replace it by one of version 3 with subjectAltName"), "{text}");
    }
}
