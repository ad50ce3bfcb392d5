//! `streamgauge`: realtime streams, and what they measure.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use streamgauge::commands::options::Https;
use streamgauge::commands::{self, config, data, documents, engine, generate, measure, read, serve, token};
use streamgauge::terminal::{self, StartError};

/// Carry realtime streams over plain HTTP, and measure them as they flow.
///
/// Without a command it serves everything: a pubsub on 8080, a queue on 8081, and the bridge between them.
#[derive(Parser)]
#[command(name = "streamgauge", version)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    https: Https,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<serve::Given>),
    Read(Box<read::Options>),
    Generate(Box<generate::Options>),
    Config(config::Options),
    Data(data::Options),
    Engine(engine::Options),
    Token(token::Options),
    Completions(documents::Completions),
    Man(documents::Man),
    #[command(flatten)]
    Client(Box<commands::Command>),
    #[command(flatten)]
    Measure(Box<measure::Command>),
}

fn main() -> ExitCode {
    terminal::main(|options: Options| {
        options.https.apply()?;
        run(options.command)
    })
}

fn run(command: Option<Command>) -> Result<ExitCode, StartError> {
    match command {
        None => serve::run(&serve::Given::default()),
        Some(Command::Serve(options)) => serve::run(&options),
        Some(Command::Generate(options)) => generate::run(&options),
        Some(Command::Config(options)) => config::run(options),
        Some(Command::Data(options)) => data::run(&options),
        Some(Command::Engine(options)) => engine::run(&options),
        Some(Command::Token(options)) => token::run(&options),
        Some(Command::Completions(options)) => Ok(documents::completions(&options, &mut Options::command())),
        Some(Command::Man(options)) => documents::man(&options, Options::command()),
        Some(Command::Read(options)) => read::run(&options),
        Some(Command::Client(command)) => commands::run(*command),
        Some(Command::Measure(command)) => measure::run(*command),
    }
}
