//! The flags that several tools share, and what they come to.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http::HeaderValue;
use streamgauge_core::endpoints::Surface;
use streamgauge_core::engine::{Name, QueueSettings, Separator, TopicSettings};

use crate::client;
use crate::gateway;
use crate::queues::{Format, OverflowSettings};
use crate::server::tls::{Files, Tls};
use crate::server::{Limits, affordable_connections};
use crate::terminal::flags::{bytes, number, port, seconds, some, some_bytes};
use crate::terminal::{LogFormat, StartError, say, warn};

/// Where a server listens.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0")]
    pub address: String,
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8080, value_parser = port)]
    pub port: u16,
}

/// The bounds of a server's connections.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct Connections {
    /// Most connections of each port at the same time; beyond: 503
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = some)]
    pub max_connections: usize,
    /// Longest head of a request; beyond: 431
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "16KiB")]
    pub max_header_bytes: usize,
    /// Longest body of a request; beyond: 413
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "5MiB")]
    pub max_body_bytes: usize,
    /// Most bytes of all the long bodies and answers on their way at each port, half of them for one client; beyond: 503
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "64MiB")]
    pub max_buffered_bytes: usize,
    /// How long a request's head may take to arrive, and a connection to send its first byte
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub header_timeout: Duration,
    /// How long a client may let a body or an answer stand still
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub io_timeout: Duration,
    /// How long a connection may stay open between requests
    #[arg(long, value_name = "SECONDS", default_value = "75", value_parser = seconds)]
    pub idle_timeout: Duration,
    /// On loopback, answer to this name too, beside its addresses and names without a point (may be repeated)
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub allow_host: Vec<String>,
    /// Let pages of this origin read the answers and change what there is (may be repeated; * is every origin)
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub cors_origin: Vec<HeaderValue>,
    /// Speak TLS with this certificate and those that it needs (PEM), HTTP/1.1 and HTTP/2; SIGHUP reads it again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key that belongs to --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Let only those in who have a certificate that an authority of this file has signed (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,
    /// Log each request to stderr
    #[arg(long)]
    pub enable_logging: bool,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// The environment variable that has the file of certificate authorities.
const CA_FILE: &str = "STREAMGAUGE_CA_FILE";

/// Whom a client trusts.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Addresses with https://")]
pub struct Https {
    /// Trust the certificate authorities of this file (PEM), and no others [default: those of the system] [env:
    /// STREAMGAUGE_CA_FILE]
    #[arg(long, value_name = "FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// Show this certificate to servers that ask for one (PEM)
    #[arg(long, value_name = "FILE", global = true)]
    pub client_cert: Option<PathBuf>,
    /// The key that belongs to --client-cert (PEM)
    #[arg(long, value_name = "FILE", global = true)]
    pub client_key: Option<PathBuf>,
}

impl Https {
    /// Chooses that for the whole process. What the variable names is there for every command, also for those that
    /// encrypt nothing: it is read when it is needed.
    ///
    /// # Errors
    /// What is wrong with a file that a flag names, or that one is missing.
    pub fn apply(&self) -> Result<(), StartError> {
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
            (None, None) => None,
            _ => return Err(StartError::new("--client-cert and --client-key belong together")),
        };
        let named = |file: &&Path| !file.as_os_str().is_empty();
        let variable = std::env::var_os(CA_FILE).map(PathBuf::from);
        let (flag, authorities) = match (&self.ca_file, &variable) {
            (Some(file), _) => ("--ca-file", Some(file.as_path()).filter(named)),
            (None, variable) => (CA_FILE, variable.as_deref().filter(named)),
        };
        if self.ca_file.is_none() && identity.is_none() {
            authorities.iter().for_each(|file| client::trust_later(file.to_path_buf(), CA_FILE));
            return Ok(());
        }
        let flags = authorities.map(|_| flag).into_iter().chain(identity.map(|_| "--client-cert, --client-key"));
        let flags = flags.collect::<Vec<_>>().join(", ");
        let chosen = client::trust(authorities, identity);
        chosen.map_err(|why| StartError::new(format_args!("{flags}: {why}")))
    }
}

