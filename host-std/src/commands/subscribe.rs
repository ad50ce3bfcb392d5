//! `streamgauge sub`: messages from a pubsub.

use clap::Args;

use super::EXIT_CODES;
use super::at::{Expected, TopicAt, explain, refusal};
use crate::client::{Error, Feed, Item, Limits, News, Position, Url, request};
use crate::terminal::exit::Failure;
use crate::terminal::output;
use crate::terminal::progress::{Progress, Unit, beside};
use crate::terminal::signals::Stop;
use crate::terminal::{json, say};

/// Print the messages of a pubsub as they are published, each on a line
///
/// When the connection is lost it comes back, behind the last message seen; what was missed is said on stderr. It ends
/// at a signal, or when nobody reads stdout any more.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    #[command(flatten)]
    at: TopicAt,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Begin behind the message with this number, as far as the server still has what followed
    #[arg(long, value_name = "ID")]
    since: Option<u64>,
    /// Print {"id": N, "data": "…"} for each, or {"id": N, "hex": "…"} for what is no UTF-8
    #[arg(long)]
    json: bool,
    /// Wait for a server that can't be reached at the beginning
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    asked: Asked,
}

/// What the server is asked for; it says what it doesn't know.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which messages")]
struct Asked {
    /// Where to begin: now, first, the number of a message, or a time such as 2012-03-16T18:40:47Z [default: now]
    #[arg(long, value_name = "WHERE", conflicts_with = "since")]
    from: Option<String>,
    /// Go on with what is published from now on, as it is without --no-follow
    #[arg(long, overrides_with = "no_follow")]
    follow: bool,
    /// End behind the message that is the newest when it begins
    #[arg(long, overrides_with = "follow")]
    no_follow: bool,
    /// Ask for no more than so many messages, and end behind them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// What happens to a subscriber that lags too far: kick, skip, latest or block=SECONDS [default: kick]
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// How far it may lag: a number of bytes, or such as 8MiB
    #[arg(long, value_name = "BYTES")]
    max_lag: Option<String>,
    /// At most so many messages a second; the others are left out evenly
    #[arg(long, value_name = "N")]
    rate: Option<String>,
    /// Only JSON objects whose field has this value (may be repeated: all have to)
    #[arg(long, value_name = "FIELD:VALUE")]
    filter: Vec<String>,
    /// Leave out this field (may be repeated)
    #[arg(long, value_name = "FIELD")]
    drop: Vec<String>,
    /// Keep this field, and leave out those that are not named (may be repeated)
    #[arg(long, value_name = "FIELD")]
    keep: Vec<String>,
    /// Put a keyed hash in the place of this field's value (may be repeated)
    #[arg(long, value_name = "FIELD")]
    hash: Vec<String>,
    /// With --from: keep the times between messages, so many times as fast
    #[arg(long, value_name = "TIMES", requires = "from")]
    speed: Option<String>,
}

impl Asked {
    fn of(&self, url: Url) -> Url {
        let limit = self.limit.map(|limit| limit.to_string());
        let once = [
            ("from", &self.from),
            ("limit", &limit),
            ("policy", &self.policy),
            ("max_lag", &self.max_lag),
            ("rate", &self.rate),
            ("speed", &self.speed),
        ];
        let url = url.and("follow", self.no_follow.then_some("0"));
        let url = once.iter().fold(url, |url, (name, value)| url.and(name, value.as_ref()));
        let often = [("filter", &self.filter), ("drop", &self.drop), ("keep", &self.keep), ("hash", &self.hash)];
        let often = often.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        often.fold(url, |url, (name, value)| url.and(name, Some(value)))
    }
}

pub(super) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    // Of all encodings this one carries any bytes. Where messages are left out, the client asks for one with numbers.
    let url = options.asked.of(options.at.verb("/sub?multipart=1"));
    let since = options.since.map(|last| Position { epoch: None, last });
    let mut feed = Feed::new(vec![url.clone()], Limits::default()).after(since);
    // What comes again after a loss of the connection is not counted by the server.
    let left = [options.count, options.asked.limit].into_iter().flatten().min().unwrap_or(u64::MAX);
    if left == 0 {
        return Ok(());
    }
    let progress = Replay::begin(&options, left).await;
    let retry = options.retry;
    let mut printer = Printer { json: options.json, left, retry, connected: false, progress };
    let end = tokio::select! {
        biased;
        () = stop.asked() => return Ok(()),
        () = output::closed() => return Err(Failure::NobodyReads),
        end = feed.run(|news| printer.hear(&news)) => end,
    };
    match end {
        Ok(()) | Err(End::Enough) => Ok(()),
        Err(End::Failed(failure)) => Err(failure),
        Err(End::Refused(status)) => {
            Err(explain(refusal(&url, status).await, &options.at.url, Expected::Pubsub, "get").await)
        }
    }
}

