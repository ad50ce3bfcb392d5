//! Going on with what a folder holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::time::Time;
use streamgauge_core::wire::units::Rfc3339;
use tokio::sync::Semaphore;

use super::checkpoints::Last;
use super::reading::READERS;
use super::{Keeper, Settings};
use crate::engine::disk::files::{Directory, Folder as _};
use crate::engine::disk::history::Taken;
use crate::engine::disk::journal::Journal;
use crate::engine::disk::needed::Lengths;
use crate::engine::disk::shelf::Shelf;
use crate::engine::disk::space::Space;
use crate::engine::disk::state::{self, Found, StateError};
use crate::engine::disk::tenure::Tenure;
use crate::engine::disk::{checkpoint, log};
use crate::engine::memory::Rooms;
use crate::terminal::{say, warn};

/// What a folder held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovered {
    /// Entries that were executed again.
    pub(crate) entries: u64,
    pub(crate) is_new: bool,
    /// Whether the log ended in the middle of something.
    pub(crate) is_torn: bool,
    /// Whether it was closed.
    pub(crate) is_closed: bool,
    /// The machine has stopped, and what was answered was synced no more often than this.
    pub(crate) unsynced: Option<Duration>,
    /// No earlier than anything was executed.
    pub(crate) latest: Time,
    /// How long reading took.
    pub(crate) took: Duration,
}

impl Recovered {
    /// Says what there was.
    pub(crate) fn tell(&self, folder: &Path) {
        let Self { entries, is_new, is_torn, is_closed, unsynced, took, .. } = *self;
        let folder = folder.display();
        if is_new {
            return;
        }
        let how = match (is_closed, is_torn) {
            (true, _) => "it was closed",
            (false, true) => "it was not closed, and ends in the middle of what nobody was told of",
            (false, false) => "it was not closed",
        };
        say(format_args!("{folder}: {entries} entries of the log were executed again in {took:.2?}; {how}"));
        if let Some(interval) = unsynced {
            let latest = Rfc3339(self.latest);
            warn(format_args!(
                "{folder}: the machine has stopped, and --sync was interval:{interval:?}: what was answered in so long, behind {latest}, may be lost; messages go on with numbers that are {SKIPPED} higher, so that none has one that was seen before"
            ));
        }
    }
}

/// More numbers than messages can have that were answered and not synced: as each has two bytes of the log at least, and
/// what is not synced are some MiB and a group, which is no longer than two segments.
const SKIPPED: u64 = 100_000_000;

impl Keeper {
    /// Goes on with what a folder holds, or begins there. `heard` is told how far that is, in bytes, and of how many.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn open(
        settings: &Settings,
        rooms: Rooms,
        defaults: Defaults,
        heard: &mut dyn FnMut(u64, u64),
    ) -> Result<(Self, Memory<Rooms>, Recovered), StateError> {
        let begun = Instant::now();
        let folder = Directory::at(settings.folder.clone())?;
        let tenure = Tenure::take(&settings.folder)?;
        // What was in the making when a process ended takes room that the next one may need.
        for name in
            folder.names()?.iter().filter(|name| name.as_str() == checkpoint::NEW || log::is_in_the_making(name))
        {
            folder.remove(name)?;
        }
        let segment = settings.segment(settings.room());
        let mut space = Space::new(segment, settings.most);
        space.count(&folder.lengths()?);
        space.has_free(folder.free().ok());
        let found = state::find(&folder, space, rooms, defaults, heard)?;
        let Found { mut memory, notes, histories, from, log, mut space, latest, entries, is_new } = found;
        memory.forget_deliveries();
        let (is_torn, is_closed) = (log.end.is_torn, log.end.is_closed);
        let unsynced = tenure.may_have_lost().filter(|_| !is_new && !is_closed);
        let took = begun.elapsed();
        let recovered = Recovered { entries, is_new, is_torn, is_closed, unsynced, latest, took };
        let (files, mut added) = (folder.lengths()?, 0);
        space.count(&files);
        let mut lengths = Lengths { segment: segment.into(), others: BTreeMap::new() };
        for (name, len) in files {
            let Some(number) = log::segment_of(&name) else { continue };
            if len != lengths.segment {
                lengths.others.insert(number, len);
            }
            // Whole files, however little is in them: each start leaves one.
            added += if (from.segment..log.tail.end().segment).contains(&number) { len } else { 0 };
        }
        let journal = Journal::new(log, settings.sync, space);
        let shelf = Arc::new(Shelf::new(folder.clone(), Some(journal.recent())));
        memory.host_mut().set_shelf(Arc::clone(&shelf));
        let keeper = Self {
            journal,
            folder,
            shelf,
            lengths,
            notes: Mutex::new(notes),
            taken: Mutex::new(Taken::new(memory.host().budget(), &histories)),
            histories: Mutex::new(histories),
            readers: Arc::new(Semaphore::new(READERS)),
            last: Mutex::new(Last::none()),
            rests_until: Mutex::new(begun),
            added: AtomicU64::new(added),
            saved_beside: AtomicU64::new(0),
            tenure: Mutex::new(Some(tenure)),
        };
        keeper.weigh(&memory);
        if unsynced.is_some() {
            // A crash before it is known comes back to it.
            memory.skip_numbers(SKIPPED);
            keeper.begin_with(&memory, latest)?;
        }
        keeper.tenure.lock().as_ref().map_or(Ok(()), |tenure| tenure.begin(settings.sync))?;
        Ok((keeper, memory, recovered))
    }
}
