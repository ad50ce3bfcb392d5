//! Entries and saved engines as bytes: what is written is read again, and what is not was never written.

use core::convert::Infallible;
use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::engine::journal::{Call, Entry, Message, Numbers, Retold, items_in};
use streamgauge_core::engine::memory::{Defaults, Memory, RestoreError};
use streamgauge_core::engine::{Command, Data, Engine as _, Id, Name, Part, Piece, Pieces};
use streamgauge_core::time::Time;

use super::Keeper;
use super::host::Home;

/// An entry is what was read of it: the same bytes again, the same words, and each item where it is said to lie.
pub(super) fn is_read_again(entry: &Entry<'_>, bytes: &[u8], base: Time) {
    let read = Entry::decode(bytes, base).unwrap_or_else(|error| panic!("{error}: {entry:?}"));
    assert_eq!((read.now, read.random, read.taken), (entry.now, entry.random, entry.taken));
    assert_eq!(words(&read.call), words(&entry.call));
    assert_eq!(encoded(&read, base), bytes);
    let kept = match &entry.call {
        Call::Execute(_) => items(&entry.call).unwrap_or_default(),
        Call::Retell(_, retold) => retold.iter().map(|message| message.data.to_vec()).collect(),
        _ => Vec::new(),
    };
    assert_eq!(items_in(bytes).map(|at| bytes[at].to_vec()).collect::<Vec<_>>(), kept);
    for len in 0..bytes.len() {
        // Shorter, it may be another one, whose last item is missing.
        if let Ok(read) = Entry::decode(&bytes[..len], base) {
            assert_eq!(encoded(&read, base), &bytes[..len]);
        }
    }
}

fn encoded(entry: &Entry<'_>, base: Time) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(()) = entry.encode(base, &mut bytes) as Result<(), Infallible>;
    bytes
}

fn pieces<'c>(call: &'c Call<'_>) -> Option<&'c Pieces<'c>> {
    match call {
        Call::Execute(command) | Call::Refuse(command) => match command {
            Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. } => Some(pieces),
            _ => None,
        },
        _ => None,
    }
}

/// The items of a call, of which there may be but the lengths.
fn items(call: &Call<'_>) -> Option<Vec<Vec<u8>>> {
    let bytes = |piece: Piece<'_>| {
        let mut bytes = vec![0; piece.len()];
        piece.clone().copy_to(&mut bytes);
        (!matches!(piece, Piece::Absent(_))).then_some(bytes)
    };
    pieces(call)?.iter().map(bytes).collect()
}

/// All that a call says.
fn words(call: &Call<'_>) -> String {
    let Some(pieces) = pieces(call) else {
        return match call {
            Call::Execute(Command::Settle { queue, how, .. }) => format!("{queue} {how:?}"),
            Call::Refuse(Command::Settle { queue, how, .. }) => format!("not {queue} {how:?}"),
            Call::DropLetters(queue, letters) => format!("{queue} {:?}", letters.iter().collect::<Vec<_>>()),
            Call::Move(queue, moves) => format!("{queue} {:?}", moves.iter().collect::<Vec<_>>()),
            Call::Retell(topic, retold) => {
                let (places, messages) = ((retold.from, retold.behind), retold.iter().collect::<Vec<_>>());
                format!("{topic} {} {places:?} {messages:?}", retold.first)
            }
            _ => format!("{call:?}"),
        };
    };
    let lengths: Vec<_> = pieces.iter().map(|piece| piece.len()).collect();
    let (is_refused, rest) = match call {
        Call::Execute(command) => (false, command),
        Call::Refuse(command) => (true, command),
        _ => unreachable!("it has pieces"),
    };
    let rest = match rest {
        Command::Publish { topic, id, .. } => format!("{topic} {id:?}"),
        Command::Put { queue, id, delay, .. } => format!("{queue} {id:?} {delay:?}"),
        _ => unreachable!("it has pieces"),
    };
    format!("{is_refused} {rest} {:?} {lengths:?} {} {}", items(call), pieces.count(), pieces.longest())
}

