//! What the bytes of a folder are for: the arithmetic of `--disk`.

use super::checkpoint;
use super::journal::Full;
use super::log::Capacity;

/// How many bytes there are, may be, and are left to what makes room.
///
/// Some are left to checkpoints, without which nothing is ever given back; and a part of a segment to what may still be
/// added when all is taken, as items that are taken and acknowledged make room in the end.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    /// Bytes of a segment.
    segment: u32,
    /// Bytes of all files but those in reserve, and as many as all may have: of the budget, and on the disk when it was last
    /// looked at.
    taken: u64,
    most: u64,
    most_on_disk: u64,
    /// Bytes of the checkpoint that is among them, and of the next one.
    checkpoint: u64,
    next_checkpoint: u64,
    /// Bytes of the file that the next one is written in, which are not among them: they are left to it anyway.
    held: u64,
    /// Segments that nobody needs, for what comes next: the file of one has zeros already, and whoever makes another
    /// writes as much again.
    reserve: Vec<u32>,
}

/// A part of all bytes that is left to checkpoints at least.
const BESIDE: u64 = 16;

/// A part of a segment that is left to what makes room.
pub(super) const SPARE: u32 = 16;

/// Segments that the log needs to go on: the one that it is in, the next one, one that is given back, and one more.
const SEGMENTS_TO_GO_ON: u64 = 4;

/// A checkpoint is made when so much was added to the log since the last one, or twice as much as that one was long.
const LEAST: u64 = 64 << 20;

/// Bytes that are held for the next checkpoint beside a quarter more than it takes: it becomes longer until it is made.
const HELD: u64 = 64 << 10;

/// Bytes of a disk that a log has to have at least to go on, whose segments have `each`.
pub(super) const fn least_room(each: u64) -> u64 {
    let segments = each.saturating_mul(2);
    segments.saturating_add(segments / (BESIDE - 1)).saturating_add(2 * HELD)
}

/// Bytes of the segments that may be needed beside all else.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForNeeded {
    /// When what can be moved was moved.
    pub(super) most: u64,
    /// Until then.
    pub(super) most_meanwhile: u64,
}

impl Space {
    /// Nothing is taken of so many bytes, by segments of that length.
    pub(crate) const fn new(segment: u32, most: u64) -> Self {
        let most_on_disk = u64::MAX;
        Self { segment, taken: 0, most, most_on_disk, checkpoint: 0, next_checkpoint: 0, held: 0, reserve: Vec::new() }
    }

    /// So many bytes are free on the disk, if anybody knows.
    pub(crate) fn has_free(&mut self, bytes: Option<u64>) {
        self.most_on_disk = bytes.map_or(u64::MAX, |bytes| bytes.saturating_add(self.bytes()));
    }

    /// Takes note of the files that there are, by their names and lengths.
    pub(crate) fn count(&mut self, files: &[(String, u64)]) {
        let is_checkpoint = |(name, _): &&(String, u64)| name == checkpoint::NAME;
        self.taken = files.iter().map(|(_, bytes)| bytes).sum();
        self.checkpoint = files.iter().find(is_checkpoint).map_or(0, |(_, bytes)| *bytes);
    }

    /// A segment was made that takes so many.
    pub(crate) fn take(&mut self, bytes: u64) {
        self.taken = self.taken.saturating_add(bytes);
    }

