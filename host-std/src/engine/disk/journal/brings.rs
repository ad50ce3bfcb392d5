//! What an entry does to how much is kept, by which it has room.

/// Whether there is more of anything behind an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brings {
    /// It has room where another segment can be made.
    More,
    /// What there is lies somewhere else then, so that a segment of which little else is needed can be given back: some of
    /// what is left to those who take has room for it.
    Same,
    /// It has all the room that is left: what is taken and acknowledged makes room in the end.
    Less,
}

impl Brings {
    /// More, if `is_more`, or less.
    pub(crate) const fn more_if(is_more: bool) -> Self {
        if is_more { Self::More } else { Self::Less }
    }

    /// How much of what is left to those who take is not for it.
    pub(super) const fn spares(self, left: u32) -> u32 {
        match self {
            Self::More => left,
            Self::Same => left / 2,
            Self::Less => 0,
        }
    }
}
