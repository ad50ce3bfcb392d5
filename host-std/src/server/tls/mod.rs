//! TLS for a server: a certificate that can be changed while it runs, and how connections begin.
//!
//! `ring` does the cryptography. TLS 1.2 and 1.3 are spoken, and sessions are resumed by tickets, so that nothing is kept
//! for a client that has gone. A reload makes a new key for tickets: who was let in by an authority that is no longer
//! named has to show a certificate again.

mod handshake;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ServerConfig, version};

use crate::transport::{misfit, pem};

pub(super) use handshake::begin;
pub(crate) use handshake::handshakes;

/// Where a server's certificate comes from.
#[derive(Debug, Clone)]
pub struct Files {
    /// Its certificate, and those between it and an authority.
    pub certificate: PathBuf,
    /// The key that belongs to it.
    pub key: PathBuf,
    /// Who has to have signed the certificates of clients; without, they need none.
    pub client_authorities: Option<PathBuf>,
}

/// What a server shows and asks for in handshakes. Clones are the same one.
#[derive(Clone)]
pub struct Tls(Arc<State>);

struct State {
    files: Files,
    config: Mutex<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// The flag, the file, and what is wrong with it.
    pub fn open(files: Files) -> Result<Self, String> {
        let config = Mutex::new(Arc::new(read(&files)?));
        Ok(Self(Arc::new(State { files, config })))
    }

    /// Reads the files again, for the handshakes from now on. If anything is wrong with them, all stays as it is, and the
    /// log says why.
    pub fn reload(&self) {
        match read(&self.0.files) {
            Ok(config) => {
                *self.0.config.lock() = Arc::new(config);
                tracing::info!("the certificate was read again");
            }
            Err(why) => tracing::warn!(%why, "the certificate stays the one before"),
        }
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.config.lock())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.0.files).finish()
    }
}

fn read(files: &Files) -> Result<ServerConfig, String> {
    let certificates = pem::certificates(&files.certificate).map_err(|why| format!("--tls-cert: {why}"))?;
    let key = pem::key(&files.key).map_err(|why| format!("--tls-key: {why}"))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| error.to_string())?;
    let builder = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let wrong = |why: &dyn fmt::Display| format!("--tls-client-ca: {why}");
            let authorities = pem::authorities(path).map_err(|why| wrong(&why))?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(&error))?)
        }
    };
    let mut config = builder
        .with_single_cert(certificates, key)
        .map_err(|error| format!("--tls-cert, --tls-key: {}", misfit(&error, &files.certificate, &files.key)))?;
    config.alpn_protocols = [&b"h2"[..], b"http/1.1", b"http/1.0"].map(<[u8]>::to_vec).into();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = ring::Ticketer::new().map_err(|error| error.to_string())?;
    Ok(config)
}