    /// Files were removed that took so many.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.taken = self.taken.saturating_sub(bytes);
    }

    /// The checkpoint has so many now, those that were held for it among them.
    pub(crate) fn has_checkpoint(&mut self, bytes: u64) {
        self.held = 0;
        let before = std::mem::replace(&mut self.checkpoint, bytes);
        self.taken = self.taken.saturating_add(bytes).saturating_sub(before);
    }

    /// The next one will have so many, about.
    pub(crate) const fn foresee(&mut self, bytes: u64) {
        self.next_checkpoint = bytes;
    }

    /// How many bytes are to be held for the next one, if more are than there are: others may fill the disk at any time.
    pub(crate) fn to_hold(&self) -> Option<u64> {
        let next = self.next_checkpoint;
        // The heads of its pieces are not among what is foreseen.
        let is_enough = next.saturating_add(next / 1024 + HELD / 64) <= self.held;
        let bytes = next.saturating_add(next / 4 + HELD).min(self.beside(self.most));
        let others = self.bytes().saturating_sub(self.held);
        (!is_enough && bytes > self.held && others.saturating_add(bytes) <= self.most).then_some(bytes)
    }

    /// Whether a checkpoint has room that takes so many bytes, and gives back others. Where the budget was larger before,
    /// nothing else makes room: one may be beyond it, if it hardly takes more than what goes with it.
    pub(crate) fn has_room_for_checkpoint(&self, takes: u64, frees: u64) -> bool {
        let others = self.bytes().saturating_sub(self.held);
        let hardly_more = frees.saturating_add(self.checkpoint).saturating_add(HELD);
        others.saturating_add(takes) <= self.most || takes <= hardly_more
    }

    /// So many are held.
    pub(crate) const fn hold(&mut self, bytes: u64) {
        self.held = bytes;
    }

    /// Nobody needs these segments any more, none of which is shorter or longer than those that are made.
    pub(crate) fn keep(&mut self, segments: Vec<u32>) {
        self.taken = self.taken.saturating_sub(self.of_segments(segments.len()));
        self.reserve.extend(segments);
    }

    /// One of those in reserve, to be begun anew or removed.
    pub(crate) fn take_from_reserve(&mut self) -> Option<u32> {
        let segment = self.reserve.pop()?;
        self.taken = self.taken.saturating_add(self.segment.into());
        Some(segment)
    }

    /// How many of those in reserve are too many, when `more` bytes are taken next: those that nothing needs before others are
    /// given back, and those that take room from what makes some.
    pub(crate) fn too_many(&self, more: u64) -> usize {
        let left = self.left(self.most, more).min(self.left(self.most_on_disk, more));
        let useful = self.between_checkpoints().div_ceil(self.segment.into()) + 1;
        let kept = useful.min(left.unwrap_or(0) / u64::from(self.segment));
        self.reserve.len().saturating_sub(usize::try_from(kept).unwrap_or(usize::MAX))
    }

    /// Whether there are any in reserve.
    pub(crate) const fn has_reserve(&self) -> bool {
        !self.reserve.is_empty()
    }

    /// Bytes of a segment.
    pub(crate) const fn segment(&self) -> u32 {
        self.segment
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.taken.saturating_add(self.held).saturating_add(self.of_segments(self.reserve.len()))
    }

    /// Bytes that all of them may have.
    pub(crate) const fn most(&self) -> u64 {
        self.most
    }

    /// Why there is no room for so many bytes more, beside what is left to checkpoints; if there is none.
    pub(crate) fn lacks(&self, more: u64) -> Option<Full> {
        if self.left(self.most, more).is_none() {
            return Some(Full::Budget(self.most));
        }
        let lacks_disk = self.left(self.most_on_disk, more).is_none();
        lacks_disk.then(|| Full::Disk("what is left on the disk is for what makes room".to_owned()))
    }

    /// How long segments are made. Each start begins one: where there is no room for it, it has what is left to what makes room, and
    /// starts alone never take more than the budget.
    pub(crate) fn capacity(&self) -> Capacity {
        let each = self.segment;
        Capacity { each, first: if self.lacks(each.into()).is_none() { each } else { each / SPARE } }
    }

    /// Bytes that are added to the log before there should be another checkpoint.
    pub(crate) fn between_checkpoints(&self) -> u64 {
        let is_tight = self.taken > self.most / 2;
        let least = if is_tight { LEAST.min(self.most / 16) } else { LEAST };
        least.max(self.checkpoint.saturating_mul(2))
    }

    /// Beside what is left to checkpoints, as much as is added until so many more of them.
    pub(super) fn for_needed(&self) -> ForNeeded {
        let left = self.most.saturating_sub(self.beside(self.most) + self.of_segments(SEGMENTS_TO_GO_ON as usize));
        let but = |checkpoints: u64| left.saturating_sub(checkpoints * (self.most / BESIDE));
        // What is moved behind this checkpoint is given back by the next one.
        ForNeeded { most: but(2), most_meanwhile: but(1) + u64::from(self.segment) }
    }

    /// Bytes of `most` that are left when so many more are taken, beside those for checkpoints; `None` if these are too many.
    fn left(&self, most: u64, more: u64) -> Option<u64> {
        most.checked_sub(self.taken)?.checked_sub(more)?.checked_sub(self.beside(most))
    }

    /// Bytes of `most` for checkpoints: the next one is written beside the last one, and the one after that beside the next.
    fn beside(&self, most: u64) -> u64 {
        let next = self.next_checkpoint;
        (most / BESIDE).max(next.saturating_add(next.saturating_sub(self.checkpoint))).max(self.held)
    }

    const fn of_segments(&self, segments: usize) -> u64 {
        segments as u64 * self.segment as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u32 = 1 << 20;
    const MOST: u64 = 64 << 20;

    fn reserve(space: &mut Space, segments: u32) {
        space.take(u64::from(segments) * u64::from(SEGMENT));
        space.keep((1..=segments).collect());
    }

    #[test]
    fn what_is_in_reserve_takes_nothing_from_anybody() {
        let mut space = Space::new(SEGMENT, MOST);
        reserve(&mut space, 8);
        assert_eq!((space.bytes(), space.too_many(0)), (8 << 20, 0));
        let left = MOST - MOST / BESIDE;
        assert_eq!((space.lacks(left), space.lacks(left + 1)), (None, Some(Full::Budget(MOST))));
        for (more, too_many) in [(left - (8 << 20), 0), (left - (8 << 20) + 1, 1), (left - 1, 8), (MOST, 8)] {
            assert_eq!(space.too_many(more), too_many, "{more}");
        }
        space.foresee(MOST / 2);
        assert_eq!((space.lacks(0), space.too_many(0)), (None, 8), "two checkpoints take all");
        space.foresee(0);
        space.has_free(Some(5 << 20));
        let left = (13 << 20) - (13 << 20) / BESIDE;
        assert_eq!((space.lacks(left), space.too_many(0)), (None, 0), "it stands where others would");
        assert!(matches!(space.lacks(left + 1), Some(Full::Disk(_))));
        assert_eq!((space.too_many(9 << 20), space.too_many(left)), (5, 8));
        assert_eq!((space.take_from_reserve(), space.bytes(), space.has_reserve()), (Some(8), 8 << 20, true));
        let left = left - u64::from(SEGMENT);
        assert_eq!(space.lacks(left), None);
        assert!(space.lacks(left + 1).is_some());
    }

    #[test]
    fn what_is_held_for_a_checkpoint_was_left_to_it_before() {
        let mut space = Space::new(SEGMENT, MOST);
        space.foresee(1 << 20);
        let held = (1 << 20) + (256 << 10) + HELD;
        assert_eq!(space.to_hold(), Some(held));
        let left = MOST - MOST / BESIDE;
        space.hold(held);
        assert_eq!((space.to_hold(), space.bytes(), space.lacks(left)), (None, held, None));
        space.foresee(held);
        assert!(space.to_hold().is_some_and(|more| more > held), "it is to be longer");
        space.foresee(MOST / 4);
        assert_eq!(space.to_hold(), Some(MOST / 4 + MOST / 16 + HELD));
        space.take(MOST / 2 + MOST / 4);
        assert_eq!(space.to_hold(), None, "another budget has no room for it");
        space.has_checkpoint(1 << 20);
        assert_eq!(space.bytes(), MOST / 2 + MOST / 4 + (1 << 20));
    }

    #[test]
    fn no_more_are_in_reserve_than_are_begun_until_others_are_given_back() {
        let mut space = Space::new(SEGMENT, 100 * MOST);
        reserve(&mut space, 100);
        assert_eq!(space.too_many(0), 100 - 64 - 1);
        space.has_checkpoint(40 << 20);
        assert_eq!(space.too_many(0), 100 - 80 - 1, "a longer checkpoint is made more rarely");
    }

    #[test]
    fn a_start_takes_a_part_of_a_segment_where_there_is_no_room_for_one() {
        let mut space = Space::new(SEGMENT, MOST);
        space.take(MOST - MOST / BESIDE - u64::from(SEGMENT));
        assert_eq!(space.capacity().first, SEGMENT);
        space.take(1);
        assert_eq!(space.capacity().first, SEGMENT / SPARE);
    }
}