/// What README and the documentation say of it.
#[test]
fn an_item_of_a_hundred_bytes_costs_four_more() {
    let (queue, item) = (Name::new(b"jobs").unwrap(), [b'x'; 100]);
    let put = Command::Put { queue, items: Pieces::whole(Data::Plain(&item)), delay: Duration::ZERO, id: None };
    let entry = Entry { now: Time::from_millis(1_027), random: Numbers::NONE, taken: 0, call: Call::Execute(put) };
    let bytes = encoded(&entry, Time::from_millis(1_000));
    assert_eq!(bytes.len(), 100 + 4 + 4);
    assert_eq!(bytes[..8], *b"\x02\x1b\x04jobs\x64");
    let mut items = items_in(&bytes);
    assert_eq!((items.next(), items.next()), (Some(8..108), None));
}

/// The bytes of each kind do not change without a new version.
#[test]
fn entries_are_written_as_they_always_were() {
    let name = Name::new(b"q").unwrap();
    let id = Id::of(*b"i").unwrap();
    let items = Pieces::split(Data::Plain(b"a,bc"), b",");
    let whole = Pieces::whole(Data::Plain(b""));
    let put = Command::Put { queue: name, items, delay: Duration::from_millis(1_500), id: Some(id) };
    let publish = Command::Publish { topic: name, messages: whole, id: None };
    let message = |at, data| Message { at: Time::from_millis(at), data };
    let messages = [message(99, &b"a"[..]), message(101, b""), message(100, b"bc")];
    let retold = Retold::of(300, (2, 1 << 56), &messages);
    for (random, taken, call, bytes) in [
        (&[][..], 0, Call::Execute(put), &b"\x82\x05\x01q\x03\x01i\x01\x80\xca\xb5\xee\x01\x01a\x02bc"[..]),
        (&[7], 3, Call::Execute(publish), b"\x61\x05\x01\x07\0\0\0\0\0\0\0\x03\x01q\0"),
        (&[], 0, Call::Refuse(publish), b"\x81\x05\x01q\x08\0"),
        (&[], 0, Call::Refuse(Command::Redrive { queue: name }), b"\x87\x05\x01q"),
        (&[], 0, Call::Subscribe(name, true), b"\x17\x05\x01q\x01"),
        (
            &[],
            0,
            Call::Retell(name, retold),
            b"\x1c\x05\x01q\xac\x02\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x63\x01a\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02bc",
        ),
    ] {
        let entry = Entry { now: Time::from_millis(105), random: Numbers::of(random), taken, call };
        assert_eq!(encoded(&entry, Time::from_millis(100)), bytes, "{call:?}");
        is_read_again(&entry, bytes, Time::from_millis(100));
    }
}

#[test]
fn what_no_entry_is_written_as_is_refused() {
    for bytes in [
        &b""[..],
        b"\x02",
        b"\x00\x00",
        b"\x1f\x00\x01q",
        b"\x02\x80\x00\x01q",
        b"\x02\x00\x00",
        b"\x02\x00\x01/",
        b"\x02\x00\x01q\x02a",
        b"\x02\x00\x01q\x81\x00a",
        b"\x82\x00\x01q\x00",
        b"\x82\x00\x01q\x10",
        b"\x82\x00\x01q\x02\x00\x00",
        b"\x81\x00\x01q\x02\x01\x00",
        b"\x22\x00\x00\x01q",
        b"\x42\x00\x00\x01q",
        b"\x08\x00\x01qx",
        b"\x92\x00\x00\x01q",
        b"\x04\x00\x01q\x01\0\0\0\0\0\0\0\0",
        b"\x03\x00\x01q\x01\x03",
        b"\x93\x00\x01q\x80\x01",
        b"\x1c\x00\x01q\x01\0\0\0\0\0\0\0\0",
        b"\x1c\x00\x01q\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05",
        b"\x1c\x00\x01q\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\x02a",
        b"\x9c\x00\x01q\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        assert!(Entry::decode(bytes, Time::ZERO).is_err(), "{bytes:?}");
        assert_eq!(items_in(bytes).count(), 0);
    }
}

