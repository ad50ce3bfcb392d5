//! Entries of a journal: what is decoded is encoded as it was, its items lie where they are said to, and whatever an
//! engine has not done before it does, or says that it is something else; and goes on.
#![no_main]

use core::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use streamgauge_core::engine::journal::{Call, Entry, items_in};
use streamgauge_core::engine::memory::{Fixed, Memory};
use streamgauge_core::engine::{Command, Engine as _, Kind, Name, Part, Piece, Prefix};
use streamgauge_core::time::Time;

/// Entries stand behind their lengths, of a byte.
fn entries(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let (len, rest) = data.split_first()?;
        let (entry, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        data = rest;
        Some(entry)
    })
}

fuzz_target!(|data: &[u8]| {
    let mut engine = Memory::new(<Fixed>::seeded(1));
    let mut base = Time::ZERO;
    for bytes in entries(data) {
        let Ok(entry) = Entry::decode(bytes, base) else {
            assert_eq!(items_in(bytes).count(), 0);
            continue;
        };
        let mut again = Vec::new();
        let Ok(()) = entry.encode(base, &mut again);
        assert_eq!((&*again, again.len() as u64), (bytes, entry.encoded_len(base)));
        if let Call::Execute(Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. }) =
            &entry.call
        {
            let mut places = items_in(bytes);
            for piece in pieces.iter() {
                let Piece::Plain(item) = piece else { continue };
                assert_eq!(places.next().map(|place| &bytes[place]), Some(item));
            }
            assert_eq!(places.next(), None);
        }
        if let Call::Retell(_, retold) = &entry.call {
            assert!(items_in(bytes).map(|place| &bytes[place]).eq(retold.iter().map(|message| message.data)));
        }
        let _ = engine.replay(&entry);
        base = entry.now;
        for kind in [Kind::Topic, Kind::Queue] {
            let list = Command::List { kind, prefix: Prefix::EMPTY };
            engine.execute(&list, base, &mut |part: Part<'_>| {
                if let Part::Queue(_, _, stats) = part {
                    assert!(stats.counters.balanced(), "{stats:?}");
                }
                ControlFlow::Continue(())
            });
        }
        engine.advance(Kind::Queue, &Name::MAIN, base);
        let mut saved = Vec::new();
        let Ok(()) = engine.save(&mut saved);
        let restored = Memory::restore(<Fixed>::seeded(1), &mut &*saved);
        let restored = restored.unwrap_or_else(|error| panic!("what was saved is not restored: {error}"));
        let mut again = Vec::new();
        let Ok(()) = restored.save(&mut again);
        assert_eq!(again, saved);
    }
});
