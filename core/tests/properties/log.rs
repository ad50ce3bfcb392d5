//! The log is a list of records.

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::log::Log;

use crate::{Placement, capacity, record, start};

#[derive(Debug, Clone)]
enum LogStep {
    Append(Vec<u8>),
    Pop,
    /// A reader reads so many records.
    Read(u8),
    /// A reader goes to the start, to the end, or to a number near the first.
    Seek(i8),
}

fn log_step() -> impl Strategy<Value = LogStep> {
    prop_oneof![
        5 => record().prop_map(LogStep::Append),
        3 => Just(LogStep::Pop),
        3 => any::<u8>().prop_map(|n| LogStep::Read(n % 8)),
        1 => any::<i8>().prop_map(LogStep::Seek),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_log_is_a_list_of_records(capacity in capacity(), first in start(), steps in vec(log_step(), 0..120)) {
        let mut log = Log::starting_at(vec![0; capacity], first);
        let mut model = Placement::new(capacity);
        let (mut popped, mut appended, mut bytes_appended) = (0_u64, 0_u64, 0_u64);
        // A reader, as how many records and bytes there were before its place.
        let (mut reader, mut at, mut bytes_at) = (log.start(), 0_u64, 0_u64);
        for step in steps {
            match step {
                LogStep::Append(record) => {
                    let mut called = false;
                    let outcome = log.append(record.len(), |room| {
                        called = true;
                        room.copy_from_slice(&record);
                    });
                    let fits = model.append(&record);
                    prop_assert_eq!(outcome.is_ok(), fits);
                    prop_assert_eq!(called, fits);
                    prop_assert_eq!(log.can_hold(record.len()), model.can_ever_hold(&record));
                    if let Ok(sequence) = outcome {
                        prop_assert_eq!(sequence, first.wrapping_add(appended));
                        appended += 1;
                        bytes_appended += record.len() as u64;
                    }
                }
                LogStep::Pop => {
                    let expected = model.pop();
                    prop_assert_eq!(log.pop().map(<[u8]>::to_vec), expected.clone());
                    popped += u64::from(expected.is_some());
                }
                LogStep::Read(times) => {
                    for _ in 0..times {
                        let readable = at >= popped && at < appended;
                        let expected = readable.then(|| model.records[(at - popped) as usize].clone());
                        prop_assert_eq!(log.read(&mut reader).map(<[u8]>::to_vec), expected.clone());
                        at += u64::from(readable);
                        bytes_at += expected.map_or(0, |record| record.len() as u64);
                    }
                }
                LogStep::Seek(delta) => {
                    let target = popped as i64 + i64::from(delta);
                    reader = log.seek(first.wrapping_add(target as u64));
                    at = (target.max(popped as i64) as u64).min(appended);
                    bytes_at = bytes_appended - model.records.iter().skip((at - popped) as usize).map(|r| r.len() as u64).sum::<u64>();
                }
            }
            prop_assert_eq!(log.len(), model.records.len() as u64);
            prop_assert_eq!(log.is_empty(), model.records.is_empty());
            prop_assert_eq!(log.bytes(), model.bytes());
            prop_assert_eq!(log.front(), model.records.front().map(Vec::as_slice));
            prop_assert_eq!(log.iter(log.start()).map(<[u8]>::to_vec).collect::<Vec<_>>(), model.contents());
            prop_assert_eq!(log.start().sequence(), first.wrapping_add(popped));
            prop_assert_eq!(log.end().sequence(), first.wrapping_add(appended));
            prop_assert_eq!(reader.sequence(), first.wrapping_add(at));
            prop_assert_eq!(log.missed(&reader), popped.saturating_sub(at));
            prop_assert_eq!(log.pending(&reader), appended - at.max(popped));
            prop_assert_eq!(log.bytes_behind(&reader), bytes_appended - bytes_at);
        }
    }
}
