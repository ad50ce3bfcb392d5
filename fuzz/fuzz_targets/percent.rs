//! Percent-coding as percent-encoding does it, and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use streamgauge_core::wire::percent::{Plus, decode, encode, encoded_len};

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fuzz_target!(|data: &[u8]| {
    assert!(decode(data, Plus::Literal).eq(percent_decode(data)));
    let spaces: Vec<u8> = data.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    assert!(decode(data, Plus::Space).eq(percent_decode(&spaces)));
    let (least, most) = decode(data, Plus::Space).size_hint();
    let count = decode(data, Plus::Space).count();
    assert!(least <= count && most.is_some_and(|most| count <= most));
    let mut encoded = Vec::new();
    encode(data, &mut encoded).unwrap();
    assert_eq!(encoded, percent_encode(data, RESERVED).to_string().as_bytes());
    assert_eq!(encoded.len(), encoded_len(data));
    assert!(decode(&encoded, Plus::Space).eq(data.iter().copied()));
});
