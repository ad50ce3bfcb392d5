//! pubsub: HTTP publish and subscribe.

use std::process::ExitCode;

use clap::Parser;
use streamgauge::commands::options::{Connections, Listen, NameOptions, PubsubOptions};
use streamgauge::commands::single::{self, Single};
use streamgauge::terminal::{self, Process};

/// Publish messages to every subscriber, over HTTP: POST to /pub, and every GET of /sub receives it.
#[derive(Parser)]
#[command(name = "pubsub", version)]
struct Options {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    pubsub: PubsubOptions,
    #[command(flatten)]
    names: NameOptions,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    process: Process,
}

fn main() -> ExitCode {
    terminal::main(|options: Options| {
        let Options { listen, pubsub, names, connections, process } = &options;
        single::run(&Single { listen, pubsub: Some(pubsub), queue: None, names, connections, process })
    })
}
