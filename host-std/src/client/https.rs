//! https: whom to trust, and what to show.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, version};
use tokio::net::TcpStream;

use super::{Error, Url};
use crate::transport::{Secure, Transport, misfit, pem};

/// Chosen once in a process, at the latest by its first connection that is encrypted.
static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();

/// The file of authorities that counts where nothing was chosen, and the variable that names it.
static AUTHORITIES: OnceLock<(PathBuf, &'static str)> = OnceLock::new();

/// Chooses for all connections of this process whose certificates are accepted: those that the authorities of a file
/// have signed, and no others; without one, those that the system trusts. A server may ask for a certificate in return:
/// `identity` is the file of that, and the file of its key.
///
/// # Errors
/// The file, and what is wrong with it; or that the choice comes too late.
pub fn trust(authorities: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<(), String> {
    let config = configure(authorities, identity)?;
    CONFIG.set(Ok(Arc::new(config))).map_err(|_| "there have been connections already".to_owned())
}

/// The same with the file that a variable names: it is read for the first connection that is encrypted, if there is one.
pub(crate) fn trust_later(authorities: PathBuf, variable: &'static str) {
    let _ = AUTHORITIES.set((authorities, variable));
}

/// What was chosen.
///
/// # Errors
/// A file can't be read, or nobody is trusted.
pub(super) fn config() -> Result<Arc<ClientConfig>, Error> {
    let config = CONFIG.get_or_init(|| match AUTHORITIES.get() {
        None => configure(None, None).map(Arc::new),
        Some((file, variable)) => configure(Some(file), None).map(Arc::new).map_err(|why| format!("{variable}: {why}")),
    });
    config.clone().map_err(Error::Setup)
}

/// Makes a connection secure, to the host that the URL names.
pub(super) async fn secure(socket: TcpStream, url: &Url, config: Arc<ClientConfig>) -> io::Result<Transport> {
    let name = ServerName::try_from(url.host().to_owned()).map_err(io::Error::other)?;
    let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
    Ok(Secure::handshake(socket, session).await?.into())
}

fn configure(authorities: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<ClientConfig, String> {
    let roots = authorities.map_or_else(of_the_system, pem::authorities)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(pem::certificates(certificate)?, pem::key(key)?)
            .map_err(|error| misfit(&error, certificate, key))?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn of_the_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(format!("this system trusts no certificate authority{why}; name one with --ca-file"));
    }
    Ok(roots)
}
