//! What a put costs that survives a power cut, beside what other servers take for it: all of them on this machine, in
//! turn, under the same load.
//!
//! | module | idea |
//! | --- | --- |
//! | `contender` | who is measured, and what its answer promises |
//! | `program` | where the other servers' programs are, and which |
//! | `running` | a server: started, asked what it holds, and ended |
//! | `place` | the disk that all of them write to |
//! | `crowd` | connections with one request in flight each, on one thread |
//! | `connection` | one of them, and what has come on it |
//! | `cores` | one for the server and another for the load, where that is wanted |
//! | `speech` | what is said to each server, and how its answers are told from each other |
//! | `floor` | the syncs that no server can do without |
//! | `written` | bytes that a long run writes |
//! | `usage` | CPU time, bytes and flushes, from the operating system |
//! | `table` | medians of the rounds |
//! | [`engine`] | what gateways cost over three servers that keep everything together |
//!
//! Each measurement has a server of its own that has just been started, a folder that is empty, and an unmeasured
//! start. An answer that is no success ends the run, and so does a server that holds another number of items than it
//! has said it took; no figure does.

mod connection;
mod contender;
mod cores;
mod crowd;
pub mod engine;
mod floor;
mod place;
mod program;
mod running;
mod speech;
mod table;
mod usage;
mod written;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use contender::CONTENDERS;
use cores::Cores;
use place::Place;
use program::Absence;
use table::Row;
use usage::Machine;

use crate::build::tool;

/// What is measured, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for what the servers write, on the disk that is to be measured.
    pub folder: PathBuf,
    /// How often everybody has a turn.
    pub rounds: usize,
    /// A table each.
    pub loads: Vec<Load>,
    /// Items of the long run.
    pub long: usize,
    /// Whether the server has a core and the load another one, which is not so in use.
    pub pin: bool,
    /// Another `nats-server` than that of the machine.
    pub nats_server: Option<PathBuf>,
}

/// How much is put.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Each has one put in flight.
    pub connections: usize,
    /// Items of one measurement.
    pub items: usize,
    /// Nothing more is put after so long.
    pub at_most: Duration,
    /// The time between two, whoever has been answered; without it each follows at once on an answer.
    pub pace: Option<Duration>,
}

impl Load {
    /// For three seconds at most, as fast as there are answers.
    pub(super) const fn new(connections: usize, items: usize) -> Self {
        Self { connections, items, at_most: Duration::from_secs(3), pace: None }
    }

    /// For about three seconds, so many each second.
    pub(super) const fn at_pace(connections: usize, each_second: u32) -> Self {
        let pace = Some(Duration::from_nanos(1_000_000_000 / each_second as u64));
        Self { pace, at_most: Duration::from_secs(6), ..Self::new(connections, 3 * each_second as usize) }
    }

    /// What goes before it, unmeasured.
    const fn start(&self) -> Self {
        Self { items: self.items / 10, at_most: self.at_most.checked_div(4).expect("four are some"), ..*self }
    }

    /// As much of it as there is.
    fn of(&self, there_is: usize) -> Self {
        Self { items: self.items.min(there_is), ..*self }
    }
}

impl Options {
    /// As long as it takes for figures that can be told: two to four minutes.
    pub fn full(folder: PathBuf) -> Self {
        Self {
            folder,
            rounds: 5,
            loads: vec![Load::new(64, 100_000), Load::new(1, 10_000)],
            long: 15_000_000,
            pin: false,
            nats_server: None,
        }
    }

    /// Only to see that all of it works.
    pub fn quick(folder: PathBuf) -> Self {
        let loads = vec![Load::new(64, 640), Load::new(1, 20)];
        Self { folder, rounds: 1, loads, long: 80_000, pin: false, nats_server: None }
    }
}

/// Measures, prints the tables, and returns the programs that are not installed.
///
/// # Errors
/// When the folder is on no disk, or cannot be used, there are too few cores, or a program does not run; text for who
/// asked.
///
/// # Panics
/// When a server does not start, refuses a put, is silent, or does not hold what it has said it took; and when the run
/// is interrupted. What was started ends, and the folders are removed.
pub fn run(options: &Options) -> Result<Vec<&'static str>, String> {
    let place = Place::at(&options.folder)?;
    let cores = options.pin.then(Cores::find).transpose()?;
    end_when_asked();
    // Built now, and not in somebody's turn.
    tool("streamgauge");
    let pinned = if options.pin { "; a core for the server, another for the load" } else { "" };
    println!("{place}\n{}{pinned}\n", program::versions(options)?);
    let mut missing = Vec::new();
    for load in &options.loads {
        let before = Machine::now();
        let mut rows: Vec<Row> = CONTENDERS.iter().map(Row::new).collect();
        for round in 0..options.rounds {
            for turn in 0..rows.len() {
                // Forth and back, so that nobody always comes after the same one.
                let row = if round % 2 == 0 { turn } else { rows.len() - 1 - turn };
                rows[row].take_turn(|contender| contender.measure(options, load, &place, cores.as_ref()));
            }
        }
        let others = Machine::now().taken_by_others_since(before);
        table::print(&rows, load, options.rounds, others);
        missing = rows.iter().filter_map(|row| row.absent().and_then(Absence::missing)).collect();
    }
    written::print(options.long, &place);
    println!("{}", table::LEGEND);
    missing.dedup();
    Ok(missing)
}

/// How often it is looked whether the run is to end, in milliseconds.
const LOOK: u8 = 100;

/// Whether somebody wants the run to end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Lets an interrupt end the run like any failure, so that nothing is left behind.
fn end_when_asked() {
    let asked = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    asked.thread_block().expect("signals can be blocked");
    thread::spawn(move || {
        if asked.wait().is_ok() {
            ASKED.store(true, Ordering::Relaxed);
        }
    });
}

fn look_whether_asked() {
    assert!(!ASKED.load(Ordering::Relaxed), "interrupted");
}
