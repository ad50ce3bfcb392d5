//! The estimate is the number of items that makes the registers the likeliest.

use proptest::prelude::*;

use crate::model::sketch;

/// The share of hashes that belong to a register and are of this level.
fn share(precision: u32, level: u32) -> f64 {
    let zeros = (level + 1 - precision).min(63 - precision);
    0.5_f64.powi((precision + zeros + 1) as i32)
}

/// How the likelihood of this register grows with the number of items, as a share of it: the derivative of its logarithm.
///
/// Of levels that it has seen that is s / (e^(n s) - 1), of those that it has missed -s.
fn growth(precision: u32, register: u8, items: f64) -> f64 {
    let highest = u32::from(register) / 4;
    let levels = (precision - 1..64).map(|level| {
        let share = share(precision, level);
        let is_seen = match highest.checked_sub(level) {
            _ if register == 0 => false,
            None => false,
            Some(0) => true,
            Some(1) => register & 2 != 0,
            Some(2) => register & 1 != 0,
            Some(_) => return 0.0,
        };
        if is_seen { share / (items * share).exp_m1() } else { -share }
    });
    levels.sum()
}

/// By bisection; `None` if the more the likelier.
fn likeliest(precision: u32, registers: &[u8]) -> Option<f64> {
    let (mut low, mut high) = (1e-9_f64, 1e30_f64);
    let grows = |items: f64| registers.iter().map(|register| growth(precision, *register, items)).sum::<f64>() > 0.0;
    if grows(high) {
        return None;
    }
    if !grows(low) {
        return Some(0.0);
    }
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if grows(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// As the documentation of `Likelihood` has it.
fn bias(items: f64, registers: f64) -> f64 {
    (0.481_473_765_277_200_65 - 0.231_473_765_277_200_65 * (-items / registers / 3.0).exp()) / registers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Registers that random hashes lead to, some of which begin with more zeros than others.
    #[test]
    fn it_is_where_the_likelihood_stops_growing(
        precision in 3_u32..=7,
        hashes in prop::collection::vec((any::<u64>(), 0_u32..64), 0..400),
        deepest in 0_u32..64,
    ) {
        let first = u64::MAX << (64 - precision);
        let hashes: Vec<u64> =
            hashes.into_iter().map(|(hash, zeros)| hash & first | (hash & !first) >> zeros.min(deepest)).collect();
        let sketch = sketch(precision, &hashes);
        let items = likeliest(precision, sketch.registers()).unwrap_or(f64::INFINITY);
        let expected = (items / (1.0 + bias(items, f64::from(1 << precision)))).min(2_f64.powi(64));
        let estimate = sketch.estimate().estimate;
        prop_assert!((estimate - expected).abs() <= 1e-9 * expected, "{estimate} {expected}");
    }
}

/// Far apart, so that Newton's first steps are as bad as can be.
#[test]
fn it_is_found_in_registers_that_contradict_each_other() {
    for precision in [3, 6] {
        for (low, high) in [(precision - 1, 63), (precision - 1, 62), (precision - 1, 40), (30, 63), (62, 63), (63, 63)]
        {
            for number_high in 0..=1_usize << precision {
                let mut registers = vec![(low * 4) as u8; 1 << precision];
                registers[..number_high].fill((high * 4) as u8);
                let sketch = streamgauge_core::stats::UltraLogLog::from_registers(&registers[..]).unwrap();
                let items = likeliest(precision, &registers).unwrap_or(f64::INFINITY);
                let expected = (items / (1.0 + bias(items, f64::from(1 << precision)))).min(2_f64.powi(64));
                let estimate = sketch.estimate().estimate;
                let is_near = (estimate - expected).abs() <= 1e-9 * expected;
                assert!(is_near, "{low} {high} {number_high}: {estimate} {expected}");
            }
        }
    }
}
