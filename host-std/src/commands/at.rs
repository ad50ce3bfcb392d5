//! Where a command finds its topic or its queue.

use core::time::Duration;

use clap::Args;

use crate::client::leases::Leases;
use crate::client::{Connection, Error, Limits, Url, request};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::flags::server;

/// The environment variable that has the address of the server.
pub(super) const URL: &str = "STREAMGAUGE_URL";

/// The topic that a command means.
#[derive(Debug, Args)]
pub(super) struct TopicAt {
    /// Address of the pubsub
    #[arg(long, env = URL, default_value = "http://127.0.0.1:8080", value_parser = server)]
    pub(super) url: Url,
    /// Name of the topic [default: main]
    #[arg(long, value_name = "NAME")]
    pub(super) topic: Option<String>,
}

impl TopicAt {
    /// The address of one of the topic's verbs. Without a name it is in the bytes of the original.
    pub(super) fn verb(&self, path: &str) -> Url {
        self.url.join(path).and("topic", self.topic.as_deref())
    }
}

/// The queue that a command means.
#[derive(Debug, Args)]
pub(super) struct QueueAt {
    /// Address of the queue
    #[arg(long, env = URL, default_value = "http://127.0.0.1:8081", value_parser = server)]
    pub(super) url: Url,
    /// Name of the queue [default: main]
    #[arg(long, value_name = "NAME")]
    pub(super) queue: Option<String>,
}

impl QueueAt {
    /// The address of one of the queue's verbs. Without a name it is in the bytes of the original.
    pub(super) fn verb(&self, path: &str) -> Url {
        self.url.join(path).and("queue", self.queue.as_deref())
    }

    pub(super) fn leases(&self) -> Leases {
        Leases::new(self.url.clone(), self.queue.clone())
    }
}

/// What was expected at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Pubsub,
    Queue,
}

/// The line of text in which the server says no to a stream, if it says it again.
pub(super) async fn refusal(url: &Url, status: u16) -> Failure {
    let quick = Limits { read: Limits::default().connect, body: 4096, ..Limits::default() };
    match request("GET", url, &[], None, &quick).await {
        Ok(answer) if answer.status() == status => match accepted(url, answer) {
            Err(failure) => failure,
            Ok(_) => Failure::of(url, &Error::Status(status)),
        },
        _ => Failure::of(url, &Error::Status(status)),
    }
}

/// Says of a server that doesn't know the path what it is, and the command that is meant `instead`.
pub(super) async fn explain(failure: Failure, url: &Url, expected: Expected, instead: &str) -> Failure {
    let Failure::NotThere(text) = failure else { return failure };
    let second = Duration::from_secs(1);
    let quick = Limits { connect: second, read: second, ..Limits::default() };
    let stats = Connection::new(quick).call("GET", &url.join("/stats"), None).await;
    let is = |start: &str| stats.as_ref().is_ok_and(|stats| stats.body().starts_with(start.as_bytes()));
    let what = match expected {
        Expected::Pubsub if is("puts:") => "a queue",
        Expected::Queue if is("Active connections:") => "a pubsub",
        _ => return Failure::NotThere(text),
    };
    Failure::Refused(format!("{text}; this is {what}: use {instead}"))
}
