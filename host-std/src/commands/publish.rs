//! `streamgauge pub`: messages to a pubsub.

use clap::Args;

use super::EXIT_CODES;
use super::at::{Expected, TopicAt, explain};
use super::sender::Sender;
use crate::terminal::exit::Failure;
use crate::terminal::input::Lines;
use crate::terminal::signals::Stop;

/// Publish messages: the arguments, or each line of stdin as it comes
///
/// Lines that come faster than the server takes them go together. Prints how many were published. Empty lines are no
/// messages.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    #[command(flatten)]
    at: TopicAt,
    /// Name of the message: the same again within the topic's dedupe_window is published once
    #[arg(long, value_name = "ID", requires = "messages")]
    id: Option<String>,
    /// Print {"published": N}
    #[arg(long)]
    json: bool,
    /// Messages; without any, each line of stdin is one
    #[arg(value_name = "MESSAGE")]
    messages: Vec<String>,
}

pub(super) async fn run(options: Options, stop: Stop) -> Result<(), Failure> {
    let mut sender = Sender::new();
    let mut end = publish(&options, &mut sender, stop).await;
    if let Err(failure) = end {
        end = Err(explain(failure, &options.at.url, Expected::Pubsub, "put").await);
    }
    sender.finish("published", options.json, end)
}

async fn publish(options: &Options, sender: &mut Sender, stop: Stop) -> Result<(), Failure> {
    let url = options.at.verb("/pub").and("id", options.id.as_deref());
    if options.id.is_some() && options.messages.len() > 1 {
        return Err(Failure::Wrong("--id is the name of one message".to_owned()));
    }
    for message in &options.messages {
        sender.send_lines(&url, message.as_bytes()).await?;
    }
    if options.messages.is_empty() {
        sender.send_all(&url, Lines::new(tokio::io::stdin()), stop).await?;
    }
    Ok(())
}
