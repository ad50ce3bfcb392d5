//! The process as the original tools shape it: another root, another user, the background.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use nix::unistd::{
    Group, User, chdir, chroot, daemon, dup2_stderr, dup2_stdin, dup2_stdout, setgid, setgroups, setuid,
};

use super::StartError;
use super::signals::hold_signals;

/// The flags that shape the process.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Process")]
pub struct Process {
    /// Change the root directory to this one
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Run as this user
    #[arg(long)]
    pub user: Option<String>,
    /// Run as this group
    #[arg(long)]
    pub group: Option<String>,
    /// Run in the background
    #[arg(long)]
    pub daemon: bool,
}

impl Process {
    /// Does what the flags say. Call it after ports and files are open, and before any thread is started; `announce`
    /// is called when nothing can go wrong any more, and stdout is still there. Signals wait from then on for who
    /// [listens to them](super::listen_to_signals).
    ///
    /// # Errors
    /// A line that names the flag, and what the operating system said.
    pub fn apply(&self, announce: impl FnOnce()) -> Result<(), StartError> {
        // Names and files are looked up while they can still be reached.
        let user = self.user.as_deref().map(find_user).transpose()?;
        let group = self.group.as_deref().map(find_group).transpose()?;
        let group = group.map(|group| group.gid).or(user.as_ref().map(|user| user.gid));
        let null = self.daemon.then(|| File::options().read(true).write(true).open("/dev/null")).transpose();
        let null = null.map_err(|error| StartError::new(format_args!("--daemon: /dev/null: {error}")))?;

        if let Some(root) = &self.root {
            chroot(root).and_then(|()| chdir("/")).map_err(failed("--root"))?;
        }
        if let Some(group) = group {
            setgroups(&[group]).and_then(|()| setgid(group)).map_err(failed("--group"))?;
        }
        if let Some(user) = user {
            setuid(user.uid).map_err(failed("--user"))?;
        }
        hold_signals()?;
        announce();
        if let Some(null) = null {
            let quiet = || dup2_stdin(&null).and_then(|()| dup2_stdout(&null)).and_then(|()| dup2_stderr(&null));
            daemon(true, true).and_then(|()| quiet()).map_err(failed("--daemon"))?;
        }
        Ok(())
    }
}

impl Process {
    /// What they name and is not there.
    pub(crate) fn unusable(&self) -> impl Iterator<Item = StartError> {
        let root = self.root.as_ref().filter(|root| !root.is_dir());
        let root =
            root.map(|root| StartError::new(format_args!("--root: {}: there is no such folder", root.display())));
        let user = self.user.as_deref().and_then(|user| find_user(user).err());
        let group = self.group.as_deref().and_then(|group| find_group(group).err());
        [root, user, group].into_iter().flatten()
    }
}

fn find_user(name: &str) -> Result<User, StartError> {
    let user = User::from_name(name).map_err(failed("--user"))?;
    user.ok_or_else(|| StartError::new(format_args!("--user: there is no user `{name}`")))
}

fn find_group(name: &str) -> Result<Group, StartError> {
    let group = Group::from_name(name).map_err(failed("--group"))?;
    group.ok_or_else(|| StartError::new(format_args!("--group: there is no group `{name}`")))
}

fn failed(flag: &'static str) -> impl Fn(nix::Error) -> StartError {
    move |error| StartError::new(format_args!("{flag}: {}", error.desc()))
}
