//! `streamgauge put`: items to a queue.

use clap::Args;
use tokio::io::AsyncReadExt as _;

use super::EXIT_CODES;
use super::at::{Expected, QueueAt, explain};
use super::sender::Sender;
use crate::terminal::exit::Failure;
use crate::terminal::input::{Lines, MOST};
use crate::terminal::signals::Stop;

/// Put items on a queue: the arguments, or each line of stdin as it comes
///
/// Lines that come faster than the server takes them go together. Prints how many were put. Empty lines are no items.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    #[command(flatten)]
    at: QueueAt,
    /// All of stdin is one item
    #[arg(long, conflicts_with = "items")]
    whole: bool,
    /// Nobody can get it before: a number of seconds, or such as 500ms, 5m or 1h
    #[arg(long, value_name = "TIME")]
    delay: Option<String>,
    /// Name of the item: the same again within the queue's dedupe_window is put once
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Print {"put": N}
    #[arg(long)]
    json: bool,
    /// Items; without any, each line of stdin is one
    #[arg(value_name = "ITEM")]
    items: Vec<String>,
}

pub(super) async fn run(options: Options, stop: Stop) -> Result<(), Failure> {
    let mut sender = Sender::new();
    let mut end = put(&options, &mut sender, stop).await;
    if let Err(failure) = end {
        end = Err(explain(failure, &options.at.url, Expected::Queue, "pub").await);
    }
    sender.finish("put", options.json, end)
}

async fn put(options: &Options, sender: &mut Sender, mut stop: Stop) -> Result<(), Failure> {
    let verb = |path| options.at.verb(path).and("delay", options.delay.as_deref()).and("id", options.id.as_deref());
    if options.id.is_some() && !options.whole && options.items.len() != 1 {
        let line = "--id is the name of one item: give one, or all of stdin as one with --whole";
        return Err(Failure::Wrong(line.to_owned()));
    }
    let one = verb("/put");
    if options.whole {
        let mut item = Vec::new();
        let mut stdin = tokio::io::stdin().take(MOST as u64 + 1);
        tokio::select! {
            biased;
            () = stop.asked() => return Err(Failure::Interrupted),
            read = stdin.read_to_end(&mut item) => drop(read.map_err(|error| Failure::io("stdin", &error))?),
        }
        if item.len() > MOST {
            return Err(Failure::Refused(format!("stdin: an item of more than {MOST} bytes")));
        }
        return sender.send(&one, &item, 1).await;
    }
    for item in &options.items {
        sender.send(&one, item.as_bytes(), 1).await?;
    }
    if options.items.is_empty() {
        // Said in the request, because the server's own separator may be another.
        let many = verb("/mput?separator=%0A");
        sender.send_all(&many, Lines::new(tokio::io::stdin()), stop).await?;
    }
    Ok(())
}
