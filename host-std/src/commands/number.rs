//! How numbers are printed.

use streamgauge_core::wire::decimal::Decimal;

/// 17 significant digits, enough for any `f64` to come back as it was; `null` for what JSON has no number for.
pub(super) fn exact(number: Option<f64>) -> String {
    const DIGITS: i32 = 17;
    let Some(number) = number.filter(|number| number.is_finite()) else { return "null".to_owned() };
    let scientific = format!("{number:.16e}");
    let exponent = scientific.rsplit_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    if (-5..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
        return format!("{number:.decimals$}");
    }
    scientific
}

/// Up to `digits` significant digits, for people; of a whole number all up to 15, and no zeros for those left out.
pub(super) fn short(number: f64, digits: usize) -> String {
    Decimal::readable(number, digits).map_or_else(|| number.to_string(), |decimal| decimal.as_str().to_owned())
}

/// The fewest digits from which the same `f64` comes back, for people.
pub(super) fn shortest(number: f64) -> String {
    let text = Decimal::shortest(number).map_or_else(|| number.to_string(), |decimal| decimal.as_str().to_owned());
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A whole number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventeen_digits_come_back() {
        for (number, text) in [
            (0.1, "0.10000000000000001"),
            (5.5, "5.5000000000000000"),
            (-0.0, "-0.0000000000000000"),
            (12_345_678_901_234_567.0, "12345678901234568"),
            (1e17, "1.0000000000000000e17"),
            (1e-5, "0.000010000000000000001"),
            (9.999_999_999_999_999e-6, "9.9999999999999991e-6"),
            (f64::MAX, "1.7976931348623157e308"),
            (5e-324, "4.9406564584124654e-324"),
        ] {
            assert_eq!(exact(Some(number)), text);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
        for none in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(exact(none), "null");
        }
    }

    #[test]
    fn people_get_fewer() {
        assert_eq!(short(0.123_456_789, 6), "0.123457");
        assert_eq!(short(1e300, 6), "1e300");
        assert_eq!(short(100.0, 6), "100");
        assert_eq!(short(0.0, 6), "0");
        assert_eq!(short(-0.0, 6), "-0");
        assert_eq!([1_331_923_247_123.0, 1_331_923_247_123.5].map(|n| short(n, 6)), ["1331923247123", "1.33192e12"]);
        assert_eq!([f64::NAN, f64::NEG_INFINITY].map(|none| short(none, 6)), ["NaN", "-inf"]);
        for (number, text) in [(900.0, "900"), (-7.2, "-7.2"), (1.2e308, "1.2e308"), (0.0, "0"), (f64::INFINITY, "inf")]
        {
            assert_eq!(shortest(number), text);
        }
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