/// An engine of everything there is.
fn full() -> Keeper {
    let defaults = Defaults::default();
    let mut engine = Keeper::new(Home::new(40 << 20, 20), defaults);
    engine.is_strict = false;
    let at = Time::from_millis;
    for (method, target, body, now) in [
        ("PUT", "/topics/news", r#"{"bytes":70,"max_age":"1h"}"#, 1),
        ("PUT", "/queues/jobs", r#"{"bytes":200,"max_attempts":1,"ttl":90,"dead_letter":"dead"}"#, 1),
        ("PUT", "/queues/dead", r#"{"bytes":300}"#, 2),
        ("PUT", "/queues/kept", r#"{"bytes":300,"max_attempts":1,"topic":"news"}"#, 2),
        ("PUT", "/queues/orphan", r#"{"bytes":100,"topic":"gone"}"#, 2),
        ("DELETE", "/topics/gone", "", 3),
        ("POST", "/mput?queue=jobs&id=one", "a\nbb\nccc\ndddd", 4),
        ("POST", "/put?queue=jobs&delay=7", "later", 5),
        ("POST", "/pub?topic=news&id=two", "first\nsecond\nthird\nfourth\nfifth\nsixth\nseventh", 6),
        ("GET", "/get?queue=jobs", "", 7),
        ("GET", "/mget?queue=jobs&items=2&lease=1", "", 8),
        ("GET", "/mget?queue=kept&items=3&lease=1", "", 9),
        ("GET", "/stats?queue=kept", "", 2_000),
        ("GET", "/get?queue=jobs&lease=1", "", 2_001),
        ("GET", "/mget?queue=dead&items=1&lease=60", "", 2_002),
        ("POST", "/queues/dead/pause", "", 2_003),
    ] {
        let told = engine.ask(method, target, body, at(now), 1 << 20);
        assert!(told.starts_with('2'), "{method} {target}: {told}");
    }
    engine
}

fn restored(bytes: &[u8]) -> Result<Memory<Home<false>>, RestoreError<Infallible>> {
    Memory::restore(Home::new(40 << 20, 20), &mut &*bytes)
}

/// What is restored can be used, whatever it was made of.
fn is_used(memory: Memory<Home<false>>) {
    let mut engine = Keeper::of(memory);
    engine.is_strict = false;
    let saved = engine.saved();
    let again = restored(&saved).unwrap_or_else(|error| panic!("what it saves is none: {error}"));
    assert_eq!(Keeper::of(again).saved(), saved);
    for now in [3_000, 100_000, 1 << 45] {
        engine.advance(Time::from_millis(now));
        for queue in ["jobs", "dead", "kept", "orphan"] {
            for line in [
                format!("GET /peek?queue={queue}&items=9&state=ready"),
                format!("GET /peek?queue={queue}&items=9&state=dead"),
                format!("POST /mput?queue={queue}&id=1 x"),
                format!("GET /mget?queue={queue}&items=3&lease=5"),
                format!("POST /redrive?queue={queue}"),
                format!("POST /queues/{queue}/empty"),
                format!("GET /stats?queue={queue}"),
            ] {
                let (method, target) = line.split_once(' ').unwrap();
                engine.ask(method, target, "x", Time::from_millis(now), 1 << 20);
            }
        }
        engine.ask("POST", "/pub?topic=news", "eighth", Time::from_millis(now), 1 << 20);
    }
}

#[test]
fn what_ends_early_is_no_engine() {
    let saved = full().saved();
    for len in 0..saved.len() {
        let error = restored(&saved[..len]).err().expect("something is missing");
        assert!(matches!(error, RestoreError::Incomplete), "{len}: {error}");
    }
    is_used(restored(&saved).unwrap());
    let mut other = saved.clone();
    other[3] = b'1';
    assert_eq!(restored(&other).err(), Some(RestoreError::NotAnEngine));
}

/// Read a byte at a time it is the same.
#[test]
fn it_may_come_in_pieces() {
    struct Slowly<'a>(&'a [u8]);
    impl embedded_io::ErrorType for Slowly<'_> {
        type Error = Infallible;
    }
    impl embedded_io::Read for Slowly<'_> {
        fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
            let Some(((byte, rest), room)) = self.0.split_first().zip(room.first_mut()) else { return Ok(0) };
            (*room, self.0) = (*byte, rest);
            Ok(1)
        }
    }
    let saved = full().saved();
    let memory = Memory::restore(Home::<false>::new(40 << 20, 20), &mut Slowly(&saved)).unwrap();
    assert_eq!(Keeper::of(memory).saved(), saved);
}

#[test]
fn a_host_with_other_room_is_no_host_for_it() {
    let saved = full().saved();
    let error = |budget, most| Memory::restore(Home::<false>::new(budget, most), &mut &*saved).err();
    assert!(matches!(error(900, 20), Some(RestoreError::Refused(_))));
    assert!(matches!(error(40 << 20, 2), Some(RestoreError::Corrupt(_))));
    assert!(error(40 << 20, 20).is_none());
}

/// Each byte of what was saved, turned into some others.
#[test]
fn a_byte_that_is_another_is_seen_or_does_no_harm() {
    let saved = full().saved();
    let mut taken = 0;
    for at in 0..saved.len() {
        for flip in [1, 2, 0x10, 0x80, 0xff] {
            let mut bytes = saved.clone();
            bytes[at] ^= flip;
            if let Ok(memory) = restored(&bytes) {
                taken += 1;
                is_used(memory);
            }
        }
    }
    assert!(taken > 0, "what items are nobody can know");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_entry_as_it_is_written_or_none(bytes in vec(any::<u8>(), 0..60), kind in 0..32_u8) {
        for bytes in [bytes.clone(), [&[kind, 0, 1, b'q'][..], &bytes].concat(), [&[kind, 0, 1, 1, b'q'][..], &bytes].concat()] {
            if let Ok(entry) = Entry::decode(&bytes, Time::ZERO) {
                prop_assert_eq!(encoded(&entry, Time::ZERO), &*bytes);
                let mut engine = Memory::new(Home::<false>::new(1 << 20, 20));
                engine.host_mut().again = entry.random.iter().take(99).collect();
                let _ = engine.replay(&entry);
                let peek = Command::Peek { queue: Name::MAIN, state: streamgauge_core::queue::leases::State::Ready, items: 9 };
                engine.execute(&peek, Time::from_millis(9), &mut |_: Part<'_>| core::ops::ControlFlow::Continue(()));
            }
        }
    }

    #[test]
    fn many_bytes_that_are_others_are_seen_or_do_no_harm(edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = full().saved();
        for (at, byte) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Ok(memory) = restored(&bytes) {
            is_used(memory);
        }
    }
}

/// Items that came percent-coded are kept as they were meant.
#[test]
fn coded_items_are_kept_decoded() {
    let mut engine = Keeper::<false>::new(Home::new(40 << 20, 20), Defaults::default());
    let long = "%41".repeat(150);
    for target in [
        "/put?queue=q&data=a%2Cb",
        "/mput?queue=q&separator=%2C&data=a%2Cb%2C%2Cc",
        &format!("/put?queue=q&data={long}"),
    ] {
        let told = engine.ask("GET", target, "", Time::ZERO, 1 << 20);
        assert!(told.starts_with("200"), "{target}: {told}");
    }
    let kept = |bytes: &Vec<u8>| items_in(bytes).map(|at| bytes[at].to_vec()).collect::<Vec<_>>();
    let kept: Vec<_> = engine.log.iter().flat_map(|(_, bytes)| kept(bytes)).collect();
    assert_eq!(kept, [&b"a,b"[..], b"a", b"b", b"c", &[b'A'; 150]]);
}

/// An engine that does something else than it did says so.
#[test]
fn who_is_in_another_state_diverges() {
    let (name, items) = (Name::MAIN, Pieces::whole(Data::Plain(b"item")));
    let put = Command::Put { queue: name, items, delay: Duration::ZERO, id: Id::of(*b"id") };
    let publish = Command::Publish { topic: name, messages: items, id: Id::of(*b"id") };
    let get = Command::Get { queue: name, items: 9, lease: streamgauge_core::engine::Lease::None };
    let change = streamgauge_core::engine::TopicChange { bytes: Some(1 << 40), ..Default::default() };
    let entry = |taken, call| Entry { now: Time::ZERO, random: Numbers::NONE, taken, call };
    let lengths = |call| {
        let bytes = encoded(&entry(0, call), Time::ZERO);
        [&[bytes[0] | 0x80][..], &bytes[1..7], &[bytes[7] | 4], &bytes[8..11], b"\x04"].concat()
    };
    let mut engine = Memory::new(Home::<false>::new(40 << 20, 20));
    let Ok(()) = engine.replay(&entry(0, Call::Execute(put))) else { panic!("it is put") };
    let Ok(()) = engine.replay(&entry(0, Call::Execute(publish))) else { panic!("it is published") };
    for (what, wrong) in [
        ("put before", entry(0, Call::Execute(put))),
        ("published before", entry(0, Call::Execute(publish))),
        ("put", entry(0, Call::Refuse(Command::Put { queue: name, items, delay: Duration::ZERO, id: None }))),
        ("not as many", entry(9, Call::Execute(get))),
        ("no room", entry(0, Call::Execute(Command::SetTopic { name: Name::new(b"large").unwrap(), change }))),
        (
            "no room",
            entry(
                0,
                Call::MakeQueue(
                    Name::new(b"large").unwrap(),
                    streamgauge_core::engine::QueueSettings {
                        bytes: 1 << 40,
                        ..streamgauge_core::engine::QueueSettings::DEFAULT
                    },
                ),
            ),
        ),
    ] {
        assert!(engine.replay(&wrong).is_err(), "{what}");
    }
    // As duplicates they are what they were.
    for call in [Call::Execute(put), Call::Execute(publish)] {
        let bytes = lengths(call);
        let again = Entry::decode(&bytes, Time::ZERO).unwrap_or_else(|error| panic!("{error}: {bytes:?}"));
        assert_eq!(engine.replay(&again), Ok(()));
        assert!(Memory::new(Home::<false>::new(40 << 20, 20)).replay(&again).is_err(), "{call:?}");
    }
}

/// The room that a reason once had is there for the next one.
#[test]
fn a_note_keeps_its_room() {
    let mut engine = Keeper::<false>::new(Home::new(40 << 20, 20), Defaults::default());
    let mut other = None;
    let (mut now, mut token) = (0, String::new());
    for (target, is_saved) in [
        ("PUT /queues/q", false),
        ("POST /put?queue=q", false),
        ("GET /mget?queue=q&lease=5", false),
        ("POST /nack?queue=q&reason=worn+out", false),
        ("POST /redrive?queue=q", true),
        ("GET /mget?queue=q&lease=5", false),
        ("POST /nack?queue=q&reason=torn", false),
        ("GET /peek?queue=q&state=dead", false),
    ] {
        now += 1;
        let (method, target) = target.split_once(' ').unwrap();
        let target = if target.contains("nack") { format!("{target}&lease={token}") } else { target.to_owned() };
        let body = if method == "PUT" { r#"{"max_attempts":1}"# } else { "item" };
        let told = engine.ask(method, &target, body, Time::from_millis(now), 1 << 20);
        assert!(told.starts_with('2'), "{target}: {told}");
        if let Some((_, lease)) = told.split_once("\"lease\":\"") {
            token = lease[..24].to_owned();
        }
        if let Some(other) = &mut other {
            let other: &mut Keeper<true> = other;
            assert_eq!(other.ask(method, &target, body, Time::from_millis(now), 1 << 20), told, "{target}");
            assert_eq!(other.saved(), engine.saved());
        } else if is_saved {
            other = Some(engine.restored(Home::<true>::new(40 << 20, 20)));
        }
    }
}

/// A topic that feeds a queue twice, or one that is not there, would never come to an end of them.
#[test]
fn who_feeds_what_has_to_fit() {
    let mut engine = Keeper::<false>::new(Home::new(40 << 20, 20), Defaults::default());
    for queue in ["xa", "xb", "xc"] {
        engine.ask("PUT", &format!("/queues/{queue}"), r#"{"topic":"news"}"#, Time::ZERO, 1 << 20);
    }
    let (saved, line) = (engine.saved(), b"\x01\x02xc\x01\x02xb\x01\x02xa\x00");
    let at = saved.windows(line.len()).position(|window| window == line).expect("the queues in their line");
    for other in [
        &b"\x01\x02xc\x01\x02xc\x01\x02xb\x00"[..],
        b"\x01\x02xc\x01\x02xb\x01\x02xc\x00",
        b"\x01\x02xc\x01\x02xb\x00",
        b"\x01\x02xc\x01\x02xb\x01\x02xd\x00",
        b"\x00",
    ] {
        let bytes = [&saved[..at], other, &saved[at + line.len()..]].concat();
        assert!(matches!(restored(&bytes).err(), Some(RestoreError::Corrupt(_))), "{other:?}");
    }
}
