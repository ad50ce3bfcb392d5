//! What an engine has saved: what is restored can be used, saved and restored again.
//!
//! The input is edits of what an engine has saved, three bytes each: where, and what stands there; or all of it.
#![no_main]

use core::ops::ControlFlow;
use core::time::Duration;

use libfuzzer_sys::fuzz_target;
use streamgauge_core::engine::memory::{Fixed, Memory};
use streamgauge_core::engine::{
    Command, Data, Engine as _, Id, Kind, Lease, Name, Part, Pieces, QueueChange, Reason, Settle, Tokens,
};
use streamgauge_core::queue::leases::State;
use streamgauge_core::time::Time;

type Small = Fixed<3, 200, 6>;

const NAMES: [&[u8]; 3] = [b"main", b"jobs", b"news"];

fuzz_target!(|data: &[u8]| {
    let bytes = if data.starts_with(b"SGE") { data.to_vec() } else { edited(data) };
    let Ok(mut engine) = Memory::restore(Small::seeded(2), &mut &*bytes) else { return };
    let saved = saved(&engine);
    let again = Memory::restore(Small::seeded(2), &mut &*saved);
    let again = again.unwrap_or_else(|error| panic!("what was saved is not restored: {error}"));
    assert_eq!(self::saved(&again), saved);
    for now in [2_000, 90_000, 1 << 45] {
        use_it(&mut engine, Time::from_millis(now));
    }
});

fn saved(engine: &Memory<Small>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(()) = engine.save(&mut bytes);
    bytes
}

/// What an engine has saved, with edits.
fn edited(data: &[u8]) -> Vec<u8> {
    let mut engine = Memory::new(Small::seeded(1));
    let jobs = Name::new(b"jobs").expect("a name");
    let topic = Name::new(b"news").ok();
    let change = QueueChange {
        max_attempts: Some(Some(1)),
        ttl: Some(Some(Duration::from_secs(60))),
        topic: Some(topic),
        ..QueueChange::default()
    };
    engine.execute(&Command::SetQueue { name: jobs, change }, Time::ZERO, &mut taken);
    (0..3).for_each(|round| use_it(&mut engine, Time::from_millis(500 * round)));
    let mut bytes = saved(&engine);
    for edit in data.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        if let Some(byte) = bytes.get_mut(place) {
            *byte = edit[2];
        }
    }
    bytes
}

fn taken(_: Part<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Some of everything.
fn use_it(engine: &mut Memory<Small>, now: Time) {
    let id = Id::of(now.as_millis().to_le_bytes());
    let items = Pieces::split(Data::Plain(b"a\nbb\nccc"), b"\n");
    for name in NAMES.map(|name| Name::new(name).expect("a name")) {
        let mut tokens = String::new();
        engine.execute(&Command::Publish { topic: name, messages: items, id }, now, &mut taken);
        for delay in [Duration::ZERO, Duration::from_millis(700)] {
            engine.execute(&Command::Put { queue: name, items, delay, id: None }, now, &mut taken);
        }
        let lease = Lease::For(Some(Duration::from_millis(400)));
        engine.execute(&Command::Get { queue: name, items: 3, lease }, now, &mut |part: Part<'_>| {
            if let Part::Item(item) = part {
                tokens.extend(item.item.token.map(|token| format!("{token}\n")));
            }
            ControlFlow::Continue(())
        });
        let (first, rest) = tokens.split_at(tokens.find('\n').map_or(0, |end| end + 1));
        let how = Settle::Nack { delay: Duration::ZERO, reason: Reason::cut(b"worn out") };
        engine.execute(&Command::Settle { queue: name, tokens: Tokens::new(first.as_bytes()), how }, now, &mut taken);
        let how = Settle::Touch(None);
        engine.execute(&Command::Settle { queue: name, tokens: Tokens::new(rest.as_bytes()), how }, now, &mut taken);
        for state in [State::Ready, State::Leased, State::Delayed, State::Dead] {
            engine.execute(&Command::Peek { queue: name, state, items: 9 }, now, &mut taken);
        }
        for kind in [Kind::Topic, Kind::Queue] {
            engine.advance(kind, &name, now);
            engine.execute(&Command::Show { kind, name }, now, &mut taken);
        }
        engine.execute(&Command::Redrive { queue: name }, now, &mut taken);
        engine.execute(&Command::Get { queue: name, items: 1, lease: Lease::None }, now, &mut taken);
        if now.as_millis() > 1 << 40 {
            engine.execute(&Command::Empty { queue: name }, now, &mut taken);
        }
    }
}
