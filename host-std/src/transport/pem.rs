//! Certificates and keys out of files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::broken::of_file;

use crate::terminal::say;

/// All certificates of a file, of which there is one at least.
///
/// # Errors
/// The file, and what is wrong with it.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let text = fs::read(path).map_err(|error| wrong(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong(&"there is no certificate in it (PEM: BEGIN CERTIFICATE)")),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(&not_pem(&error))),
    }
}

/// The certificates of a file, as those that others have to come from.
///
/// # Errors
/// The file, and what is wrong with it.
pub(crate) fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| format!("{}: {}", path.display(), of_file(&error)))?;
    }
    Ok(store)
}

/// The first private key of a file. One that others may read is said on stderr.
///
/// # Errors
/// The file, and what is wrong with it.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let text = fs::read(path).map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        _ if is_encrypted(&text) => {
            wrong(&"the private key in it is encrypted, which is not supported: openssl pkey decrypts it")
        }
        pem::Error::NoItemsFound => wrong(&"there is no private key in it (PEM: BEGIN PRIVATE KEY)"),
        error => wrong(&not_pem(&error)),
    })?;
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o004 != 0 {
        say(format_args!("warning: {} can be read by every user of this machine (chmod o= {0})", path.display()));
    }
    Ok(key)
}

/// Whether a passphrase is needed for a key of a file, in either of the forms that there are.
fn is_encrypted(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| line == b"-----BEGIN ENCRYPTED PRIVATE KEY-----" || line == b"Proc-Type: 4,ENCRYPTED")
}

fn not_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("not PEM: it ends before END {}", end_marker.escape_ascii())
        }
        pem::Error::IllegalSectionStart { line } => {
            format!("not PEM: {} begins nothing", line.trim_ascii().escape_ascii())
        }
        error => format!("not PEM: {error}"),
    }
}
