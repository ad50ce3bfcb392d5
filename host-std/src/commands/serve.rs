//! `streamgauge serve`: a pubsub, a queue and the bridge between them, in one process.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::bridges::ps_to_http::{Bridge, Config, Destination};
use crate::commands::options::Connections;
use crate::commands::options::PubsubOptions;
use crate::commands::options::QueueOptions;
use crate::terminal::{self, Process, StartError};
use crate::{queues, topics};

/// Run a pubsub, a queue, and the bridge that puts every published message on the queue
#[derive(Debug, Parser)]
pub struct Options {
    /// Address to listen on; 0.0.0.0 lets other machines in
    #[arg(long, default_value = "127.0.0.1")]
    address: String,
    /// Port of the pubsub; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pubsub_port: u16,
    /// Port of the queue; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    queue_port: u16,
    /// Don't put published messages on the queue
    #[arg(long)]
    no_bridge: bool,
    /// Memory of the bridge for messages that the queue has not taken yet
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = crate::terminal::flags::bytes)]
    bridge_bytes: usize,
    /// Serve the files of this folder too, on the pubsub's port, at the paths that no endpoint has
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,
    #[command(flatten)]
    pubsub: PubsubOptions,
    #[command(flatten)]
    queue: QueueOptions,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    process: Process,
}

/// Serves until a signal or `/exit` ends it.
///
/// # Errors
/// What is wrong with the flags, or can't be opened.
pub fn run(options: &Options) -> Result<ExitCode, StartError> {
    let max_body = options.connections.max_body_bytes;
    let mut pubsub_settings = options.pubsub.settings(max_body)?;
    if let Some(folder) = &options.www {
        let folder = folder.canonicalize().map_err(|error| StartError::new(format_args!("--www: {error}")))?;
        pubsub_settings.www = Some(folder);
    }
    let queue_settings = options.queue.settings(max_body)?;
    let villagers = terminal::bind(&options.address, options.pubsub_port, "--pubsub-port")?;
    let secretary = terminal::bind(&options.address, options.queue_port, "--queue-port")?;
    let address = |listener: &std::net::TcpListener| listener.local_addr().map_err(StartError::new);
    let (pubsub_at, queue_at) = (address(&villagers)?, address(&secretary)?);
    let stop = watch::Sender::new(false);
    let queue = queues::Server::new(queue_settings.clone(), stop.clone())
        .map_err(|error| StartError::new(format_args!("--overflow-log: {error}")))?;
    let bridge = if options.no_bridge { None } else { Some(bridge(pubsub_at, queue_at, options.bridge_bytes)?) };

    options.process.apply(|| options.announce(&pubsub_settings, &queue_settings, pubsub_at, queue_at))?;
    terminal::start_log(options.connections.enable_logging);
    terminal::runtime()?.block_on(async {
        let hangup = Arc::clone(&queue);
        terminal::listen_to_signals(stop.clone(), move || hangup.reopen_overflow_log())?;
        let open = |listener| TcpListener::from_std(listener).map_err(StartError::new);
        let (villagers, secretary) = (open(villagers)?, open(secretary)?);
        // They end in the order in which messages flow, so that what is on its way arrives.
        let (pubsub_ended, bridge_ended) = (watch::Sender::new(false), watch::Sender::new(false));
        let limits = options.connections.limits();
        let crier = async {
            topics::run(villagers, pubsub_settings, limits.clone(), stop.subscribe()).await;
            pubsub_ended.send_replace(true);
        };
        let glue = async {
            let mut ended = pubsub_ended.subscribe();
            let ended = async { drop(ended.wait_for(|ended| *ended).await) };
            match bridge {
                // Without a limit of silence it can't fail.
                Some(bridge) => drop(bridge.run(ended).await),
                None => ended.await,
            }
            bridge_ended.send_replace(true);
        };
        let keeper = queue.run(secretary, limits.clone(), bridge_ended.subscribe());
        tokio::join!(crier, glue, keeper);
        Ok(ExitCode::SUCCESS)
    })
}

/// What `ps_to_http` would be told on the command line.
fn bridge(pubsub: SocketAddr, queue: SocketAddr, buffer_bytes: usize) -> Result<Bridge, StartError> {
    let here =
        |at: SocketAddr| SocketAddr::new(if at.ip().is_unspecified() { loopback(at) } else { at.ip() }, at.port());
    let source = format!("http://{}/sub?multipart=1", here(pubsub)).parse().map_err(StartError::new)?;
    let put = Destination::post(&format!("http://{}/put", here(queue))).map_err(StartError::new)?;
    Ok(Bridge::new(Config { buffer_bytes, ..Config::new(source, vec![put]) }))
}

const fn loopback(at: SocketAddr) -> std::net::IpAddr {
    match at {
        SocketAddr::V4(_) => std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        SocketAddr::V6(_) => std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    }
}

impl Options {
    /// Prints what runs where, and how much memory it can take.
    fn announce(
        &self,
        pubsub: &topics::Settings,
        queue: &queues::Settings,
        pubsub_at: SocketAddr,
        queue_at: SocketAddr,
    ) {
        let limits = self.connections.limits();
        let bridge = if self.no_bridge { 0 } else { self.bridge_bytes as u64 };
        let rows = [
            ("pubsub: log and subscribers", pubsub.worst_case(), "--log-bytes, --max-subscribers"),
            ("queue: items", queue.worst_case(), "--queue-bytes"),
            ("bridge: messages on their way", bridge, "--bridge-bytes"),
            ("connections of both", limits.worst_case().saturating_mul(2), "--max-connections, --max-buffered-bytes"),
        ];
        let total: u64 = rows.iter().fold(0, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let mut out = std::io::stdout().lock();
        let mut print = || -> std::io::Result<()> {
            writeln!(out, "pubsub   http://{pubsub_at}   POST /pub, GET /sub")?;
            writeln!(out, "queue    http://{queue_at}   /put, /get")?;
            if let Some(folder) = &pubsub.www {
                writeln!(out, "page     http://{pubsub_at}/  the files of {}", folder.display())?;
            }
            if !self.no_bridge {
                writeln!(out, "bridge   every message of the pubsub is put on the queue")?;
            }
            writeln!(out, "memory   at most {total} bytes ({} MiB), of which", mib(total))?;
            for (what, bytes, flags) in rows {
                writeln!(out, "         {what:<31} {:>5} MiB   {flags}", mib(bytes))?;
            }
            writeln!(
                out,
                "limits   message {} B, body {} B, head {} B, a subscriber's lag {} B, mget {} items",
                pubsub.max_message,
                limits.max_body,
                limits.max_header,
                pubsub.max_lag,
                queue.core.max_mget.map_or("any number of".to_owned(), |most| most.to_string()),
            )?;
            out.flush()
        };
        // Whoever closed stdout does not want to know.
        let _ = print();
    }
}
