//! Items that stay long, moved out of files of which little else is needed.
//!
//! A segment of the log stays as long as an item lies in it: a few that nobody acknowledges could hold most of the disk. So
//! behind each checkpoint the items of segments that hold little else are added to the log once more, and the files go with
//! the next checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use streamgauge_core::engine::Name;
use streamgauge_core::engine::journal::{Call, Moved, Moves};
use streamgauge_core::queue::leases::Away;

use super::shard::{Shard, State};
use crate::engine::disk::{Brings, Full, Keeper, Position, Room, SMALL};

/// An item of a queue: where its record is, where it lies, and what it is.
struct Straggler {
    record: u64,
    from: Away,
    data: Vec<u8>,
}

/// Bytes that are moved at once, and behind one checkpoint.
const BATCH: usize = 256 << 10;
const MOST: u64 = 4 << 20;

/// Bytes that an item takes in an entry beside itself, at the most.
const BESIDE: usize = 40;

impl Shard {
    /// Moves items out of these segments, as many as are moved behind one checkpoint.
    ///
    /// # Errors
    /// The log has no room for them: they stay where they are.
    pub(super) async fn move_out_of(&self, keeper: &Arc<Keeper>, segments: &BTreeSet<u32>) -> Result<(), Full> {
        for (queue, items) in self.stragglers(keeper, segments).await {
            let (mut rest, mut most) = (&items[..], BATCH);
            while !rest.is_empty() {
                let mut bytes = 0;
                let fits = |item: &&Straggler| {
                    bytes += item.data.len() + BESIDE;
                    bytes <= most
                };
                // One that is longer goes alone.
                let (some, behind) = rest.split_at(rest.iter().take_while(fits).count().max(1));
                match self.move_some(keeper, &queue, some).await {
                    Ok(()) => rest = behind,
                    // A few may have room where many have none, and leave some for the others.
                    Err(_) if some.len() > 1 => most /= 2,
                    Err(full) => return Err(full),
                }
            }
        }
        Ok(())
    }

    async fn move_some(&self, keeper: &Keeper, queue: &Name, items: &[Straggler]) -> Result<(), Full> {
        let bytes = items.iter().fold(SMALL, |sum, item| sum + item.data.len() + BESIDE);
        let moved: Vec<_> =
            items.iter().map(|item| Moved { record: item.record, from: item.from, data: &item.data }).collect();
        let (moves, queue) = (Moves::of(&moved), *queue);
        let move_them = |state: &mut State, room: Room<'_>| {
            state.call(keeper, room, self.clock().now(), |memory| {
                // What is somewhere else now has been got, or was moved in its queue: it has its turn again.
                memory.relocate(&queue, &moves);
                ((), Some(Call::Move(queue, moves)))
            });
        };
        self.with_room(keeper, bytes, Brings::Same, move_them).await
    }

    /// Items of queues that lie in these segments, read.
    async fn stragglers(&self, keeper: &Arc<Keeper>, segments: &BTreeSet<u32>) -> BTreeMap<Name, Vec<Straggler>> {
        if segments.is_empty() {
            return BTreeMap::new();
        }
        let (mut found, mut bytes) = (Vec::new(), 0);
        self.with(|memory| {
            memory.elsewhere(|queue, record, from| {
                if bytes < MOST && segments.contains(&Position::from_number(from.place).segment) {
                    bytes += u64::from(from.len);
                    found.push((*queue, record, from));
                }
            });
        });
        let shelf = Arc::clone(keeper.shelf());
        let read = tokio::task::spawn_blocking(move || {
            let mut items = BTreeMap::<_, Vec<_>>::new();
            for (queue, record, from) in found {
                let mut data = Vec::new();
                // What can't be read is told to who asks for it.
                if shelf.fetch(&from, &mut data).is_ok() {
                    items.entry(queue).or_default().push(Straggler { record, from, data });
                }
            }
            items
        });
        read.await.unwrap_or_default()
    }
}
