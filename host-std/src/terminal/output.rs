//! Stdout, which may be closed any time.

use core::time::Duration;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::display::is_screen;
use super::exit::{Failure, STDOUT};
use super::progress::beside;

/// Writes to stdout at once, in one piece.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let written = beside(|| {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush())
    });
    written.map_err(|error| Failure::io(STDOUT, &error))
}

/// The same with a newline behind it.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// Clears the screen from its first line on.
const REDRAW: &str = "\x1b[H\x1b[J";

/// Writes what was written before anew: in a terminal in its place, for a file or another program behind it.
pub(crate) fn redraw(text: &str) -> Result<(), Failure> {
    if is_screen(&io::stdout()) { write((REDRAW.to_owned() + text).as_bytes()) } else { write(text.as_bytes()) }
}

/// Whether it is known that nobody reads stdout any more.
pub(crate) fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let ready = poll(&mut fds, PollTimeout::ZERO);
    ready.is_ok_and(|ready| ready > 0) && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLERR))
}

/// Waits until nobody reads stdout any more; forever where that can't be known.
pub(crate) async fn closed() {
    // Asked now and then, because nothing safe wakes a task for it.
    while !is_closed() {
        tokio::time::sleep(LOOK).await;
    }
}

const LOOK: Duration = Duration::from_millis(250);
