//! The process as the original tools shape it: another root, another user, the background.

use std::path::PathBuf;

use clap::Args;
use nix::unistd::{Group, User, chdir, chroot, daemon, setgid, setgroups, setuid};

use super::StartError;

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
    /// Does what the flags say. Call it after ports and files are open, and before any thread is started.
    ///
    /// # Errors
    /// A line that names the flag, and what the operating system said.
    pub fn apply(&self) -> Result<(), StartError> {
        let failed =
            |flag: &'static str| move |error: nix::Error| StartError::new(format_args!("{flag}: {}", error.desc()));
        // Names are looked up while the files that have them can still be reached.
        let user = self.user.as_deref().map(|name| {
            let user = User::from_name(name).map_err(failed("--user"))?;
            user.ok_or_else(|| StartError::new(format_args!("--user: there is no user `{name}`")))
        });
        let user = user.transpose()?;
        let group = self.group.as_deref().map(|name| {
            let group = Group::from_name(name).map_err(failed("--group"))?;
            group.ok_or_else(|| StartError::new(format_args!("--group: there is no group `{name}`")))
        });
        let group = group.transpose()?.map(|group| group.gid).or(user.as_ref().map(|user| user.gid));
        if self.daemon {
            daemon(true, false).map_err(failed("--daemon"))?;
        }
        if let Some(root) = &self.root {
            chroot(root).and_then(|()| chdir("/")).map_err(failed("--root"))?;
        }
        if let Some(group) = group {
            setgroups(&[group]).and_then(|()| setgid(group)).map_err(failed("--group"))?;
        }
        if let Some(user) = user {
            setuid(user.uid).map_err(failed("--user"))?;
        }
        Ok(())
    }
}
