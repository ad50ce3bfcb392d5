//! How far long work is: a bar on stderr, if that is a terminal and the work takes its time.
//!
//! A process has one terminal, so it has one bar at a time. What else is written meanwhile, also to stdout, is written
//! [`beside`] it, and never in the middle of it.

use core::fmt;
use core::time::Duration;
use std::io::{self, IsTerminal as _, Write};
use std::time::Instant;

use indicatif::{BinaryBytes, HumanCount, HumanDuration};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use nix::sys::stat::{SFlag, fstat};
use parking_lot::Mutex;

use super::display::is_screen;
use super::stderr;

/// The bar that is drawn.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Of shorter work nothing is drawn.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes between two looks at the clock.
const LOOK: u64 = 256 << 10;

/// Work that goes on; its bar is gone when this is.
#[derive(Debug)]
pub(crate) struct Progress(Option<Box<Bar>>);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Items,
}

#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    begun: Instant,
    done: u64,
    /// What was done when the clock was looked at.
    told: u64,
    step: u64,
    is_drawn: bool,
}

impl Progress {
    /// Work of which nothing is shown.
    pub(crate) const NONE: Self = Self(None);

    /// Work that begins now, of so much in all. It costs a comparison for each [`advance`](Self::advance), and that alone
    /// where stderr is no terminal.
    pub(crate) fn new(what: &'static str, unit: Unit, all: u64) -> Self {
        let bar = || Box::new(Bar::new(what, unit, all));
        Self(is_screen(&io::stderr()).then(bar))
    }

    /// The same for work that writes to stdout all the time: only where that goes to a file, and not through a pipe to
    /// another program, which may write to the terminal too.
    pub(crate) fn of_output(what: &'static str, unit: Unit, all: u64) -> Self {
        if is_stdout_a_file() { Self::new(what, unit, all) } else { Self::NONE }
    }

    /// Whether anybody may see it.
    pub(crate) const fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    /// So much more is done.
    #[inline]
    pub(crate) fn advance(&mut self, by: u64) {
        if let Some(bar) = &mut self.0 {
            bar.reach(bar.done.saturating_add(by));
        }
    }

    /// So much is done, of so much in all.
    #[inline]
    pub(crate) fn reach(&mut self, done: u64, all: u64) {
        if let Some(bar) = &mut self.0 {
            if bar.bar.length() != Some(all) {
                bar.bar.set_length(all);
            }
            bar.reach(done);
        }
    }
}

impl Bar {
    fn new(what: &'static str, unit: Unit, all: u64) -> Self {
        let (figures, step) = match unit {
            Unit::Bytes => ("{binary_bytes} of {binary_total_bytes}", LOOK),
            Unit::Items => ("{human_pos} of {human_len}", 1),
        };
        let style =
            ProgressStyle::with_template(&format!("{{prefix}} [{{bar:24}}] {figures}  {{speed}}  {{left}} left"));
        // It is one of those above; without a style of its own a bar is one too.
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("#> ");
        let style = style.with_key("speed", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            let speed = speed(state) as u64;
            let _ = match unit {
                Unit::Bytes => write!(out, "{}/s", BinaryBytes(speed)),
                Unit::Items => write!(out, "{}/s", HumanCount(speed)),
            };
        });
        let style = style.with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let left = state.len().unwrap_or_default().saturating_sub(state.pos()) as f64 / speed(state);
            let _ = match Duration::try_from_secs_f64(left) {
                Ok(left) => write!(out, "{:#}", HumanDuration(left)),
                Err(_) => write!(out, "-"),
            };
        });
        let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::hidden());
        bar.set_style(style);
        bar.set_prefix(what);
        Self { bar, begun: Instant::now(), done: 0, told: 0, step, is_drawn: false }
    }

    #[inline]
    fn reach(&mut self, done: u64) {
        self.done = done;
        if done.saturating_sub(self.told) >= self.step {
            self.tell();
        }
    }

    #[cold]
    fn tell(&mut self) {
        self.told = self.done;
        self.bar.set_position(self.done);
        if !self.is_drawn && self.begun.elapsed() >= PATIENCE {
            self.is_drawn = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            *DRAWN.lock() = Some(self.bar.clone());
        }
    }
}

/// So much a second since it began: of work of some seconds a smoothed rate says what was at its beginning.
fn speed(state: &ProgressState) -> f64 {
    state.pos() as f64 / state.elapsed().as_secs_f64()
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.is_drawn {
            *DRAWN.lock() = None;
            self.bar.finish_and_clear();
        }
    }
}

/// Writes something while the bar, if there is one, is away. What is written must not do the same.
pub(crate) fn beside<T>(write: impl FnOnce() -> T) -> T {
    let bar = DRAWN.lock().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Stderr, beside the bar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        beside(|| stderr::write(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_stdout_a_file() -> bool {
    let stdout = io::stdout();
    let kind = fstat(&stdout).map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT);
    match kind {
        Ok(SFlag::S_IFREG) => true,
        // Such as /dev/null.
        Ok(SFlag::S_IFCHR) => !stdout.is_terminal(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_one() {
        for unit in [Unit::Bytes, Unit::Items] {
            let mut bar = Bar::new("reading", unit, 10);
            bar.reach(LOOK);
            assert_eq!((bar.bar.position(), bar.is_drawn), (LOOK, false), "nothing is drawn of short work");
            bar.begun = bar.begun.checked_sub(PATIENCE).unwrap();
            bar.reach(2 * LOOK);
            assert!(bar.is_drawn && DRAWN.lock().is_some());
            assert_eq!(beside(|| 7), 7);
            drop(bar);
            assert!(DRAWN.lock().is_none());
        }
    }

    #[test]
    fn the_clock_is_looked_at_now_and_then() {
        let mut bar = Bar::new("reading", Unit::Bytes, LOOK);
        (0..LOOK - 1).for_each(|done| bar.reach(done + 1));
        assert_eq!(bar.bar.position(), 0);
        bar.reach(LOOK);
        assert_eq!(bar.bar.position(), LOOK);
    }
}
