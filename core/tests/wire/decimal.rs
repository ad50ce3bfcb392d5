//! Numbers between `f64` and text, as the standard library has them.

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::select::Number;
use streamgauge_core::wire::decimal::Decimal;

fn read(text: &str) -> f64 {
    Number::parse(text).unwrap_or_else(|| panic!("{text} is no number")).to_f64()
}

/// The standard library's parser is correctly rounded.
fn same_as_std(text: &str) -> Result<(), TestCaseError> {
    let expected: f64 = text.parse().unwrap();
    prop_assert_eq!(read(text).to_bits(), expected.to_bits(), "{} is {:e}", text, expected);
    Ok(())
}

fn any_finite() -> impl Strategy<Value = f64> {
    let near_ends = prop_oneof![0..1_u64 << 54, 0x7fe0_0000_0000_0000_u64..0x7ff0_0000_0000_0000, 0..20_u64];
    let powers = (0..2047_u64, 0..3_u64).prop_map(|(exponent, off)| (exponent << 52).wrapping_add(off).wrapping_sub(1));
    let bits = prop_oneof![4 => any::<u64>(), 1 => near_ends, 1 => powers];
    let decimal = (any::<i64>(), -30..30_i32).prop_map(|(digits, power)| digits as f64 * 10_f64.powi(power));
    let short = (-99_999..99_999_i64, 0..6_u32).prop_map(|(digits, places)| digits as f64 / 10_f64.powi(places as i32));
    let finite = bits.prop_map(f64::from_bits).prop_filter("finite", |number| number.is_finite());
    prop_oneof![4 => finite, 1 => decimal, 1 => short]
}

/// The digits of a positive number as a multiple of 10^-[`PLACES`], all of them.
fn digits(number: f64) -> Vec<u8> {
    let text = format!("{number:0>width$.PLACES$}", width = 310 + 1 + PLACES);
    text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect()
}

const PLACES: usize = 1075;

/// What lies exactly in the middle of a positive number and the next one, which may be 2^1024.
fn middle(number: f64) -> Vec<u8> {
    let step = if number == f64::MAX { 2_f64.powi(971) } else { number.next_up() - number };
    let mut rest = 0;
    let mut half = digits(step);
    for digit in &mut half {
        let dividend = rest * 10 + *digit;
        (*digit, rest) = (dividend / 2, dividend % 2);
    }
    half.push(rest * 5);
    let mut sum = digits(number);
    sum.push(0);
    let mut carry = 0;
    for (digit, more) in sum.iter_mut().zip(half).rev() {
        let total = *digit + more + carry;
        (*digit, carry) = (total % 10, total / 10);
    }
    sum
}

/// Digits as a number of JSON, the last one counting 10^power, with the point somewhere and zeros around it.
fn written(digits: &[u8], power: i64, point: usize, zeros: usize) -> String {
    let mut text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    text = text.trim_start_matches('0').to_owned();
    let point = point % (text.len() + 1);
    let power = power + point as i64;
    text.insert(text.len() - point, '.');
    text.push_str(&"0".repeat(zeros));
    if text.starts_with('.') {
        text.insert(0, '0');
    }
    if text.ends_with('.') {
        text.push('0');
    }
    format!("{text}e{power:+}")
}

