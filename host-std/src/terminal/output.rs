//! Stdout, which may be closed any time.

use core::time::Duration;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use terminal_size::terminal_size_of;

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

/// Writes what was written before anew: in a terminal in its place, as far as it has room beside so many `lines` that are
/// written behind it; for a file or another program behind it.
pub(crate) fn redraw(text: &str, lines: usize) -> Result<(), Failure> {
    let stdout = io::stdout();
    if !is_screen(&stdout) {
        return write(text.as_bytes());
    }
    let (width, height) = match terminal_size_of(&stdout) {
        Some((width, height)) if height.0 > 0 => (width.0.into(), height.0.into()),
        _ => (usize::MAX, usize::MAX),
    };
    write((REDRAW.to_owned() + &cut(text, width, height.saturating_sub(lines))).as_bytes())
}

/// As much of a text as a terminal of that width and height has room for: with a line more its first one would leave,
/// and no redraw would find it again. The cursor has the last line.
fn cut(text: &str, width: usize, height: usize) -> String {
    let rows = |line: &str| line.chars().count().div_ceil(width.max(1)).max(1);
    let room = height.saturating_sub(1);
    if text.lines().map(rows).sum::<usize>() <= room {
        return text.to_owned();
    }
    // One of them says how many are left out.
    let mut left = room.saturating_sub(1);
    let fits = |line: &&str| {
        left.checked_sub(rows(line)).is_some_and(|less| {
            left = less;
            true
        })
    };
    let shown: Vec<_> = text.lines().take_while(fits).collect();
    let more = text.lines().count() - shown.len();
    let lines = shown.into_iter().map(|line| format!("{line}\n"));
    lines.chain([format!("… lines left out: {more}\n")]).collect()
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

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn what_is_drawn_again_fits_the_terminal() {
        let text = "1\n2\n3\n4\n";
        assert_eq!(cut(text, 80, 5), text, "the cursor has the fifth line");
        let left_out = |lines| format!("… lines left out: {lines}\n");
        assert_eq!(cut(text, 80, 4), format!("1\n2\n{}", left_out(2)));
        assert_eq!(cut("two rows\n2\n3\n", 5, 4), format!("two rows\n{}", left_out(2)));
        assert_eq!(cut(text, 80, 1), left_out(4));
    }
}
