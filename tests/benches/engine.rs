//! What gateways over three servers of NATS cost, beside JetStream itself and a server in memory: all of them on this
//! machine, in turn.
//!
//! `cargo bench -p streamgauge-tests --bench engine` takes some minutes, `-- --quick` some seconds and tells nothing.
//! `--rounds N`; `--subscribers N`, of two gateways together: as many files must be allowed to be open; `--topics` leaves
//! the queues out.

use std::process::ExitCode;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(target_os = "linux")]
fn measure() -> Result<(), String> {
    use streamgauge_tests::beside::engine::{Options, run};

    let mut args = std::env::args().skip(1);
    let mut options = if std::env::args().any(|arg| arg == "--quick") { Options::quick() } else { Options::full() };
    while let Some(arg) = args.next() {
        let mut number = |least: usize| {
            let number = args.next().and_then(|number| number.parse().ok()).filter(|number| *number >= least);
            number.ok_or_else(|| format!("{arg}: a number, {least} at least"))
        };
        match &*arg {
            "--rounds" => options.rounds = number(1)?,
            "--subscribers" => options.subscribers = number(2)?,
            "--topics" => options.queues.clear(),
            // The latter is cargo's.
            "--quick" | "--bench" => {}
            _ => return Err(format!("{arg}: --quick, --topics, --rounds N or --subscribers N")),
        }
    }
    run(&options);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn measure() -> Result<(), String> {
    Err("only Linux tells what a process has used".into())
}
