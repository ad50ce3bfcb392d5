//! What a gateway is made of: topics and queues with what there was before, and what is opened beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use streamgauge_core::engine::Refusal;
use streamgauge_core::select::HashKey;

use super::Settings;
use crate::engine::disk::{self, Recovered};
use crate::engine::memory::{Budget, Follow, KeptError, Shards};
use crate::hash_key;
use crate::queues::OverflowLog;
use crate::server::Files;
use crate::terminal::StartError;
use crate::terminal::progress::{Progress, Unit, beside};
use crate::threads::Threads;

/// What a gateway has beside topics and queues.
pub(crate) struct Beside {
    pub(super) overflow: Option<Arc<OverflowLog>>,
    pub(super) files: Option<Arc<Files>>,
    pub(super) key: HashKey,
}

/// Topics and queues as each thread sees them, and what follows others.
pub(super) type Engines = (Vec<Shards>, Option<Follow>);

impl Beside {
    /// Opens it.
    ///
    /// # Errors
    /// What can't be opened.
    pub(crate) fn open(settings: &Settings) -> Result<Self, StartError> {
        let wrong = |flag: &str, path: &Path, error: std::io::Error| {
            StartError::new(format_args!("{flag} {}: {error}", path.display()))
        };
        let log = |log| OverflowLog::open(log).map_err(|error| wrong("--overflow-log", &log.path, error));
        let overflow = settings.overflow.as_ref().map(log).transpose()?;
        let open = |folder: &PathBuf| Files::new(folder).map_err(|error| wrong("--www", folder, error));
        let files = settings.www.as_ref().map(open).transpose()?.map(Arc::new);
        Ok(Self { overflow, files, key: key(settings)? })
    }
}

/// The key of hashes, which is another one each time if none was given.
pub(super) fn key(settings: &Settings) -> Result<HashKey, StartError> {
    settings.hash_key.clone().map_or_else(|| hash_key::random().map_err(StartError::new), Ok)
}

/// Makes topics and queues with what the process before this one has left, if that was in memory.
///
/// # Errors
/// What can't be read, or has no room.
pub(super) fn engines(
    settings: &Settings,
    overflow: Option<&Arc<OverflowLog>>,
    threads: &Threads,
    left: &[u8],
) -> Result<Engines, StartError> {
    let (engine, memory) = (&settings.engine, settings.memory);
    match (&settings.disk, &settings.remote) {
        (_, Some(remote)) => {
            let ordered = Shards::ordered(engine, remote, memory, overflow, threads);
            let (engines, follow) = ordered.map_err(|error| StartError::new(format_args!("--engine: {error}")))?;
            Ok((engines, Some(follow)))
        }
        (None, None) => {
            let engines = Shards::new(engine, &Budget::new(memory), overflow, threads, left);
            Ok((engines.map_err(StartError::new)?, None))
        }
        (Some(disk), None) => {
            let mut progress = Progress::new("recovering", Unit::Bytes, 0);
            let mut heard = |done, all| progress.reach(done, all);
            let found = |recovered: &Recovered| beside(|| recovered.tell(&disk.folder));
            let kept = Shards::kept(engine, disk, memory, overflow, threads, &mut heard, found);
            Ok((kept.map_err(|error| start_error(disk, &error))?, None))
        }
    }
}

/// Why nothing starts with what a folder holds, and what may help.
fn start_error(disk: &disk::Settings, error: &KeptError) -> StartError {
    let folder = disk.folder.display();
    match error {
        KeptError::State(state) if state.is_loss() => StartError::new(format_args!(
            "--data-dir: {folder}: {error} (streamgauge data check {folder} says more, streamgauge data repair {folder} \
             what going on without it loses)"
        )),
        KeptError::Refused(Refusal::NoDisk { .. } | Refusal::Busy(_)) => StartError::new(format_args!(
            "--data-dir: {folder}: {error} (bodies of this length, --max-body-bytes, need at least {} bytes of the disk)",
            disk.least_room(),
        )),
        error => StartError::new(format_args!("--data-dir: {folder}: {error}")),
    }
}