impl Connections {
    /// The same with as many connections as the operating system gives each of `servers` descriptors for, beside so many
    /// `more` that the process needs. Fewer than were asked for are said on stderr.
    ///
    /// # Errors
    /// There could be none.
    pub fn fitted(&self, servers: usize, more: usize) -> Result<Self, StartError> {
        let mut fitted = self.clone();
        let affordable = affordable_connections(self.max_connections, servers, more).map_err(StartError::new)?;
        if let Some((each, line)) = affordable {
            warn(line);
            fitted.max_connections = each;
        }
        Ok(fitted)
    }

    /// The flags as a server takes them.
    ///
    /// # Errors
    /// What is wrong with a certificate, or its key.
    pub fn limits(&self) -> Result<Limits, StartError> {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        let files =
            files.map(|(certificate, key)| Files { certificate, key, client_authorities: self.tls_client_ca.clone() });
        Ok(Limits {
            tls: files.map(Tls::open).transpose().map_err(StartError::new)?,
            max_connections: self.max_connections,
            max_body: self.max_body_bytes,
            max_header: self.max_header_bytes,
            max_buffered: self.max_buffered_bytes.max(self.max_body_bytes),
            header_timeout: self.header_timeout,
            io_timeout: self.io_timeout,
            idle_timeout: self.idle_timeout,
            allow_hosts: self.allow_host.clone(),
            cors_origins: self.cors_origin.clone(),
            log_requests: self.enable_logging.then_some(self.log_format),
            #[cfg(feature = "otlp")]
            spans: None,
        })
    }
}

/// Says on stderr how much memory one server can take, beside `storage` bytes of what it keeps: stdout has what the
/// original prints, and nothing else.
pub fn announce_ceiling(limits: &Limits, storage: u64) {
    let total = limits.worst_case().saturating_add(storage);
    say(format_args!("memory at most {total} bytes ({} MiB)", total.div_ceil(1 << 20)));
}

/// The bounds of the topic `main`, and of the messages of all topics.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pubsub")]
pub struct PubsubOptions {
    /// Room for the messages kept for subscribers that lag or come back
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "64MiB")]
    pub log_bytes: usize,
    /// Longest message; beyond: 413
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "1MiB")]
    pub max_message_bytes: usize,
    /// Most subscribers of all topics together at the same time; beyond: 503
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = some)]
    pub max_subscribers: usize,
    /// A subscriber with more than this unsent is kicked, once it has caught up
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "50MiB")]
    pub max_lag_bytes: usize,
}

/// The bounds of the queue `main`, and of the items of all queues.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Queue")]
pub struct QueueOptions {
    /// Most items waiting (0: no limit but --queue-bytes); beyond: the oldest leave
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number)]
    pub max_depth: u64,
    /// Most bytes waiting (0: no limit but --queue-bytes); beyond: the oldest leave
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "0")]
    pub max_bytes: usize,
    /// Memory for the waiting items, 10 to 12 bytes each included; beyond: the oldest leave
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "256MiB")]
    pub queue_bytes: usize,
    /// Longest item; beyond: 413
    #[arg(long, value_name = "BYTES", value_parser = some_bytes, default_value = "1MiB")]
    pub max_item_bytes: usize,
    /// Most items in one answer to /mget (0: no limit)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number)]
    pub max_mget: u64,
    /// What separates the items of /mget [default: newline]
    #[arg(long, value_name = "TEXT", default_value = "\n", hide_default_value = true, value_parser = separator)]
    pub mget_item_sep: Separator,
    /// What separates the items of /mput [default: newline]
    #[arg(long, value_name = "TEXT", default_value = "\n", hide_default_value = true, value_parser = separator)]
    pub mput_item_sep: Separator,
    /// Append items that a limit pushes out to this file, and at the end what is still queued, unless a disk or an engine
    /// keeps it; SIGHUP opens it again
    #[arg(long, value_name = "FILE")]
    pub overflow_log: Option<PathBuf>,
    /// How items are written there [default: json; for simplequeue lines]
    #[arg(long, value_name = "FORMAT", value_enum, requires = "overflow_log")]
    pub overflow_format: Option<Format>,
}

