//! Certificates, made for one test: of an authority, and of those whom it vouches for.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Who vouches for others. What it writes is in one folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as PEM.
    pub certificate: PathBuf,
}

/// Who is vouched for.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its certificate, as PEM.
    pub certificate: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
}

impl Authority {
    /// One of that name, whose files are in `folder`.
    ///
    /// # Panics
    /// When a file can't be written.
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let own = params.self_signed(&key).expect("a certificate");
        let certificate = write(folder, &format!("{name}.pem"), &own.pem());
        Self { folder: folder.to_owned(), issuer: Issuer::new(params, key), certificate }
    }

    /// Somebody at these names or addresses.
    ///
    /// # Panics
    /// When a name is none, or a file can't be written.
    pub fn vouch(&self, name: &str, hosts: &[&str]) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let signed = params(name, hosts).signed_by(&key, &self.issuer).expect("a certificate");
        Identity {
            certificate: write(&self.folder, &format!("{name}.pem"), &signed.pem()),
            key: write(&self.folder, &format!("{name}.key"), &key.serialize_pem()),
        }
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("names of hosts");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file");
    path
}
