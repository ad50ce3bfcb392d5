//! The thread that writes: all that touches the file happens here.

use super::OverflowLog;
use super::file::OverflowFile;
use super::held::Turn;

/// Writes what is handed over until nothing more will come.
pub(super) fn run(log: &OverflowLog, mut file: OverflowFile) {
    let held = &log.held;
    let mut ring = held.ring();
    loop {
        match held.next_turn(&mut ring) {
            Turn::Write => {}
            Turn::Reopen => {
                if let Err(error) = file.reopen() {
                    log.complain(&error);
                }
            }
            Turn::End => break,
        }
        let (written, end) = file.append(&ring);
        (0..written).for_each(|_| _ = ring.pop());
        held.written(written, end.is_ok());
        if let Err(error) = end {
            log.complain(&error);
        }
    }
    held.end_writing();
}
