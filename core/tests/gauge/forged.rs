//! Binary forms with a sum that fits, and something in them that nothing can have led to.

use streamgauge_core::gauge::{Format, Gauge, Measure, MergeError};
use streamgauge_core::time::Time;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::support::{Heap, gauge, json, take, written};

/// What comes of merging these bytes, with a sum behind them, into a gauge of nothing.
fn merged(definition: &str, body: &[u8]) -> (Result<(), MergeError>, Gauge<Heap>) {
    let mut gauge = gauge(definition);
    let bytes = [body, &xxh3_64(body).to_le_bytes()].concat();
    (gauge.merge(&bytes, Time::ZERO, &mut Heap), gauge)
}

/// The binary form of a gauge that took these messages, without its sum.
fn body(definition: &str, messages: &[&str]) -> Vec<u8> {
    let mut gauge = gauge(definition);
    messages.iter().for_each(|message| take(&mut gauge, message, 0));
    let mut bytes = written(&mut gauge, Format::Binary, 0);
    bytes.truncate(bytes.len() - 8);
    bytes
}

fn key(hash: u64, kind: u8, shown: &str) -> Vec<u8> {
    [&hash.to_le_bytes()[..], &[kind, shown.len() as u8], shown.as_bytes()].concat()
}

#[test]
fn a_value_that_can_not_be_is_refused() {
    const TOP: &str = r#"{"measure":"top"}"#;
    let whole = body(TOP, &["a"]);
    // Behind the key there are its weight and its error.
    let (before, behind) = (&whole[..whole.len() - 16 - 11], &whole[whole.len() - 16..]);
    let hash = |kind: u8, text: &str| xxh3_64_with_seed(text.as_bytes(), kind.into());
    let x = |len| "x".repeat(len);
    let (ok, corrupt) = (Ok(()), Err(MergeError::Corrupt));
    for (hash, kind, shown, expected) in [
        (hash(0, "ab"), 0, "ab", ok),
        (hash(0, "ab") + 1, 0, "ab", corrupt),
        (hash(0, &x(54)), 0, &x(54), ok),
        (hash(0, &x(55)), 0, &x(55), corrupt),
        (7, 1, &x(50), corrupt),
        (7, 1, &x(51), ok),
        (7, 1, &x(54), ok),
        (7, 1, &x(55), corrupt),
        (7, 2, "12", ok),
        (7, 2, "x", corrupt),
        (hash(3, "true"), 3, "true", ok),
        (hash(3, "true") + 1, 3, "true", corrupt),
        (hash(3, "yes"), 3, "yes", corrupt),
        (7, 4, "x", corrupt),
    ] {
        let (result, _) = merged(TOP, &[before, &key(hash, kind, shown), behind].concat());
        assert_eq!(result, expected, "{kind} {shown}");
    }
}

#[test]
fn what_stands_where_nothing_can_is_refused() {
    const RATE: &str = r#"{"measure":"rate"}"#;
    let whole = body(RATE, &["a"]);
    assert_eq!(merged(RATE, &whole).0, Ok(()));
    assert_eq!(merged(RATE, &[&whole[..], &[0]].concat()).0, Err(MergeError::Corrupt));
    // A group, of which there are none: its cell is all but the sums of a rate.
    let cell = whole.len() - 1 - 8 * 15;
    let group = [&[1][..], &key(xxh3_64_with_seed(b"a", 0), 0, "a"), &1_u64.to_le_bytes()].concat();
    let grouped = [&whole[..cell], &group, &whole[cell + 1..]].concat();
    assert_eq!((whole[cell], merged(RATE, &grouped).0), (0, Err(MergeError::Corrupt)));
}

