//! The flags that say who may do what.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::operations::rights::{Algorithm, Declared, Policy, Rights, Sources};
use crate::terminal::StartError;

/// Who may do what with a server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rights")]
pub(super) struct RightsOptions {
    /// File of the tokens that may do anything here, as `streamgauge token new` writes it; SIGHUP reads it again
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// File of the keys that sign tokens (a JWKS of public keys); SIGHUP reads it again
    #[arg(long, value_name = "FILE")]
    jwt_keys: Option<PathBuf>,
    /// Algorithms of signed tokens
    #[arg(
        long, value_name = "NAMES", value_delimiter = ',', value_parser = algorithm, default_value = "EdDSA,ES256,RS256",
        requires = "jwt_keys"
    )]
    jwt_algorithms: Vec<Algorithm>,
    /// Whom a signed token has to be for (may be repeated: for one of them)
    #[arg(long, value_name = "NAME", requires = "jwt_keys")]
    jwt_audience: Vec<String>,
    /// Who has to have issued a signed token
    #[arg(long, value_name = "NAME", requires = "jwt_keys")]
    jwt_issuer: Option<String>,
    /// Let everybody do everything, also from other machines
    #[arg(long, conflicts_with_all = ["tokens", "jwt_keys"])]
    open: bool,
}

impl RightsOptions {
    /// Reads what they name, beside what is declared; `None` if everybody may do everything.
    ///
    /// # Errors
    /// What is wrong with a file, or that other machines would be let in by mistake: some of `listening` are open to them.
    pub(super) fn rights(
        &self,
        declared: Declared,
        listening: &[SocketAddr],
    ) -> Result<Option<Arc<Rights>>, StartError> {
        if let Some((place, _)) = declared.first().filter(|_| self.open) {
            return Err(StartError::new(format_args!("--open: {place} says who may do what")));
        }
        if self.tokens.is_none() && self.jwt_keys.is_none() && declared.is_empty() {
            return match listening.iter().find(|at| !at.ip().to_canonical().is_loopback()) {
                Some(at) if !self.open => Err(StartError::new(format_args!(
                    "--address: whoever reaches {at} could do anything: --tokens FILE says who may, --open that all may"
                ))),
                _ => Ok(None),
            };
        }
        let policy = Policy {
            algorithms: self.jwt_algorithms.clone(),
            audience: self.jwt_audience.clone(),
            issuer: self.jwt_issuer.clone(),
        };
        let jwt = self.jwt_keys.clone().map(|keys| (keys, policy));
        let sources = Sources { tokens: self.tokens.clone(), jwt };
        Rights::open(sources, declared).map(Some).map_err(StartError::new)
    }
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    let named = Algorithm::named(name);
    named.ok_or_else(|| format!("one of {}", Algorithm::ALL.map(Algorithm::name).join(", ")))
}
