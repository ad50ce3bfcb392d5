//! Detection of changes: against the published tables, against its definition, and on hostile values.

mod definition;
mod hostile;
mod learned;
mod tables;

use streamgauge_core::stats::change::{Change, Detector, Settings};

fn detector(settings: Settings) -> Detector {
    Detector::new(settings).unwrap()
}

/// 1 up, -1 down, 0 nothing.
fn sign(change: Option<Change>) -> i32 {
    match change {
        None => 0,
        Some(Change::Up(_)) => 1,
        Some(Change::Down(_)) => -1,
    }
}
