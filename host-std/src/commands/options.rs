//! The flags that several tools share, and what they come to.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::HeaderValue;
use streamgauge_core::endpoints::simplequeue::{Separator, Settings as CoreSettings};
use streamgauge_core::queue::Limits as QueueLimits;

use crate::server::Limits;
use crate::terminal::StartError;
use crate::terminal::flags::{bytes, count, seconds};
use crate::{queues, topics};

/// Where a server listens.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0")]
    pub address: String,
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
}

/// The bounds of a server's connections.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct Connections {
    /// Most connections at the same time; beyond: 503
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count)]
    pub max_connections: usize,
    /// Longest head of a request; beyond: 431
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "16KiB")]
    pub max_header_bytes: usize,
    /// Longest body of a request; beyond: 413
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "5MiB")]
    pub max_body_bytes: usize,
    /// Most bytes of all the bodies being received at the same time; beyond: 503
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "64MiB")]
    pub max_buffered_bytes: usize,
    /// How long a request's head may take to arrive
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub header_timeout: Duration,
    /// How long a client may let a body or an answer stand still
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub io_timeout: Duration,
    /// How long a connection may stay open between requests
    #[arg(long, value_name = "SECONDS", default_value = "75", value_parser = seconds)]
    pub idle_timeout: Duration,
    /// Let pages of this origin read the answers (may be repeated; * is every origin)
    #[arg(long, value_name = "ORIGIN")]
    pub cors_origin: Vec<HeaderValue>,
    /// Log each request to stderr
    #[arg(long)]
    pub enable_logging: bool,
}

impl Connections {
    /// The flags as a server takes them.
    pub fn limits(&self) -> Limits {
        Limits {
            max_connections: self.max_connections,
            max_body: self.max_body_bytes,
            max_header: self.max_header_bytes,
            max_buffered: self.max_buffered_bytes.max(self.max_body_bytes),
            header_timeout: self.header_timeout,
            io_timeout: self.io_timeout,
            idle_timeout: self.idle_timeout,
            cors_origins: self.cors_origin.clone(),
            log_requests: self.enable_logging,
        }
    }
}

/// The bounds of a pubsub.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pubsub")]
pub struct PubsubOptions {
    /// Room for the messages kept for subscribers that lag or come back
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "64MiB")]
    pub log_bytes: usize,
    /// Longest message; beyond: 413
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "1MiB")]
    pub max_message_bytes: usize,
    /// Most subscribers at the same time; beyond: 503
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count)]
    pub max_subscribers: usize,
    /// A subscriber with more than this unsent is kicked
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "50MiB")]
    pub max_lag_bytes: usize,
}

impl PubsubOptions {
    /// The flags as a pubsub takes them.
    ///
    /// # Errors
    /// When one body of `max_body` bytes could push out of the log what subscribers had no chance to read.
    pub fn settings(&self, max_body: usize) -> Result<topics::Settings, StartError> {
        if self.log_bytes < max_body.saturating_mul(2) {
            return Err(StartError::new(format_args!(
                "--log-bytes {} must be at least twice --max-body-bytes {max_body}",
                self.log_bytes
            )));
        }
        affordable("--log-bytes", self.log_bytes)?;
        Ok(topics::Settings {
            log_bytes: self.log_bytes,
            max_message: self.max_message_bytes,
            max_subscribers: self.max_subscribers,
            max_lag: self.max_lag_bytes as u64,
            www: None,
        })
    }
}

/// The bounds of a simplequeue.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Queue")]
pub struct QueueOptions {
    /// Most items waiting (0: no limit but --queue-bytes); beyond: the oldest leave
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_depth: u64,
    /// Most bytes waiting (0: no limit but --queue-bytes); beyond: the oldest leave
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "0")]
    pub max_bytes: usize,
    /// Memory for the waiting items, 1 to 3 bytes each included; beyond: the oldest leave
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "256MiB")]
    pub queue_bytes: usize,
    /// Longest item; beyond: 413
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "1MiB")]
    pub max_item_bytes: usize,
    /// Most items in one answer to /mget (0: no limit)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_mget: u64,
    /// What separates the items of /mget [default: newline]
    #[arg(long, value_name = "TEXT", default_value = "\n", hide_default_value = true, value_parser = separator)]
    pub mget_item_sep: Separator,
    /// What separates the items of /mput [default: newline]
    #[arg(long, value_name = "TEXT", default_value = "\n", hide_default_value = true, value_parser = separator)]
    pub mput_item_sep: Separator,
    /// Append items that a limit pushes out to this file, and at the end what is still queued; SIGHUP opens it again
    #[arg(long, value_name = "FILE")]
    pub overflow_log: Option<PathBuf>,
}

impl QueueOptions {
    /// The flags as a simplequeue takes them.
    ///
    /// # Errors
    /// When two limits contradict each other.
    pub fn settings(&self, max_body: usize) -> Result<queues::Settings, StartError> {
        if self.queue_bytes < self.max_bytes {
            return Err(StartError::new(format_args!(
                "--queue-bytes {} must be at least --max-bytes {}",
                self.queue_bytes, self.max_bytes
            )));
        }
        affordable("--queue-bytes", self.queue_bytes)?;
        let some = |limit: u64| Some(limit).filter(|limit| *limit > 0);
        Ok(queues::Settings {
            queue_bytes: self.queue_bytes,
            core: CoreSettings {
                limits: QueueLimits { depth: some(self.max_depth), bytes: some(self.max_bytes as u64) },
                max_item: self.max_item_bytes,
                max_mget: some(self.max_mget),
                max_answer: max_body,
                mget_separator: self.mget_item_sep.clone(),
                mput_separator: self.mput_item_sep.clone(),
            },
            overflow_log: self.overflow_log.clone(),
        })
    }
}

/// Storage is taken whole at the start, and without this a machine that has too little would end the process there.
fn affordable(flag: &str, bytes: usize) -> Result<(), StartError> {
    let probed = Vec::<u8>::new().try_reserve_exact(bytes);
    probed.map_err(|_| StartError::new(format_args!("{flag} {bytes} is more memory than this machine gives")))
}

fn separator(text: &str) -> Result<Separator, String> {
    Separator::from_slice(text.as_bytes()).map_err(|_| "must have at most 16 bytes".to_owned())
}