impl QueueOptions {
    /// Descriptors that it takes: that of the overflow log.
    pub(crate) fn descriptors(&self) -> usize {
        self.overflow_log.iter().count()
    }
}

/// The bounds of names.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Names")]
pub struct NameOptions {
    /// Memory that all topics and queues may hold; what does not fit is refused with 507 [default: as much as `main`
    /// needs, or 1GiB for serve]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub memory: Option<usize>,
    /// Most topics, and most queues; beyond: 507
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = some)]
    pub max_names: usize,
    /// Only names that were made can be used; others: 404
    #[arg(long)]
    pub no_auto_create: bool,
}

/// What `main` needs beside its messages and items: places of subscribers, leases, ids that are remembered.
const BESIDE: usize = 32 << 20;

/// What the flags say of a server.
#[derive(Debug, Clone, Copy)]
pub struct Flags<'a> {
    /// Which endpoints it has.
    pub surface: Surface,
    /// Its topics, if it has any.
    pub pubsub: Option<&'a PubsubOptions>,
    /// Its queues, if it has any.
    pub queue: Option<&'a QueueOptions>,
    /// Names.
    pub names: &'a NameOptions,
    /// Connections.
    pub connections: &'a Connections,
    /// Whether items are kept on a disk: then queues take memory as they need it.
    pub is_kept: bool,
}

impl Flags<'_> {
    /// The flags as a gateway takes them. Without `--memory` it holds at least so many bytes.
    ///
    /// # Errors
    /// When two limits contradict each other: one body could push out of the log what subscribers had no chance to
    /// read, say.
    pub fn settings(&self, memory: usize) -> Result<gateway::Settings, StartError> {
        let max_body = self.connections.max_body_bytes;
        let mut settings = gateway::Settings::new(self.surface);
        settings.endpoints.max_answer = max_body;
        settings.engine.max_names = self.names.max_names;
        settings.engine.max_waiting = self.connections.max_connections.saturating_mul(2);
        let defaults = &mut settings.engine.defaults;
        defaults.auto_create = !self.names.no_auto_create;
        let (mut held, mut flags) = (0_usize, Vec::new());
        if let Some(pubsub) = self.pubsub {
            let log = pubsub.log_bytes;
            if log < max_body.saturating_mul(2) {
                return Err(StartError::new(format_args!(
                    "--log-bytes {log} must be at least twice --max-body-bytes {max_body}",
                )));
            }
            affordable("--log-bytes", log)?;
            defaults.topic.max_message_bytes = pubsub.max_message_bytes as u64;
            defaults.topic.max_subscribers = pubsub.max_subscribers as u64;
            settings.engine.main_topic = Some(TopicSettings { bytes: log as u64, ..defaults.topic });
            settings.max_lag = pubsub.max_lag_bytes as u64;
            settings.max_subscribers = pubsub.max_subscribers;
            held = held.saturating_add(log);
            flags.push(format!("--log-bytes {log}"));
        }
        if let Some(queue) = self.queue {
            let bytes = queue.queue_bytes;
            if bytes < queue.max_bytes {
                return Err(StartError::new(format_args!(
                    "--queue-bytes {bytes} must be at least --max-bytes {}",
                    queue.max_bytes
                )));
            }
            if !self.is_kept {
                affordable("--queue-bytes", bytes)?;
            }
            let some = |limit: u64| Some(limit).filter(|limit| *limit > 0);
            settings.endpoints.max_mget = some(queue.max_mget);
            settings.endpoints.mget_separator.clone_from(&queue.mget_item_sep);
            settings.endpoints.mput_separator.clone_from(&queue.mput_item_sep);
            defaults.queue.max_item_bytes = queue.max_item_bytes as u64;
            let (max_depth, max_bytes) = (some(queue.max_depth), some(queue.max_bytes as u64));
            // What is published on `main` is put on `main`.
            let topic = self.pubsub.map(|_| Name::MAIN);
            settings.engine.main_queue =
                Some(QueueSettings { bytes: bytes as u64, max_depth, max_bytes, topic, ..defaults.queue });
            settings.overflow = queue.overflow_log.clone().map(|path| {
                // Who starts the original's queue expects the original's file.
                let usual = if self.surface == Surface::Simplequeue { Format::Lines } else { Format::Json };
                let format = queue.overflow_format.unwrap_or(usual);
                OverflowSettings { path, format, longest: max_body }
            });
            if !self.is_kept {
                held = held.saturating_add(bytes);
                flags.push(format!("--queue-bytes {bytes}"));
            }
        }
        let least = held.saturating_add(BESIDE);
        let memory = match self.names.memory {
            Some(memory) if memory < least => {
                let flags = flags.join(" and ");
                return Err(StartError::new(format_args!(
                    "--memory {memory} must be at least {least}, for {flags} and {BESIDE} beside"
                )));
            }
            Some(memory) => memory,
            None => memory.max(least),
        };
        settings.memory = memory as u64;
        Ok(settings)
    }
}

