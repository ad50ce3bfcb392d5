//! `streamgauge sub`: messages from a pubsub.

use clap::Args;

use super::EXIT_CODES;
use crate::client::{Error, Feed, Item, Limits, News, Position, Url, request};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::json;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Print the messages of a pubsub as they are published, each on a line
///
/// When the connection is lost it comes back, behind the last message seen; what was missed is said on stderr. It ends
/// at a signal, or when nobody reads stdout any more.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Address of the pubsub
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Begin behind the message with this number, as far as the server still has what followed
    #[arg(long, value_name = "ID")]
    since: Option<u64>,
    /// Print {"id": N, "data": "…"} for each, or {"id": N, "hex": "…"} for what is no UTF-8
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    // Of all encodings this one carries any bytes.
    let url = options.url.join("/sub?multipart=1");
    let since = options.since.map(|last| Position { epoch: None, last });
    let mut feed = Feed::new(vec![url.clone()], Limits::default()).after(since);
    let mut printer = Printer { json: options.json, left: options.count.unwrap_or(u64::MAX), connected: false };
    if printer.left == 0 {
        return Ok(());
    }
    let end = tokio::select! {
        biased;
        () = stop.asked() => return Ok(()),
        () = output::closed() => return Err(Failure::NobodyReads),
        end = feed.run(|news| printer.hear(&news)) => end,
    };
    match end {
        End::Enough => Ok(()),
        End::Failed(failure) => Err(failure),
        End::Refused(status) => Err(refusal(&url, status).await),
    }
}

/// Why the feed is over.
enum End {
    Enough,
    Failed(Failure),
    Refused(u16),
}

struct Printer {
    json: bool,
    left: u64,
    connected: bool,
}

impl Printer {
    fn hear(&mut self, news: &News<'_>) -> Result<(), End> {
        match news {
            News::Lost(_, Error::Status(status), _) if !self.connected => return Err(End::Refused(*status)),
            News::Lost(url, error, _) if !self.connected => return Err(End::Failed(Failure::of(url, error))),
            News::Lost(url, error, wait) => {
                eprintln!("{url}: {error}; trying again in {} s", wait.as_secs_f64());
            }
            News::Connected(url) => {
                if std::mem::replace(&mut self.connected, true) {
                    eprintln!("{url}: connected again");
                }
            }
            News::Item(Item::Missed(messages)) => {
                eprintln!("missed {messages} messages: the server no longer has them")
            }
            News::Item(Item::TooLong { length }) => eprintln!("left out a message of {length} bytes"),
            News::Item(Item::Message { sequence, bytes }) => {
                self.print(*sequence, bytes).map_err(End::Failed)?;
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

/// The line of text in which the server says no to a stream, if it says it again.
async fn refusal(url: &Url, status: u16) -> Failure {
    let quick = Limits { read: Limits::default().connect, body: 4096, ..Limits::default() };
    match request("GET", url, &[], None, &quick).await {
        Ok(answer) if answer.status() == status => match accepted(url, answer) {
            Err(failure) => failure,
            Ok(_) => Failure::of(url, &Error::Status(status)),
        },
        _ => Failure::of(url, &Error::Status(status)),
    }
}
