//! The same input for independent crates.

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::wire::percent::{self, Plus};
use streamgauge_core::wire::{Query, lines};

use crate::decoded::read_chunks;
use crate::{Bytes, fragments, sizes};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn chunk_sizes_are_read_as_httparse_reads_them(line in "[0-9a-fA-F]{1,18}[ \t;x]{0,3}[a-z]{0,2}", sizes in sizes()) {
        let line = line + "\r\n";
        let (_, _, error, _) = read_chunks(&fragments(line.as_bytes(), &sizes));
        let reference = httparse::parse_chunk_size(line.as_bytes());
        prop_assert_eq!(error.is_none(), reference.is_ok(), "{:?} {:?}", line, error);
    }

    #[test]
    fn percent_coding_agrees_with_the_url_crates(bytes in vec(any::<u8>(), 0..40), text in "[%0-9a-gA-G+&=]{0,40}") {
        for raw in [&bytes, text.as_bytes()] {
            let decoded: Bytes = percent::decode(raw, Plus::Literal).collect();
            prop_assert_eq!(&decoded, &percent_encoding::percent_decode(raw).collect::<Bytes>());
            let (low, high) = percent::decode(raw, Plus::Space).size_hint();
            prop_assert!(low <= decoded.len() && decoded.len() <= high.unwrap());
        }
        const SET: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
            .remove(b'-').remove(b'_').remove(b'.').remove(b'~');
        let mut encoded = Vec::new();
        percent::encode(&bytes, &mut encoded).unwrap();
        prop_assert_eq!(encoded.len(), percent::encoded_len(&bytes));
        let reference = percent_encoding::percent_encode(&bytes, SET).to_string();
        prop_assert_eq!(&encoded[..], reference.as_bytes());
        prop_assert_eq!(percent::decode(&encoded, Plus::Space).collect::<Bytes>(), bytes);
    }

    #[test]
    fn queries_agree_with_form_urlencoded(raw in "[%0-9a-c+&=]{0,40}") {
        let lossy = |value: streamgauge_core::wire::Value<'_>| {
            String::from_utf8_lossy(&value.bytes().collect::<Bytes>()).into_owned()
        };
        let query = Query::new(raw.as_bytes());
        for (_, value) in query.pairs() {
            let bytes: Bytes = value.bytes().collect();
            prop_assert_eq!((value.len(), value.is_empty()), (bytes.len(), bytes.is_empty()));
            let mut out = vec![0; bytes.len() + 1];
            prop_assert_eq!(value.copy_to(&mut out), Some(bytes.len()));
            prop_assert_eq!(&out[..bytes.len()], &bytes);
            let too_small = bytes.len().checked_sub(1).map(|room| value.copy_to(&mut out[..room]));
            prop_assert!(too_small.is_none_or(|copied| copied.is_none()));
        }
        let reference: Vec<_> = form_urlencoded::parse(raw.as_bytes()).collect();
        let pairs: Vec<_> = query.pairs().map(|(key, value)| (lossy(key), lossy(value))).collect();
        prop_assert_eq!(pairs.len(), reference.len());
        for (ours, theirs) in pairs.iter().zip(&reference) {
            prop_assert_eq!((ours.0.as_str(), ours.1.as_str()), (&*theirs.0, &*theirs.1));
        }
        for (key, _) in reference.iter().filter(|(key, _)| !key.contains('\u{fffd}')) {
            let first = reference.iter().find(|(other, _)| other == key).map(|(_, value)| value.to_string());
            prop_assert_eq!(query.get(key).map(lossy), first);
        }
    }

    #[test]
    fn splitting_agrees_with_the_standard_library(body in "[ab,]{0,30}", separator in "[ab,]{0,3}") {
        let bytes = body.as_bytes();
        let expected = body.split(',').filter(|piece| !piece.is_empty()).map(str::as_bytes);
        prop_assert!(lines::split(bytes, b',').eq(expected));
        let pieces: Vec<&str> = match &separator[..] {
            "" => vec![&body],
            separator => body.split(separator).collect(),
        };
        let expected = pieces.into_iter().filter(|piece| !piece.is_empty()).map(str::as_bytes);
        prop_assert!(lines::split_on(bytes, separator.as_bytes()).eq(expected));
    }
}
