//! What a put costs that survives a power cut, beside Redis and JetStream: all of them on this machine, in turn.
//!
//! `cargo bench -p streamgauge-tests --bench durable` takes two to four minutes, `-- --quick` some seconds and tells
//! nothing. `--folder DIR` is where the servers write, `target/tmp` if not told otherwise; `--rounds N`; `--pin` gives
//! the server a core and the load another one; `--nats-server FILE`, for a newer one than Debian's.

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
    use streamgauge_tests::beside::{Options, run};

    let mut args = std::env::args().skip(1);
    let folder = env!("CARGO_TARGET_TMPDIR").into();
    let mut options =
        if std::env::args().any(|arg| arg == "--quick") { Options::quick(folder) } else { Options::full(folder) };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg}: of what?"));
        match &*arg {
            "--folder" => options.folder = value()?.into(),
            "--nats-server" => options.nats_server = Some(value()?.into()),
            "--rounds" => {
                let rounds = value()?.parse().ok().filter(|rounds| *rounds > 0);
                options.rounds = rounds.ok_or("--rounds: a number, one at least")?;
            }
            "--pin" => options.pin = true,
            // The latter is cargo's.
            "--quick" | "--bench" => {}
            _ => return Err(format!("{arg}: --quick, --folder DIR, --rounds N, --pin or --nats-server FILE")),
        }
    }
    run(&options).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn measure() -> Result<(), String> {
    Err("only Linux tells what a process has used".into())
}
