//! The wire under every fragmentation, and compared with independent crates.

mod chunked;
mod decimal;
mod decoded;
mod multipart;
mod peers;
mod round_trip;
mod sse;
mod websocket;

use proptest::collection::vec;
use proptest::prelude::*;

type Bytes = Vec<u8>;

/// `bytes` in pieces of these sizes, over and over; no sizes: in one piece.
fn fragments<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut left = bytes;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        let (piece, rest) = left.split_at((*size).min(left.len()));
        pieces.push(piece);
        left = rest;
        if left.is_empty() {
            break;
        }
    }
    pieces.push(left);
    pieces
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![]), Just(vec![1]), vec(1..40usize, 1..8)]
}