/// Why the feed is over.
enum End {
    Enough,
    Failed(Failure),
    Refused(u16),
}

/// How far a stream is whose end is known.
struct Replay {
    progress: Progress,
    /// The number of the message that is the first after it.
    end: Option<u64>,
    /// The number of the first message.
    first: Option<u64>,
}

impl Replay {
    async fn begin(options: &Options, left: u64) -> Self {
        let is_known = options.asked.no_follow || left != u64::MAX;
        let progress = if is_known { Progress::of_output("reading", Unit::Items, left) } else { Progress::NONE };
        let end = if progress.is_shown() && left == u64::MAX { end(&options.at).await } else { None };
        // Where the server doesn't tell the end, it is not known.
        let progress = if left == u64::MAX && end.is_none() { Progress::NONE } else { progress };
        Self { progress, end, first: None }
    }

    fn advance(&mut self, sequence: Option<u64>) {
        match (self.end, sequence) {
            (Some(end), Some(sequence)) => {
                let first = *self.first.get_or_insert(sequence);
                self.progress.reach((sequence + 1).saturating_sub(first), end.saturating_sub(first));
            }
            _ => self.progress.advance(1),
        }
    }
}

/// The number that the next message of a topic will have.
async fn end(at: &TopicAt) -> Option<u64> {
    let url = at.url.join_name("/topics/", at.topic.as_deref().unwrap_or("main"));
    let quick = Limits { read: Limits::default().connect, body: 64 << 10, ..Limits::default() };
    let answer = request("GET", &url, &[], None, &quick).await.ok()?;
    let said: serde_json::Value = serde_json::from_slice(answer.body()).ok()?;
    said["counters"]["next"].as_u64()
}

struct Printer {
    json: bool,
    left: u64,
    /// It may come later.
    retry: bool,
    connected: bool,
    progress: Replay,
}

impl Printer {
    fn hear(&mut self, news: &News<'_>) -> Result<(), End> {
        match news {
            News::Lost(_, Error::Status(status), _) if !self.connected => return Err(End::Refused(*status)),
            News::Lost(url, error, _) if matches!(error, Error::Setup(_)) || !self.connected && !self.retry => {
                return Err(End::Failed(Failure::of(url, error)));
            }
            News::Lost(url, error, wait) => {
                beside(|| say(format_args!("{url}: {error}; trying again in {} s", wait.as_secs_f64())));
            }
            News::Connected(url) => {
                if std::mem::replace(&mut self.connected, true) {
                    beside(|| say(format_args!("{url}: connected again")));
                }
            }
            News::Item(Item::Missed(messages)) => {
                beside(|| say(format_args!("missed {messages} messages: the server no longer has them")));
            }
            News::Item(Item::NewLife) => {
                beside(|| say("the server has begun anew: nobody can say how many messages were missed"));
            }
            News::Item(Item::TooLong { length }) => {
                beside(|| say(format_args!("left out a message of {length} bytes")));
            }
            News::Item(Item::Message { sequence, bytes }) => {
                self.print(*sequence, bytes).map_err(End::Failed)?;
                self.progress.advance(*sequence);
                self.left -= 1;
                if self.left == 0 {
                    return Err(End::Enough);
                }
            }
            News::Detecting(_) | News::Connecting(_) => {}
        }
        Ok(())
    }

    fn print(&self, id: Option<u64>, message: &[u8]) -> Result<(), Failure> {
        if !self.json {
            return output::write(&[message, b"\n"].concat());
        }
        let id = id.map_or("null".to_owned(), |id| id.to_string());
        output::line(&format!("{{\"id\": {id}, {}}}", json::data(message)))
    }
}
