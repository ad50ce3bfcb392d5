//! Query strings as form_urlencoded reads them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::wire::Query;

fuzz_target!(|data: &[u8]| {
    let query = Query::new(data);
    let ours: Vec<(Vec<u8>, Vec<u8>)> =
        query.pairs().map(|(key, value)| (key.bytes().collect(), value.bytes().collect())).collect();
    // form_urlencoded answers with text: bytes that are none are replaced, so ours are too.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lossy: Vec<_> = ours.iter().map(|(key, value)| (text(key), text(value))).collect();
    let theirs: Vec<_> = form_urlencoded::parse(data).into_owned().collect();
    assert_eq!(lossy, theirs);
    for (key, _) in &ours {
        let Ok(name) = core::str::from_utf8(key) else { continue };
        let first = &ours.iter().find(|(other, _)| other == key).unwrap().1;
        let found = query.get(name).unwrap();
        assert!(found == first[..]);
        assert_eq!(found.len(), first.len());
        let mut exact = vec![0; first.len()];
        assert_eq!(found.copy_to(&mut exact), Some(first.len()));
        assert_eq!(&exact, first);
        if !first.is_empty() {
            assert_eq!(found.copy_to(&mut exact[1..]), None);
        }
        let number = core::str::from_utf8(first).ok().and_then(|text| text.parse::<i64>().ok());
        assert_eq!(found.integer(), number);
    }
});
