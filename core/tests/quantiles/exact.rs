//! Comparisons without rounding.

/// Whether |`answer` - `truth`| <= `relative` |`truth`|, exactly.
pub(crate) fn is_within(answer: f64, truth: f64, relative: f64) -> bool {
    if answer == truth {
        return true;
    }
    if answer == 0.0 || truth == 0.0 || (answer < 0.0) != (truth < 0.0) {
        return answer == 0.0 && relative >= 1.0;
    }
    let (a, exponent_a) = parts(answer);
    let (t, exponent_t) = parts(truth);
    let lowest = exponent_a.min(exponent_t);
    let (Some(a), Some(t)) = (shifted(a, exponent_a - lowest, 74), shifted(t, exponent_t - lowest, 74)) else {
        // One of them is nothing against the other. (1 - relative is exact where it matters.)
        return answer.abs() >= (1.0 - relative) * truth.abs() && answer.abs() < truth.abs();
    };
    let (r, exponent_r) = parts(relative);
    // |a - t| 2^-exponent_r <= r t, which is below 2^127.
    shifted(a.abs_diff(t), -exponent_r, 127).is_some_and(|distance| distance <= r * t)
}

/// A mantissa and an exponent.
fn parts(x: f64) -> (u128, i32) {
    let bits = x.abs().to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32, u128::from(bits & ((1 << 52) - 1)));
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

/// `x` 2^`by`, if it is an integer below 2^`bits`.
fn shifted(x: u128, by: i32, bits: u32) -> Option<u128> {
    let by = u32::try_from(by).ok()?;
    (x.checked_ilog2().unwrap_or(0) + by < bits).then(|| x << by)
}

#[test]
fn comparisons_are_exact() {
    assert!(is_within(3.0, 2.0, 0.5) && !is_within(3.0f64.next_up(), 2.0, 0.5));
    assert!(is_within(1.0, 2.0, 0.5) && !is_within(1.0f64.next_down(), 2.0, 0.5));
    assert!(is_within(-f64::MAX, -f64::MAX.next_down(), 1e-5));
    let least = f64::from_bits(1);
    assert!(is_within(least * 2.0, least * 4.0, 0.5) && !is_within(least * 2.0, least * 5.0, 0.5));
    assert!(!is_within(1.0, 0.0, 1.0) && is_within(0.0, 1.0, 1.0) && !is_within(0.0, 1.0, 0.9));
    assert!(!is_within(1.0, -1.0, 1.0) && !is_within(1e300, 1.0, 1.0));
    assert!(is_within(1e-300, 1.0, 1.0) && is_within(1e-12, 1.0, 1.0 - 1e-13) && !is_within(1e-300, 1.0, 0.999));
}