/// Storage is taken as it is needed, and without this a machine that has too little would end the process then.
fn affordable(flag: &str, bytes: usize) -> Result<(), StartError> {
    let probed = Vec::<u8>::new().try_reserve_exact(bytes);
    probed.map_err(|_| StartError::new(format_args!("{flag} {bytes} is more memory than this machine gives")))
}

/// Reads a name as clients say it of a server. Addresses are known without it.
fn host_name(text: &str) -> Result<String, String> {
    let is_address = text.parse::<IpAddr>().is_ok();
    let is_name = text.chars().all(|char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.'));
    if text.is_empty() || is_address || !is_name || text.ends_with('.') {
        return Err("a name such as gauge.example, without http:// and without a port".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads an origin as browsers write it (RFC 6454, 6.2), as it is compared byte by byte: in small letters, without the port
/// that its scheme has anyway, and with nothing behind.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let wrong =
        || "* or an origin such as https://gauge.example or http://localhost:3000, with nothing behind".to_owned();
    let is_small =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase());
    let is_one = match text.split_once("://") {
        None => matches!(text, "*" | "null"),
        Some((scheme, host)) => {
            let usual = match scheme {
                "http" => ":80",
                "https" => ":443",
                _ => "/",
            };
            is_small(scheme) && is_small(host) && !host.contains(['/', '?', '#', '@', ',']) && !host.ends_with(usual)
        }
    };
    if is_one { HeaderValue::from_str(text).map_err(|_| wrong()) } else { Err(wrong()) }
}

fn separator(text: &str) -> Result<Separator, String> {
    Separator::from_slice(text.as_bytes()).map_err(|_| "must have at most 16 bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_origins_are_those_that_clients_say() {
        for name in ["gauge.example", "Gauge", "my_gauge-2", "b\u{fc}cher.example"] {
            assert_eq!(host_name(name).as_deref(), Ok(name));
        }
        for name in ["", "a.b:80", "http://a", "a/", "a.b.", "10.0.0.1", "::1", "[::1]", "*", "a b", "u@a"] {
            assert!(host_name(name).is_err(), "{name}");
        }
        for text in ["*", "null", "http://a", "https://a.b:8443", "http://[::1]:8080", "chrome-extension://abc"] {
            assert_eq!(origin(text).map(|origin| origin.as_bytes().to_vec()), Ok(text.into()), "{text}");
        }
        for text in [
            "",
            "foo",
            "a.b:80",
            "http://a/",
            "http://",
            "://a",
            "HTTP://a",
            "http://A",
            "http://a:80",
            "https://a:443",
            "http://u@a",
            "http://a b",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
