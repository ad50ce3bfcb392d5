//! What a stream of server-sent events holds.

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// The last id that the stream gave, with this event or before; empty when there was none.
    pub id: &'a [u8],
    /// The event's name; empty when it has none, which stands for `message`.
    pub event: &'a [u8],
    /// Its data; several lines are joined with LF.
    pub data: &'a [u8],
    /// The time to wait before connecting again that the stream last asked for, in milliseconds.
    pub retry: Option<u64>,
}

/// What [`Events`](super::Events) finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An event with data.
    Message(Message<'a>),
    /// An event was skipped because one of its fields does not fit.
    TooLong {
        /// Which field: the storage bounds the data, [`MAX_FIELD`](super::MAX_FIELD) the others.
        field: Field,
        /// That field's bytes.
        length: u64,
    },
}

/// A field of an event whose length is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `data`, all lines of it.
    Data,
    /// `event`.
    Event,
    /// `id`.
    Id,
}
