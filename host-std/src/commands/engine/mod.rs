//! `streamgauge engine`: whether an engine will do; and the flags that say where one is.

mod check;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::engine::remote::{Credentials, Settings};
use crate::terminal::StartError;
use crate::terminal::flags::{bytes, time, within};

/// What gateways keep topics and queues in together
#[derive(Debug, Parser)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    it will do
  1    it will not: what is wrong is a line each
  2    wrong flags, a file that they name can't be read, or no server answers";

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what is there, and what is wrong
    #[command(after_long_help = EXIT_CODES)]
    Check(CheckOptions),
}

#[derive(Debug, Args)]
struct CheckOptions {
    /// Where it is: nats://HOST:PORT,HOST:PORT
    #[arg(value_name = "URL", env = "STREAMGAUGE_ENGINE", value_parser = servers)]
    engine: Servers,
    #[command(flatten)]
    more: EngineOptions,
}

/// Does what is asked for.
///
/// # Errors
/// What is wrong with the flags, or can't be reached.
pub fn run(options: &Options) -> Result<ExitCode, StartError> {
    let Action::Check(CheckOptions { engine, more }) = &options.action;
    check::run(&more.settings(engine)?)
}

/// The servers of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Servers(Vec<String>);

/// What is told to an engine, and how this gateway proves who it is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct EngineOptions {
    /// Name of the group of gateways: of its streams, and what their subjects begin with
    #[arg(long, value_name = "NAME", default_value = "streamgauge", value_parser = group)]
    engine_group: String,
    /// Servers that keep what the group has [default: 3 of a cluster, 1 without]
    #[arg(long, value_name = "N", value_parser = |text: &str| within(text, 1..=5_u8))]
    replicas: Option<u8>,
    /// How long a client waits for the engine; beyond: 503
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    engine_timeout: Duration,
    /// Bytes of the log after which the state is saved
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = bytes)]
    engine_save_after: usize,
    /// Most bytes of the log in the engine, 1MiB at least; beyond: 507 [default: what the engine has]
    #[arg(long, value_name = "BYTES", value_parser = log_bytes)]
    engine_bytes: Option<usize>,
    /// File with a user's JWT and seed, as `nsc` writes it
    #[arg(long, value_name = "FILE", env = "STREAMGAUGE_ENGINE_CREDS")]
    engine_creds: Option<PathBuf>,
    /// File with a token, or with USER:PASSWORD
    #[arg(long, value_name = "FILE", env = "STREAMGAUGE_ENGINE_TOKEN_FILE", conflicts_with = "engine_creds")]
    engine_token_file: Option<PathBuf>,
    /// Certificates to trust, as PEM; the connection is by TLS then
    #[arg(long, value_name = "FILE", env = "STREAMGAUGE_ENGINE_CA")]
    engine_ca: Option<PathBuf>,
    /// This gateway's certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "engine_key")]
    engine_cert: Option<PathBuf>,
    /// Its key, as PEM
    #[arg(long, value_name = "FILE", requires = "engine_cert")]
    engine_key: Option<PathBuf>,
}

impl EngineOptions {
    /// What an engine is told.
    ///
    /// # Errors
    /// A file that can't be read.
    pub(super) fn settings(&self, Servers(servers): &Servers) -> Result<Settings, StartError> {
        let token = self.engine_token_file.as_ref().map(|file| {
            let read = std::fs::read_to_string(file);
            read.map_err(|error| StartError::new(format_args!("--engine-token-file: {}: {error}", file.display())))
        });
        let token = token.transpose()?.map(|token| token.trim().to_owned());
        for (flag, file) in [
            ("--engine-creds", &self.engine_creds),
            ("--engine-ca", &self.engine_ca),
            ("--engine-cert", &self.engine_cert),
            ("--engine-key", &self.engine_key),
        ] {
            if let Some(file) = file {
                let opened = std::fs::File::open(file);
                opened.map_err(|error| StartError::new(format_args!("{flag}: {}: {error}", file.display())))?;
            }
        }
        Ok(Settings {
            servers: servers.clone(),
            group: self.engine_group.clone(),
            replicas: self.replicas.map(usize::from),
            patience: self.engine_timeout,
            save_after: self.engine_save_after as u64,
            most: self.engine_bytes.map(|bytes| bytes as u64),
            credentials: Credentials {
                file: self.engine_creds.clone(),
                token,
                ca: self.engine_ca.clone(),
                certificate: self.engine_cert.clone().zip(self.engine_key.clone()),
            },
        })
    }
}

/// `nats://a:4222,b,c`, or `tls://…`: the scheme is that of all. Where servers are is shown to whoever looks, and a password
/// in front of them would be.
pub(super) fn servers(text: &str) -> Result<Servers, String> {
    let wrong = || "nats://HOST:PORT,HOST:PORT, or tls://…".to_owned();
    if text.contains('@') {
        return Err("a user and a password go into a file: --engine-token-file, or --engine-creds".to_owned());
    }
    let (scheme, hosts) = text.split_once("://").ok_or_else(wrong)?;
    if !matches!(scheme, "nats" | "tls") {
        return Err(wrong());
    }
    let hosts = hosts.trim_end_matches('/').split(',').map(|host| host.trim_start_matches(&format!("{scheme}://")));
    let servers: Vec<_> = hosts.map(|host| format!("{scheme}://{host}")).collect();
    if servers.iter().any(|server| server.ends_with("://") || server.contains(char::is_whitespace)) {
        return Err(wrong());
    }
    Ok(Servers(servers))
}

/// Reads the most bytes of a log. With fewer there would be no room for a long message, whatever is let go of.
fn log_bytes(text: &str) -> Result<usize, String> {
    const LEAST: usize = 1 << 20;
    let number = bytes(text)?;
    if number < LEAST { Err(format!("must be at least {LEAST}")) } else { Ok(number) }
}

/// What a stream and a subject may be called.
fn group(text: &str) -> Result<String, String> {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_one) {
        return Err("1 to 64 of A-Z a-z 0-9 - _".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_one_by_one_and_have_one_scheme() {
        let of = |text: &str| servers(text).map(|Servers(all)| all.join(" "));
        assert_eq!(of("nats://a").as_deref(), Ok("nats://a"));
        assert_eq!(of("nats://a:1,b:2,nats://c/").as_deref(), Ok("nats://a:1 nats://b:2 nats://c"));
        assert_eq!(of("tls://[::1]:4222").as_deref(), Ok("tls://[::1]:4222"));
        for wrong in ["a:4222", "http://a", "nats://", "nats://a,,b", "nats://a b"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_among_the_servers_is_refused_and_not_repeated() {
        for wrong in ["nats://sg:s3cret@a", "nats://a,sg:s3cret@b", "sg:s3cret@a:4222", "tls://s3cret@a"] {
            let why = servers(wrong).unwrap_err();
            assert!(why.contains("--engine-token-file") && !why.contains("s3cret"), "{wrong}: {why}");
        }
    }

    #[test]
    fn a_group_is_called_as_a_stream_may_be() {
        assert!(["a", "A-b_9", &"x".repeat(64)].iter().all(|name| group(name).is_ok()));
        assert!(["", "a.b", "a b", "a*", "\u{e9}", &"x".repeat(65)].iter().all(|name| group(name).is_err()));
    }
}
