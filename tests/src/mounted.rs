//! File systems of a test's own: small ones, and one that hangs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::kept::text;
use crate::needs::{go_without, without};

/// A file system of its own, until it is dropped.
#[derive(Debug)]
pub struct Mounted(TempDir);

impl Mounted {
    /// One in memory, of little room: as `mount` writes it, such as `150m`.
    ///
    /// # Panics
    /// Where [`new`](Self::new) does.
    pub fn small(size: &str) -> Option<Self> {
        Self::new(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
    }

    /// One on a disk, whose image is in another folder.
    ///
    /// # Panics
    /// Where [`new`](Self::new) does, and when there is no room for the image.
    pub fn on_disk(image: &Path) -> Option<Self> {
        let image = image.join("image");
        fs::File::create(&image).and_then(|file| file.set_len(300 << 20)).expect("an image of a disk");
        // What is none can't be mounted.
        is_done("mkfs.ext4", &["-q", text(&image)]);
        Self::new(&["-o", "loop", text(&image)])
    }

    /// What these arguments of `mount` name. Nothing where this process may not mount, which is said.
    ///
    /// # Panics
    /// When root may not, and `CI` is set.
    pub fn new(args: &[&str]) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let mounted = is_done("mount", &[args, &[text(folder.path())]].concat());
        if !mounted {
            let say = if nix::unistd::geteuid().is_root() { without } else { go_without };
            say("this process can't make and mount a file system", "root may, outside of most containers");
        }
        mounted.then_some(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A folder in it, which is not there yet.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Mounts it again, with these options of `mount`; whether that is done.
    pub fn changes(&self, options: &str) -> bool {
        is_done("mount", &["-o", options, text(self.path())])
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        is_done("umount", &[text(self.path())]);
    }
}

/// A file system that answers nobody who writes, until this is dropped.
#[derive(Debug)]
pub struct Frozen<'m>(&'m Mounted);

impl<'m> Frozen<'m> {
    /// From now on.
    ///
    /// # Panics
    /// When it can't be.
    pub fn new(mounted: &'m Mounted) -> Self {
        assert!(is_done("fsfreeze", &["-f", text(mounted.path())]), "fsfreeze");
        Self(mounted)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        is_done("fsfreeze", &["-u", text(self.0.path())]);
    }
}

fn is_done(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
