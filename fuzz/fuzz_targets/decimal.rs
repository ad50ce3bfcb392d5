//! Numbers of JSON as the standard library reads them, and `f64` as it prints them. The input is the text of a number,
//! and its first eight bytes are one, too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::select::Number;
use streamgauge_core::wire::decimal::Decimal;

fuzz_target!(|data: &[u8]| {
    if let Some(number) = core::str::from_utf8(data).ok().and_then(Number::parse) {
        let expected: f64 = number.raw().parse().unwrap();
        assert_eq!(number.to_f64().to_bits(), expected.to_bits());
        // What is whole to the last digit is so to the nearest double.
        assert!(number.to_u64().is_none_or(|whole| whole as f64 == expected));
        assert!(number.to_i64().is_none_or(|whole| whole as f64 == expected));
    }
    let Some((bits, rest)) = data.split_first_chunk() else { return };
    let number = f64::from_bits(u64::from_le_bytes(*bits));
    let Some(shortest) = Decimal::shortest(number) else { return assert!(!number.is_finite()) };
    assert_eq!(Number::parse(shortest.as_str()).unwrap().to_f64().to_bits(), number.to_bits());
    let digits = rest.first().map_or(17, |byte| usize::from(byte % 17 + 1));
    let rounded = Decimal::rounded(number, digits).unwrap();
    // As the standard library rounds, in another form of the same number.
    let expected = format!("{number:.*e}", digits - 1);
    assert_eq!(Number::parse(rounded.as_str()), Number::parse(&expected));
});
