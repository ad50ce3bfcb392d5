//! Lines in any fragments, against splitting the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::wire::lines::{Event, Lines, split};
use streamgauge_fuzz::{cuts_and_stream, fragments};

const LONGEST: usize = 12;

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = cuts_and_stream(data);
    for subscription in [false, true] {
        let storage = [0; LONGEST];
        let mut lines = if subscription { Lines::subscription(storage) } else { Lines::new(storage, b'\n') };
        let mut found = Vec::new();
        let own = |event: Event<'_>| match event {
            Event::Line(line) => Ok(line.to_vec()),
            Event::TooLong { length } => Err(length),
        };
        for mut input in fragments(cuts, stream) {
            while let Some(event) = lines.decode(&mut input) {
                found.push(own(event));
            }
        }
        found.extend(lines.finish().map(own));
        let body = if subscription { stream.strip_prefix(b"\r\n").unwrap_or(stream) } else { stream };
        let expected = |line: &[u8]| if line.len() <= LONGEST { Ok(line.to_vec()) } else { Err(line.len() as u64) };
        let std: Vec<_> = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(expected).collect();
        assert_eq!(found, std);
        assert_eq!(split(body, b'\n').map(expected).collect::<Vec<_>>(), std);
        assert_eq!(lines.skipped(), std.iter().filter(|line| line.is_err()).count() as u64);
    }
});
