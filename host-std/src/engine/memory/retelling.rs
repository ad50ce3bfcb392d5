//! Messages of slow topics, told again so that the files go of which little else is needed.
//!
//! A segment of the log stays as long as a message lies in it that its topic keeps: one topic with a message now and then
//! would hold all that passes a busy queue beside it. So behind each checkpoint the messages of segments that hold little
//! else are added to the log once more, and the files go with the next checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use streamgauge_core::engine::journal::Call;

use super::shard::{Shard, State};
use crate::engine::disk::history::{Extent, Retelling};
use crate::engine::disk::{Brings, Full, Keeper, Room, SMALL};

/// Segments whose messages are told again behind one checkpoint, if each holds all that is little: there has to be room
/// for what comes.
const SEGMENTS: u64 = 4;

impl Shard {
    /// Tells the messages again that lie in these segments, the oldest segment first. Those of one are in memory at a time.
    ///
    /// # Errors
    /// The log has no room for them: they stay where they are.
    pub(super) async fn tell_again(&self, keeper: &Arc<Keeper>, segments: &BTreeSet<u32>) -> Result<(), Full> {
        let lies_there = |extent: &Extent| segments.contains(&extent.begin.segment);
        let mut extents: Vec<_> = keeper.histories().all().filter(|(_, extent)| lies_there(extent)).collect();
        extents.sort_by_key(|(_, extent)| extent.begin.segment);
        let (mut told, most) = (0, SEGMENTS * keeper.little());
        for some in extents.chunk_by(|(_, one), (_, next)| one.begin.segment == next.begin.segment) {
            told += some.iter().map(|(_, extent)| extent.told_len()).sum::<u64>();
            if told > most {
                break;
            }
            for piece in keeper.read_again(some.to_vec()).await {
                self.tell_piece(keeper, &piece).await?;
            }
        }
        Ok(())
    }

    async fn tell_piece(&self, keeper: &Keeper, piece: &Retelling) -> Result<(), Full> {
        let len = piece.with(|retold| retold.encoded_len());
        let bytes = usize::try_from(len).unwrap_or(usize::MAX).saturating_add(SMALL);
        let tell = |state: &mut State, room: Room<'_>| {
            piece.with(|retold| {
                // It may have left meanwhile, or some of it: the rest has its turn again.
                if keeper.histories().of(&piece.topic).is_some_and(|history| history.has(&retold)) {
                    let tell = Call::Retell(piece.topic, retold);
                    state.call(keeper, room, self.clock().now(), |_| ((), Some(tell)));
                }
            });
        };
        self.with_room(keeper, bytes, Brings::Same, tell).await
    }
}
