//! Streams and registers that are no one's friends.

use streamgauge_core::stats::UltraLogLog;
use streamgauge_core::stats::distinct::{Precision, hash};

use crate::model::sketch;

#[test]
fn nothing_seen_is_nothing() {
    for precision in 3..=12 {
        let empty = sketch(precision, &[]).estimate();
        assert_eq!(empty.estimate.to_bits(), 0);
        assert_eq!(empty.error, 0.760_862_100_272_518_2 / f64::from(1 << precision).sqrt());
    }
}

/// As many as there are hashes.
#[test]
fn registers_that_are_full_are_two_to_the_64() {
    for precision in 3..=16 {
        let full = UltraLogLog::from_registers(vec![255; 1 << precision]).unwrap();
        assert_eq!(full.estimate().estimate, 2_f64.powi(64), "{precision}");
    }
}

/// Each has the register of its own to which no other hash does the same.
#[test]
fn extreme_hashes_are_items() {
    for precision in 8..=16 {
        let both = sketch(precision, &[0, u64::MAX]);
        assert_eq!(both.registers().first(), Some(&(63 * 4)));
        assert_eq!(both.registers().last(), Some(&((precision as u8 - 1) * 4)));
        let estimate = both.estimate().estimate;
        assert!((estimate - 2.0).abs() < 0.02, "{precision}: {estimate}");
    }
}

#[test]
fn an_item_repeated_a_million_times_is_one() {
    let mut seen = sketch(11, &[]);
    for _ in 0..1_000_000 {
        seen.add(b"again");
    }
    let estimate = seen.estimate().estimate;
    assert!((estimate - 1.0).abs() < 1e-3, "{estimate}");
}

/// Small counts are whole numbers to the eye.
#[test]
fn few_items_are_counted() {
    for kind in 0..50 {
        let mut seen = sketch(14, &[]);
        for number in 1..=8_u32 {
            seen.add_hash(hash(kind, &number.to_le_bytes()));
            assert_eq!(seen.estimate().estimate.round(), f64::from(number), "{kind} {number}");
        }
    }
}

/// Whatever is in the registers, and it has not been looked at.
#[test]
fn any_registers_have_a_finite_estimate() {
    let precision = Precision::new(8).unwrap();
    for a in 0..=u8::MAX {
        for b in 0..=u8::MAX {
            let mut registers = [a; 256];
            registers[..usize::from(b)].fill(b);
            let mut sketch = UltraLogLog::from_parts(precision, registers).unwrap();
            let estimate = sketch.estimate().estimate;
            assert!((0.0..=2_f64.powi(64)).contains(&estimate), "{a} {b}: {estimate}");
            sketch.add_hash(u64::from(a) << 56 | u64::from(b));
            let mut lower = UltraLogLog::new([0; 8]).unwrap();
            lower.merge(&sketch).unwrap();
            assert!(lower.estimate().estimate.is_finite());
        }
    }
}

/// The same bits on every machine: what other targets are compared with.
#[test]
fn estimates_are_these_bits() {
    let mut seen = UltraLogLog::new([0; 256]).unwrap();
    let mut bits = Vec::new();
    for number in 0..1_000_000_u32 {
        if number.is_power_of_two() || number == 999_999 {
            bits.push(seen.estimate().estimate.to_bits());
        }
        seen.add(&number.to_le_bytes());
    }
    let digest = bits.iter().fold(0_u64, |digest, bits| digest.rotate_left(7) ^ bits);
    assert_eq!((bits.len(), digest), (21, 0xFEFA_23D2_DF8A_0E6A), "{digest:#x}");
}
