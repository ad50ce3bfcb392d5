//! A tool in a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

use crate::build::tool;
use crate::wait::{SOON, until_within};

/// A tool whose terminal is a pseudo terminal of 80 columns and 24 rows.
#[derive(Debug)]
pub struct Screen {
    child: Child,
    master: File,
    /// The terminal's own side, so that it stays when the tool is gone.
    slave: File,
    written: Arc<Mutex<Vec<u8>>>,
    before: Termios,
}

/// Without optimisation, on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

impl Screen {
    /// Starts `streamgauge` with these arguments; stdout goes to `stdout` instead where that is given.
    ///
    /// # Panics
    /// When there is no terminal, or it can't be started.
    pub fn start(args: &[&str], stdout: Option<Stdio>) -> Self {
        Self::start_with(args, stdout, &[])
    }

    /// The same with variables that are others.
    ///
    /// # Panics
    /// When there is no terminal, or it can't be started.
    pub fn start_with(args: &[&str], stdout: Option<Stdio>, variables: &[(&str, &str)]) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a pseudo terminal");
        let (master, slave) = (File::from(pty.master), File::from(pty.slave));
        let before = tcgetattr(&slave).expect("a terminal");
        let side = || Stdio::from(slave.try_clone().expect("a descriptor"));
        // With a session of its own the terminal is the one that /dev/tty is.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(tool("streamgauge")).args(args).env("TERM", "xterm").env_remove("RUST_LOG");
        command
            .env_remove("NO_COLOR")
            .envs(variables.iter().copied())
            .stdin(side())
            .stdout(stdout.unwrap_or_else(side))
            .stderr(side());
        let child = command.spawn().expect("setsid of util-linux");
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let (mut from, into) = (master.try_clone().expect("a descriptor"), Arc::clone(&written));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read) = from.read(&mut bytes)
                && read > 0
            {
                into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..read]);
            }
        });
        Self { child, master, slave, written, before }
    }

    /// Types.
    ///
    /// # Panics
    /// When there is no terminal any more.
    pub fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// All that was written to the terminal so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// What is on it now.
    pub fn text(&self) -> String {
        self.now().screen().contents()
    }

    /// Whether it shows another screen than the one on which the tool was started.
    pub fn is_other(&self) -> bool {
        self.now().screen().alternate_screen()
    }

    /// Whether it does with keys, screen and cursor what it did before.
    ///
    /// # Panics
    /// When it is none.
    pub fn is_as_before(&self) -> bool {
        let now = self.now();
        let is_whole = !now.screen().alternate_screen() && !now.screen().hide_cursor();
        is_whole && tcgetattr(&self.slave).expect("a terminal") == self.before
    }

    /// Waits until something is on it.
    ///
    /// # Panics
    /// When it isn't.
    pub fn shows(&self, text: &str) {
        let start = Instant::now();
        while !self.text().contains(text) {
            assert!(start.elapsed() < SOON, "waited in vain for `{text}` on this screen:\n{}", self.text());
            sleep(Duration::from_millis(5));
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn now(&self) -> vt100::Parser {
        let mut parser = vt100::Parser::new(24, 80, 0);
        parser.process(&self.bytes());
        parser
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the tool a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id is small"));
        kill(pid, signal).unwrap_or_else(|error| panic!("{signal} to {pid}: {error}"));
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it goes on.
    pub fn wait(&mut self) -> ExitStatus {
        until_within(LONG, "a tool to end", || self.child.try_wait().expect("a child can be waited for"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
