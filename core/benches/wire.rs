//! What a message costs on the wire: encoding it for a subscriber, and decoding it again.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use streamgauge_core::wire::chunked::{self, Chunked};
use streamgauge_core::wire::http::{Event, Responses};
use streamgauge_core::wire::lines::Lines;
use streamgauge_core::wire::multipart::Multipart;
use streamgauge_core::wire::query::Query;
use streamgauge_core::wire::sse::Events;
use streamgauge_core::wire::{Framing, Stream};

fn main() {
    divan::main();
}

const MESSAGES: usize = 100;
const FRAMINGS: [Framing; 4] = [Framing::Lines, Framing::Multipart, Framing::Events, Framing::WebSocket];

/// Messages of 100 bytes, as a stream carries them.
fn encoded(framing: Framing, chunked: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for sequence in 0..MESSAGES as u64 {
        let Ok(()) = Stream { framing, chunked }.encode(sequence, &[b'x'; 100], &mut out);
    }
    out
}

#[divan::bench(args = FRAMINGS, max_time = 0.5)]
fn encode_in_chunks(bencher: Bencher<'_, '_>, framing: Framing) {
    let (stream, message) = (Stream { framing, chunked: true }, [b'x'; 100]);
    let mut out = Vec::with_capacity(1 << 10);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        out.clear();
        stream.encode(black_box(1_234_567), black_box(&message), &mut out)
    });
}

/// Counts the messages in `stream`, which has to be all of them.
fn decode(bencher: Bencher<'_, '_>, stream: &[u8], mut decoder: impl FnMut(&[u8]) -> usize) {
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .counter(BytesCount::of_slice(stream))
        .bench_local(|| assert_eq!(decoder(black_box(stream)), MESSAGES));
}

#[divan::bench(max_time = 0.5)]
fn decode_lines(bencher: Bencher<'_, '_>) {
    let mut lines = Lines::new([0; 1024], b'\n');
    decode(bencher, &encoded(Framing::Lines, false), |mut input| {
        core::iter::from_fn(|| lines.decode(&mut input).map(drop)).count()
    });
}

#[divan::bench(max_time = 0.5)]
fn decode_multipart(bencher: Bencher<'_, '_>) {
    let stream = [Framing::Multipart.opening(), &encoded(Framing::Multipart, false)].concat();
    decode(bencher, &stream, |mut input| {
        let mut parts = Multipart::subscription([0; 1024]);
        core::iter::from_fn(|| parts.decode(&mut input).map(drop)).count()
    });
}

#[divan::bench(max_time = 0.5)]
fn decode_events(bencher: Bencher<'_, '_>) {
    let mut events = Events::new([0; 1024]);
    decode(bencher, &encoded(Framing::Events, false), |mut input| {
        core::iter::from_fn(|| events.decode(&mut input).map(drop)).count()
    });
}

#[divan::bench(max_time = 0.5)]
fn decode_chunks(bencher: Bencher<'_, '_>) {
    let mut chunks = Chunked::new();
    decode(bencher, &encoded(Framing::Lines, true), |mut input| {
        core::iter::from_fn(|| chunks.decode(&mut input).ok().flatten())
            .filter(|event| matches!(event, chunked::Event::Data(_)))
            .count()
    });
}

#[divan::bench(max_time = 0.5)]
fn decode_answers(bencher: Bencher<'_, '_>) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nH3110";
    let mut responses: Responses<_> = Responses::new([0; 1024]);
    decode(bencher, &answer.repeat(MESSAGES), |mut input| {
        core::iter::from_fn(|| responses.decode(&mut input, false).ok().flatten().map(|event| event == Event::Complete))
            .filter(|complete| *complete)
            .count()
    });
}

#[divan::bench(max_time = 0.5)]
fn decode_a_query(bencher: Bencher<'_, '_>) {
    let query = Query::new(b"items=10&separator=%0A&data=one+two%20three");
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        black_box(query).get("data").map(|data| data.bytes().fold(0_u64, |sum, byte| sum + u64::from(byte)))
    });
}
