use super::destination::{BadDestination, Destination};
use crate::client::{BadUrl, Limits, Url};
use crate::commands::options::Https;
use crate::terminal::{LogFormat, flags};
use crate::trace::Trace;
use clap::Parser;
use core::fmt;
use core::time::Duration;

const EXIT_CODES: &str = "\
Exit codes:
  0    a signal ended it, and all that had come was delivered or refused
  1    no message came for --max-silence, or at the end some could not be delivered
  2    wrong flags, or a file that they or a variable name can't be read";

/// Reads the messages of a pubsub and sends each one to every destination.
///
/// Messages go to a destination in the order they came, and stay in memory until it has answered
/// 2xx. A destination that is down, or answers 5xx, 408 or 429, is tried again until it is back;
/// one that comes back may get the last few messages a second time. A message that it answers
/// with another status, such as 400, is counted as refused and not sent again. When the memory of
/// --buffer-bytes is full, the oldest message is dropped and counted. At the end what is left has
/// 10 s to be delivered. SIGHUP changes nothing: it outlives the terminal in which it was started.
///
/// Example: fill a queue from a pubsub
///
///   ps_to_http --pubsub-url 'http://127.0.0.1:8080/sub?multipart=0' \
///              --destination-get-url 'http://127.0.0.1:8081/put?data=%s'
#[derive(Debug, Clone, Parser)]
#[command(name = "ps_to_http", version, verbatim_doc_comment, after_long_help = EXIT_CODES)]
pub struct Options {
    /// Where to read from; given several times, one is picked at random
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:80/sub?multipart=0")]
    pub pubsub_url: Vec<String>,
    /// Where to send each message with GET, percent-encoded in place of %s; may be given several times
    #[arg(long, value_name = "URL")]
    pub destination_get_url: Vec<String>,
    /// Where to send each message as the body of a POST; may be given several times
    #[arg(long, value_name = "URL")]
    pub destination_post_url: Vec<String>,
    /// Send each message to one destination only, in turn, past those that are down
    #[arg(long)]
    pub round_robin: bool,
    /// Stop with exit code 1 when no message came for so many seconds; 0 or less: never
    #[arg(long, value_name = "SECONDS", default_value_t = -1, allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(..=3_153_600_000))]
    pub max_silence: i64,
    /// Memory for messages that are not delivered yet, such as 65536 or 64MiB
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = flags::bytes)]
    pub buffer_bytes: usize,
    /// Requests sent to a destination before it has answered the first; 1: one at a time, as is
    /// also done with destinations that can't take more
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub pipeline: usize,
    /// Tell on stderr also what goes well
    #[arg(long)]
    pub enable_logging: bool,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// Whom it trusts.
    #[command(flatten)]
    pub https: Https,
}

/// What `ps_to_http` does, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Sources: one of them is read.
    pub sources: Vec<Url>,
    /// Destinations.
    pub destinations: Vec<Destination>,
    /// Each message to one destination, instead of to each.
    pub round_robin: bool,
    /// How long nothing may come.
    pub max_silence: Option<Duration>,
    /// Bytes of messages that are kept. Besides, each connection takes 80 KiB, and twice the
    /// longest message while that is being received or sent (six times by GET).
    pub buffer_bytes: usize,
    /// Requests in flight to one destination; 0 and 1 are the same.
    pub pipeline: usize,
    /// How long to go on delivering when no more messages are read.
    pub drain: Duration,
    /// How long to wait for others, and how much to take from them.
    pub limits: Limits,
    /// Whether to print the lines on stdout that the original prints.
    pub announce: bool,
}

impl Config {
    /// What the command line does when it says nothing else.
    #[must_use]
    pub fn new(source: Url, destinations: Vec<Destination>) -> Self {
        Self {
            sources: vec![source],
            destinations,
            round_robin: false,
            max_silence: None,
            buffer_bytes: 64 << 20,
            pipeline: 16,
            drain: Duration::from_secs(10),
            limits: Limits::default(),
            announce: false,
        }
    }
}

impl TryFrom<&Options> for Config {
    type Error = BadOption;

    fn try_from(options: &Options) -> Result<Self, BadOption> {
        let source = |url: &String| url.parse().map_err(|bad: BadUrl| BadOption(format!("--pubsub-url {bad}")));
        let sources = options.pubsub_url.iter().map(source).collect::<Result<Vec<Url>, _>>()?;
        let bad = |flag: &'static str| move |bad: BadDestination| BadOption(format!("{flag} {bad}"));
        let get = options.destination_get_url.iter();
        let get = get.map(|url| Destination::get(url).map_err(bad("--destination-get-url")));
        let trace = Trace::of_environment();
        let post = options.destination_post_url.iter().map(|url| {
            let post = Destination::post(url).map_err(bad("--destination-post-url"))?;
            Ok(post.traced(trace.as_ref()))
        });
        let destinations = get.chain(post).collect::<Result<Vec<_>, _>>()?;
        let first = sources.first().ok_or_else(|| BadOption("--pubsub-url is required".into()))?;
        if destinations.is_empty() {
            return Err(BadOption("--destination-get-url or --destination-post-url is required".into()));
        }
        let seconds = u64::try_from(options.max_silence).unwrap_or(0);
        Ok(Self {
            round_robin: options.round_robin,
            max_silence: (seconds > 0).then(|| Duration::from_secs(seconds)),
            buffer_bytes: options.buffer_bytes,
            pipeline: options.pipeline,
            announce: true,
            sources: sources.clone(),
            ..Self::new(first.clone(), destinations)
        })
    }
}

/// What is wrong with the options, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOption(String);

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for BadOption {}