#[test]
fn bins_are_in_their_order_and_not_empty() {
    for (definition, place, count, refused) in [
        (r#"{"measure":"quantiles","bins":8}"#, 4, 4, MergeError::Corrupt),
        (r#"{"measure":"histogram","histogram":{"min":0,"max":4,"bins":4}}"#, 4, 8, IMPOSSIBLE),
        (r#"{"measure":"histogram","histogram":{"integers":[0,3]}}"#, 4, 8, IMPOSSIBLE),
    ] {
        let whole = body(definition, &["1", "1.01", "2", "2", "3", "1", "-1", "5", "1"]);
        assert_eq!(merged(definition, &whole).0, Ok(()), "{definition}");
        let bin = place + count;
        let (rest, last) = whole.split_at(whole.len() - bin);
        let (rest, before) = rest.split_at(rest.len() - bin);
        let empty = |bin: &[u8]| [&bin[..place], &vec![0; count]].concat();
        let far = |bin: &[u8]| [&[0xff, 0xff, 0, 0][..], &bin[place..]].concat();
        let twice = |bin: &[u8]| [&before[..place], &bin[place..]].concat();
        for (one, other) in [
            (last.to_vec(), before.to_vec()),
            (before.to_vec(), twice(last)),
            (before.to_vec(), empty(last)),
            (empty(before), last.to_vec()),
            (before.to_vec(), far(last)),
        ] {
            let (result, _) = merged(definition, &[rest, &one, &other].concat());
            assert_eq!(result, Err(refused), "{definition}: {one:?}, {other:?}");
        }
    }
}

#[test]
fn there_are_no_more_cells_than_groups() {
    for (definition, cells) in [(r#"{"measure":"top"}"#, 1), (r#"{"measure":"top","by":"g","groups":3}"#, 4)] {
        // Of nothing there is one, behind how many there are.
        let whole = body(definition, &[]);
        let begin = whole.windows(4).rposition(|four| four == [1, 0, 0, 0]).unwrap();
        let forged = |many: u32| {
            let (head, one) = (&whole[..begin], &whole[begin + 4..]);
            [head, &many.to_le_bytes(), &one.repeat(many as usize)].concat()
        };
        assert_eq!(merged(definition, &forged(cells)).0, Ok(()), "{definition}");
        assert_eq!(merged(definition, &forged(cells + 1)).0, Err(MergeError::Corrupt), "{definition}");
    }
}

const IMPOSSIBLE: MergeError = MergeError::Impossible(Measure::Histogram);

#[test]
fn a_histogram_is_merged_with_all_that_is_outside() {
    let range = r#"{"measure":"histogram","histogram":{"min":0,"max":4,"bins":4}}"#;
    let integers = r#"{"measure":"histogram","histogram":{"integers":[0,3]}}"#;
    for definition in [range, integers] {
        let whole = body(definition, &["1", "1.5", "2", "-1", "5", "6"]);
        let (result, mut gauge) = merged(definition, &whole);
        let (bins, what) = (if definition == range { [0, 2, 1, 0] } else { [0, 1, 1, 0] }, json(&mut gauge, 0));
        let mut expected = serde_json::json!({"min": 0.0, "max": 4.0, "below": 1, "above": 2, "bins": bins});
        if definition == integers {
            expected["not_whole"] = 1.into();
        }
        assert_eq!((result, &what["histogram"]), (Ok(()), &expected));
        // Below, above and what is no integer stand before the number of bins, which are two.
        let at = whole.len() - 2 * 12 - 4 - 8;
        let others = u64::from(definition == integers);
        assert_eq!(whole[at..at + 8], others.to_le_bytes());
        // Bins of a range hold all numbers.
        let more = [&whole[..at], &9_u64.to_le_bytes(), &whole[at + 8..]].concat();
        let (result, mut gauge) = merged(definition, &more);
        if definition == range {
            assert_eq!(result, Err(IMPOSSIBLE));
        } else {
            let again = written(&mut gauge, Format::Binary, 0);
            assert_eq!((result, &again[at..at + 8]), (Ok(()), &9_u64.to_le_bytes()[..]));
        }
    }
}
