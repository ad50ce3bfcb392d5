//! Server-sent events as eventsource-stream reads them, in any fragments.
#![no_main]

use core::convert::Infallible;

use eventsource_stream::Eventsource as _;
use futures::executor::block_on_stream;
use libfuzzer_sys::fuzz_target;
use streamgauge_core::wire::sse::{Event, Events, Message, write_event};
use streamgauge_fuzz::{cuts_and_stream, fragments};

type Found = Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>;

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Found {
    let mut events = Events::new(vec![0; 4096]);
    let mut found = Vec::new();
    for mut input in pieces {
        while let Some(event) = events.decode(&mut input) {
            if let Event::Message(message) = event {
                found.push((message.id.to_vec(), message.event.to_vec(), message.data.to_vec()));
            }
        }
        assert!(input.is_empty());
    }
    found
}

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = cuts_and_stream(data);
    if stream.len() > 4096 {
        return;
    }
    let ours = read(fragments(cuts, stream));
    assert_eq!(ours, read(core::iter::once(stream)));

    // What is written is read by both, and as it was.
    let lines: Vec<&[u8]> = stream.split(|byte| *byte == b'|').collect();
    let [id, event, text] = [0, 1, 2].map(|i| lines.get(i).copied().unwrap_or_default());
    let one_line = |text: &[u8]| -> Vec<u8> {
        text.iter().map(|byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte }).take(60).collect()
    };
    let (id, event) = (one_line(id), one_line(event));
    let mut written = Vec::new();
    write_event(&Message { id: &id, event: &event, data: text, retry: None }, &mut written).unwrap();
    let ours = read(fragments(cuts, &written));
    let text = String::from_utf8_lossy(text).into_owned();
    let joined = text.replace("\r\n", "\n").replace('\r', "\n");
    if let [(got_id, got_event, got_data)] = &ours[..] {
        assert_eq!((got_id, got_event), (&id, &event));
        assert_eq!(String::from_utf8_lossy(got_data), joined);
    } else {
        panic!("one event was written, and {} were read", ours.len());
    }
    // eventsource-stream takes text only.
    if let Ok(text) = core::str::from_utf8(&written) {
        let bytes = futures::stream::once(async move { Ok::<_, Infallible>(text.to_owned()) });
        let mut bytes = core::pin::pin!(bytes.eventsource());
        let theirs: Vec<_> = block_on_stream(&mut bytes).map(Result::unwrap).collect();
        // It reports no event without data, and calls those without a name "message".
        if joined.is_empty() {
            return;
        }
        let name = |name: &[u8]| if name.is_empty() { b"message".to_vec() } else { name.to_vec() };
        let expected: Vec<_> = ours.iter().map(|(id, event, data)| (id.clone(), name(event), data.clone())).collect();
        let theirs: Vec<_> =
            theirs.into_iter().map(|event| (event.id.into(), event.event.into(), event.data.into())).collect();
        assert_eq!(expected, theirs);
    }
});
