//! simplequeue: an HTTP queue.

use std::process::ExitCode;

use clap::Parser;
use streamgauge::commands::options::{Connections, Listen, NameOptions, QueueOptions};
use streamgauge::commands::single::{self, Single};
use streamgauge::terminal::{self, Process};

/// Keep items until somebody asks for them, over HTTP: /put one, /get the oldest.
#[derive(Parser)]
#[command(name = "simplequeue", version)]
struct Options {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    queue: QueueOptions,
    #[command(flatten)]
    names: NameOptions,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    process: Process,
}

fn main() -> ExitCode {
    terminal::main(|options: Options| {
        let Options { listen, queue, names, connections, process } = &options;
        single::run(&Single { listen, pubsub: None, queue: Some(queue), names, connections, process })
    })
}