#[test]
fn what_others_got_wrong_once() {
    for text in [
        "0",
        "-0",
        "-0.0e9",
        // A tie, just above one, and what is cut behind 19 digits of one.
        "9007199254740993",
        "9007199254740993.00000000000000000000000000000001",
        "9007199254740992.9999999999999999999999999999999",
        // A tie with a power of ten that no f64 is.
        "1e23",
        // The largest, and the tie between it and infinity.
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042879.9",
        // PHP and Java once hung on these.
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        // The least, and half of it.
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.47032822920623272088284396434110686182e-324",
        "1e-325",
        "9999999999999999999e-343",
        "9999999999999999999999999999e-352",
        "1e308",
        "1e309",
        "0.000001e314",
        "1e400",
        "-1e99999999999999999999999",
        "1e-99999999999999999999999",
        "0e99999999999999999999999",
        // Rounded up to a power of two.
        "72057594037927933",
        "6.631236846766476e-316",
        "3.237883913302901289588352412501532174863037669423108059901297049552301970670676565786835742587799557860615776559838283435514391084153169252689190564396459577394618038928365305143463955100356696665629202017331344031730044369360205258345803431471660032699580731300954848363975548690010751530018881758184174569652173110473696022749934638425380623369774736560008997404060967498028389191878963968575439222206416981462690113342524002724385941651051293552601421155333430225237291523843322331326138431477823591142408800030775170625915670728657003151953664260769822494937951845801530895238439819708403389937873241463484205608000027270531106827387907791444918534771598750162812548862768493201518991668028251730299953143924168545708663913273994694463908672332763671875E-319",
    ] {
        same_as_std(text).unwrap();
    }
    // Of any length.
    for zeros in [100, 400, 10_000] {
        let zeros = "0".repeat(zeros);
        for text in
            [format!("1{zeros}e-{}", zeros.len()), format!("0.{zeros}1e{}", zeros.len()), format!("0.5{zeros}1")]
        {
            same_as_std(&text).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_f64_is_read(number in any_finite(), digits in 1..40_usize) {
        same_as_std(&format!("{number:e}"))?;
        same_as_std(&format!("{number:.16e}"))?;
        same_as_std(&format!("{number:.digits$e}"))?;
        same_as_std(&format!("{number}"))?;
    }

    #[test]
    fn any_digits_are_read(
        digits in prop_oneof![4 => vec(0..10_u8, 1..25), 1 => vec(0..10_u8, 1..900)],
        power in prop_oneof![-30..30_i64, -1400..400_i64],
        point: usize,
        zeros in prop_oneof![Just(0), 0..30_usize],
        minus: bool,
    ) {
        let text = written(&digits, power, point, zeros);
        same_as_std(&format!("{}{text}", if minus { "-" } else { "" }))?;
    }

    #[test]
    fn what_is_next_to_a_middle_is_read(
        number in any_finite(),
        off in 0..3,
        more in prop_oneof![Just(0), 0..40_usize, 0..900_usize],
        point: usize,
        zeros in 0..20_usize,
    ) {
        let mut digits = middle(number.abs());
        let mut power = -(PLACES as i64) - 1;
        while digits.last() == Some(&0) {
            digits.pop();
            power += 1;
        }
        match off {
            // Just below, just above, or the middle itself.
            0 => {
                *digits.last_mut().unwrap() -= 1;
                digits.extend(std::iter::repeat_n(9, more + 1));
                power -= more as i64 + 1;
            }
            1 => {
                digits.extend(std::iter::repeat_n(0, more));
                digits.push(1);
                power -= more as i64 + 1;
            }
            _ => {}
        }
        same_as_std(&written(&digits, power, point, zeros))?;
    }

    #[test]
    fn whole_numbers_are_whole(
        number in prop_oneof![any::<i128>(), any::<i64>().prop_map(i128::from), any::<u64>().prop_map(i128::from), -1000..1000_i128],
        zeros in 0..30_usize,
        power in 0..30_usize,
    ) {
        let zeros = "0".repeat(if number == 0 { 0 } else { zeros });
        let trimmed = number.to_string();
        let trailing = trimmed.len() - trimmed.trim_end_matches('0').len();
        let moved = trailing.min(power);
        let scaled = number / 10_i128.pow(moved as u32);
        for text in [format!("{number}"), format!("{number}.0{zeros}"), format!("{scaled}e{moved}"), format!("{number}{zeros}e-{}", zeros.len())] {
            let whole = Number::parse(&text).unwrap();
            prop_assert_eq!(whole.to_u64(), u64::try_from(number).ok(), "{}", &text);
            prop_assert_eq!(whole.to_i64(), i64::try_from(number).ok(), "{}", &text);
        }
        let text = format!("{number}.{zeros}1");
        let fraction = Number::parse(&text).unwrap();
        prop_assert_eq!((fraction.to_u64(), fraction.to_i64()), (None, None));
    }

    #[test]
    fn the_shortest_text_is_the_same_bits(number in any_finite()) {
        let decimal = Decimal::shortest(number).unwrap();
        let text = decimal.as_str();
        prop_assert_eq!(read(text).to_bits(), number.to_bits());
        prop_assert_eq!(text.as_bytes(), decimal.as_bytes());
        let significant = |text: &str| {
            let mantissa = text.split('e').next().unwrap().replace(['.', '-'], "");
            mantissa.trim_matches('0').to_owned()
        };
        let digits = significant(text);
        prop_assert_eq!(digits.len(), significant(&format!("{number:e}")).len(), "{}", text);
        // Beside a power of two, what is nearest to it can be nearer to its neighbour.
        let nearest = Decimal::rounded(number, digits.len()).unwrap();
        prop_assert!(digits == significant(nearest.as_str()) || read(nearest.as_str()) != number, "{}", text);
    }

    #[test]
    fn rounded_as_the_standard_library_rounds(number in any_finite(), digits in 1..=17_usize) {
        let text = Decimal::rounded(number, digits).unwrap().to_string();
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let expected = format!("{number:.*e}", digits - 1);
        let magnitude: i32 = expected.split_once('e').unwrap().1.parse().unwrap();
        prop_assert_eq!(text.contains('e'), number != 0.0 && !(-5..15).contains(&magnitude));
        // The same digits, wherever the point is: no f64 is between.
        let point = mantissa.split_once('.').map_or(0, |(_, behind)| behind.len());
        let mut own = mantissa.replace('.', "").trim_start_matches(['-', '0']).to_owned();
        let trailing = own.len() - own.trim_end_matches('0').len();
        own.truncate(own.len() - trailing);
        let power = exponent.parse::<i32>().unwrap() - point as i32 + trailing as i32;
        let (std_mantissa, _) = expected.split_once('e').unwrap();
        let std_digits = std_mantissa.replace(['.', '-'], "").trim_matches('0').to_owned();
        if number != 0.0 {
            prop_assert_eq!(power + own.len() as i32 - 1, magnitude, "{} {}", text, expected);
        }
        prop_assert_eq!(own, std_digits);
        prop_assert_eq!(text.starts_with('-'), number.is_sign_negative());
        // Nothing more than is needed.
        prop_assert!(!mantissa.contains('.') || !mantissa.ends_with(['0', '.']), "{}", text);
        prop_assert!(Number::parse(&text).is_some(), "{}", text);
    }
}

#[test]
fn rounded_for_people() {
    for (number, digits, text) in [
        (0.0, 6, "0"),
        (-0.0, 6, "-0"),
        (100.0, 6, "100"),
        (0.123_456_789, 6, "0.123457"),
        (1e300, 6, "1e300"),
        (-1.5e-300, 6, "-1.5e-300"),
        // A tie that can be written, to the even digit.
        (0.125, 2, "0.12"),
        (0.375, 2, "0.38"),
        (2.5, 1, "2"),
        // And one that can't: 0.15 is below the tie.
        (0.15, 1, "0.1"),
        (99.95, 2, "100"),
        (9.999e14, 3, "1e15"),
        (999_999_999_999_999.0, 15, "999999999999999"),
        (123_456_789_012_345.67, 17, "123456789012345.67"),
        (1e15, 6, "1e15"),
        (0.000_01, 6, "0.00001"),
        (9.99e-6, 2, "0.00001"),
        (9.99e-6, 3, "9.99e-6"),
        (-0.000_012_345_678_901_234_568, 17, "-0.000012345678901234568"),
        (-1.234_567_890_123_456_7e-308, 17, "-1.2345678901234567e-308"),
        (5e-324, 4, "4.941e-324"),
        (f64::MAX, 17, "1.7976931348623157e308"),
        (0.1, 17, "0.10000000000000001"),
        (0.1, usize::MAX, "0.10000000000000001"),
        (0.17, 0, "0.2"),
    ] {
        assert_eq!(Decimal::rounded(number, digits).unwrap().as_str(), text);
    }
    for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(Decimal::rounded(none, 6).is_none() && Decimal::shortest(none).is_none());
    }
    assert_eq!(format!("{:>6}", Decimal::rounded(1.5, 6).unwrap()), "   1.5");
}
