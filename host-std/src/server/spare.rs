//! Buffers that are lent to whoever has bytes to move: a connection that waits has none.

use std::cell::RefCell;

/// More than connections use at the same time, unless their clients are slow.
const MOST: usize = 4;

thread_local! {
    static INPUTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static OUTPUTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// What is read at a time.
pub(super) const INPUT: usize = 16 << 10;

/// About what is written at a time: a connection whose client takes nothing holds no more.
pub(super) const OUTPUT: usize = 4 << 10;

/// Room for a batch's last answer, or its head.
const SLACK: usize = 1 << 10;

/// An empty buffer for what comes.
pub(super) fn input() -> Vec<u8> {
    INPUTS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(INPUT))
}

/// An empty buffer for what goes.
pub(crate) fn output() -> Vec<u8> {
    OUTPUTS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(OUTPUT + SLACK))
}

/// The same bytes in no more room than they take: for who has to wait with them. The buffer is given back.
pub(super) fn packed(buffer: Vec<u8>) -> Vec<u8> {
    let packed = buffer.as_slice().to_vec();
    give(buffer);
    packed
}

/// Gives a buffer back, if it is one of those. One that has grown goes back to the allocator.
pub(crate) fn give(mut buffer: Vec<u8>) {
    buffer.clear();
    let capacity = buffer.capacity();
    let keep = move |buffers: &mut Vec<Vec<u8>>| {
        if buffers.len() < MOST {
            buffers.push(buffer);
        }
    };
    match capacity {
        INPUT => INPUTS.with_borrow_mut(keep),
        _ if capacity == OUTPUT + SLACK => OUTPUTS.with_borrow_mut(keep),
        _ => {}
    }
}
