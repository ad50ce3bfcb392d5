//! What shards in memory hold, as another process goes on with it.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | bytes of the first shard, little-endian |
//! | … | the first shard, as [`save`] has it |
//! | … | the same of each other one |

use std::io::{self, Write};

use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::time::Time;

use super::{Rooms, Settings, Shards};
use crate::engine::disk::Notes;
use crate::engine::remote::{Group, Replica, Saved, Unreadable, save};

/// What one shard goes on with.
pub(super) struct Handed {
    pub(super) memory: Memory<Rooms>,
    /// Definitions of its gauges.
    pub(super) notes: Notes,
    /// When it was left.
    pub(super) at: Time,
}

impl Shards {
    /// Writes all that the shards hold, and `notes` of each; nothing may go on there any more. Takes as much memory as one
    /// of them holds.
    ///
    /// # Errors
    /// Those of `to`.
    pub(crate) fn hand(&self, notes: &[Notes], to: &mut impl Write) -> io::Result<()> {
        for (at, shard) in self.all().iter().enumerate() {
            let notes = notes.get(at).cloned().unwrap_or_default();
            let replica = Replica::alone(shard.clock().now(), notes);
            let group = Group { memory: shard.budget().bytes(), max_names: 0 };
            let saved = shard.with(|memory| save(memory, &replica, group));
            to.write_all(&(saved.len() as u64).to_le_bytes())?;
            to.write_all(&saved)?;
        }
        Ok(())
    }
}

/// The shards that were handed, each still as bytes; none when nothing was.
pub(super) fn shards(mut left: &[u8]) -> Result<Vec<&[u8]>, Unreadable> {
    let mut shards = Vec::new();
    while !left.is_empty() {
        let early = Unreadable("it ends too early");
        let (len, rest) = left.split_first_chunk().ok_or(early)?;
        let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| early)?;
        let (shard, rest) = rest.split_at_checked(len).ok_or(early)?;
        shards.push(shard);
        left = rest;
    }
    Ok(shards)
}

/// What one of them holds.
pub(super) fn read(shard: &[u8], rooms: Rooms, settings: &Settings) -> Result<Handed, Unreadable> {
    let (mut memory, replica) = Saved::read(shard)?.restore(rooms)?;
    let first = memory.defaults().first;
    memory.set_defaults(Defaults { first, ..settings.defaults });
    Ok(Handed { at: replica.now(), notes: replica.notes().clone(), memory })
}
