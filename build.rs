//! Decodes the roots of Amazon RDS once, when the function is built, and not at each start.

use std::path::Path;
use std::{env, fs};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder this way")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let roots = "certs/rds-roots.pem";
    println!("cargo::rerun-if-changed={roots}");
    let roots: Vec<CertificateDer> =
        CertificateDer::pem_file_iter(roots)?.collect::<Result<_, _>>()?;
    let list: String = roots.iter().map(|root| format!("&{:?},\n", root.as_ref())).collect();
    let file = Path::new(&env::var("OUT_DIR")?).join("rds_roots.rs");
    Ok(fs::write(file, format!("[\n{list}]\n"))?)
}
