//! A command as a task.

use core::time::Duration;
use std::process::Stdio;

use streamgauge_core::reader::Outcome;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{IntoReport as _, Message, Report};
use crate::groups::Group;

/// The exit code that asks for another try without back-off, `EX_TEMPFAIL` of `sysexits.h`.
pub const TRY_AGAIN: i32 = 75;

/// Runs `command` in a shell: the message and a newline are its stdin, and its number of tries is in
/// `STREAMGAUGE_TRIES`.
///
/// Exit code 0 is success, [`TRY_AGAIN`] asks for another try without back-off, and anything else is a failure, as is
/// running longer than `limit`: then it is killed, with all that it has started in its process group. So it is where this
/// future is dropped, or this process ends at once, by a second signal.
pub async fn run(command: &str, limit: Option<Duration>, message: &Message) -> Report {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).env("STREAMGAUGE_TRIES", message.tries().to_string());
    // In a group of its own it is not told to end when the reader is: what is in hand is finished.
    shell.stdin(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = match shell.spawn() {
        Ok(child) => child,
        Err(error) => return Report::failed(format!("can't be run: {error}")),
    };
    let group = Group::of(&child);
    let ended = match limit {
        Some(limit) => timeout(limit, feed(&mut child, message)).await.ok(),
        None => Some(feed(&mut child, message).await),
    };
    match ended {
        Some(report) => {
            group.has_ended();
            report
        }
        None => {
            drop(group);
            let _ = child.wait().await;
            Report::failed("took too long, and was killed".to_owned())
        }
    }
}

async fn feed(child: &mut Child, message: &Message) -> Report {
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A command need not read its stdin to its end.
            let _ = stdin.write_all(&[message.data(), &b"\n"[..]].concat()).await;
        }
    };
    // What it has started may still hold its stdin when it has ended, and never read it.
    let status = tokio::select! {
        status = child.wait() => status,
        () = write => child.wait().await,
    };
    match status {
        Ok(status) if status.success() => Outcome::Done.into_report(),
        Ok(status) if status.code() == Some(TRY_AGAIN) => {
            Report { outcome: Outcome::FailedWithoutBackoff, reason: Some(status.to_string()) }
        }
        Ok(status) => Report::failed(status.to_string()),
        Err(error) => Report::failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_has_ended_whatever_it_leaves_behind() {
        // More than a pipe holds.
        let message = Message::new(vec![b'x'; 1 << 20].into(), 1, None);
        let report = run("exec 3<&0; sleep 30 >/dev/null 2>&1 & exit 0", Some(Duration::from_secs(20)), &message).await;
        assert!(matches!(report.outcome, Outcome::Done), "{report:?}");
    }
}
