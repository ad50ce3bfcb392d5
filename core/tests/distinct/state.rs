//! Registers, to the bit: added to, merged, given and taken.

use std::collections::BTreeSet;

use proptest::prelude::*;
use streamgauge_core::stats::UltraLogLog;
use streamgauge_core::stats::distinct::{
    InvalidLength, InvalidPrecision, InvalidRegisters, LowerPrecision, Precision, hash,
};

use crate::model::{Model, register, sketch};

/// Hashes that crowd a few registers on all levels, hashes as random as they should be, and extremes.
fn hashes() -> impl Strategy<Value = Vec<u64>> {
    let crowded = (0_u64..8, 0_u32..64, any::<u64>())
        .prop_map(|(register, zeros, rest)| register << 61 | (rest & (u64::MAX >> 3)) >> zeros.min(61));
    let few = (0_u64..16, 0_u32..64).prop_map(|(first, bit)| first << 60 | 1 << bit);
    prop::collection::vec(
        prop_oneof![4 => crowded, 4 => few, 2 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)],
        0..200,
    )
}

proptest! {
    #[test]
    fn registers_are_those_of_the_model(precision in 3_u32..=10, hashes in hashes()) {
        let mut model = Model::new(precision);
        hashes.iter().for_each(|hash| model.add_hash(*hash));
        let sketch = sketch(precision, &hashes);
        prop_assert_eq!(sketch.registers(), model.registers());
        prop_assert!(UltraLogLog::from_registers(sketch.registers()).is_ok());
    }

    /// In any split, order and grouping, and from higher precisions: as if one sketch had seen everything.
    #[test]
    fn merging_is_seeing(
        least in 3_u32..=7,
        parts in prop::collection::vec((0_u32..=4, hashes()), 1..6),
        order in any::<[prop::sample::Index; 8]>(),
    ) {
        let all: Vec<u64> = parts.iter().flat_map(|(_, hashes)| hashes.clone()).collect();
        let mut sketches: Vec<_> = parts.iter().map(|(more, hashes)| sketch(least + more, hashes)).collect();
        for pair in order {
            if sketches.len() < 2 {
                break;
            }
            let first = sketches.swap_remove(pair.index(sketches.len()));
            let second = sketches.swap_remove(pair.index(sketches.len()));
            let (mut lower, higher) =
                if first.precision() <= second.precision() { (first, second) } else { (second, first) };
            prop_assert_eq!(lower.merge(&higher), Ok(()));
            sketches.push(lower);
        }
        let mut merged = sketch(least, &[]);
        prop_assert!(sketches.iter().all(|part| merged.merge(part).is_ok()));
        prop_assert_eq!(&merged, &sketch(least, &all));
        let before = merged.clone();
        prop_assert!(merged.merge(&before).is_ok() && merged == before, "merged with itself");
    }

    #[test]
    fn a_lower_precision_is_refused(precision in 4_u32..=8, hashes in hashes()) {
        let mut seen = sketch(precision, &hashes);
        let before = seen.clone();
        prop_assert_eq!(seen.merge(&sketch(precision - 1, &[0])), Err(LowerPrecision));
        prop_assert_eq!(seen, before);
    }
}

/// A value is possible if some levels lead to it; the three highest are enough.
#[test]
fn only_registers_that_items_lead_to_are_accepted() {
    for precision in 3..=16 {
        let mut possible = BTreeSet::from([0]);
        for highest in precision - 1..64 {
            for below in 0..4 {
                let levels =
                    [Some(highest), (below & 2 != 0).then(|| highest - 1), (below & 1 != 0).then(|| highest - 2)];
                let levels: BTreeSet<u32> = levels.into_iter().flatten().collect();
                if levels.first() >= Some(&(precision - 1)) {
                    possible.insert(register(&levels));
                }
            }
        }
        let mut registers = vec![0; 1 << precision];
        for value in 0..=u8::MAX {
            registers[5] = value;
            let expected = if possible.contains(&value) { Ok(()) } else { Err(InvalidRegisters::Register(5)) };
            assert_eq!(UltraLogLog::from_registers(&registers[..]).map(|_| ()), expected, "{precision} {value}");
        }
    }
}

#[test]
fn only_as_many_registers_as_a_precision_has_are_accepted() {
    let registers = vec![0_u8; (1 << 26) + 1];
    let from = |length| UltraLogLog::from_registers(&registers[..length]).map(|sketch| sketch.precision().get());
    for length in [0, 1, 2, 4, 7, 9, 12, 1023, 1025, (1 << 26) - 1, (1 << 26) + 1] {
        assert_eq!(from(length), Err(InvalidRegisters::Length(InvalidLength)), "{length}");
        assert_eq!(UltraLogLog::new(vec![0; length]).map(|_| ()), Err(InvalidLength), "{length}");
    }
    assert!(Precision::of_registers(1 << 27).is_err());
    assert!((3..=26).all(|p| from(1 << p) == Ok(p) && Precision::new(p).map(Precision::registers) == Ok(1 << p)));
    assert!((0..3).chain(27..=u8::MAX).all(|p| Precision::new(p) == Err(InvalidPrecision)));
}

#[test]
fn parts_are_put_together_again() {
    let mut seen = sketch(5, &[1 << 63, 7]);
    let before = seen.clone();
    let (precision, mut registers) = seen.into_parts();
    seen = UltraLogLog::from_parts(precision, registers.clone()).unwrap();
    assert_eq!(seen, before);
    let mut borrowed = UltraLogLog::from_parts(precision, &mut registers[..]).unwrap();
    borrowed.add_hash(u64::MAX);
    assert_eq!((registers[31], registers[16]), (4 * 4, 4 * 63));
    registers.pop();
    assert_eq!(UltraLogLog::from_parts(precision, registers), Err(InvalidLength));
}

/// From the reference implementation in C, xxHash 0.8: lengths on either side of each of its cases.
#[test]
fn hashes_are_those_of_the_specification() {
    let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * 37 + 11) as u8).collect();
    let expected = [
        (0, 0x2D06_8005_38D3_94C2, 0x4DC5_B0CC_826F_6703),
        (1, 0x4A41_39CA_F413_6257, 0xA9E1_B81E_A26B_3E09),
        (3, 0x5051_18C3_1312_1C0E, 0xB97A_AEB0_3D3B_58DE),
        (4, 0x3F68_89EF_166B_4AD1, 0xA46C_6D91_89A7_7DAF),
        (8, 0x93F1_200F_9BE8_2671, 0xFE8D_A2A2_E196_6231),
        (9, 0x05B2_FD4D_97ED_CDAE, 0x5E21_8D14_88C0_E8E5),
        (10, 0x4D9B_8734_F200_604D, 0x50D3_D172_D60A_C4B4),
        (16, 0x2E43_59E2_A04A_5E32, 0x5B43_3866_4A08_81AA),
        (17, 0xF60C_5368_4BBC_489D, 0xB844_1DCA_61EF_EF84),
        (128, 0x5C6A_B7B5_B236_0539, 0x80C0_0C5D_CB47_9372),
        (129, 0x45FA_BBD1_83DE_7649, 0x330A_C56C_8259_E2E1),
        (240, 0xC079_6428_068C_D12E, 0xB24B_FD6C_7BEE_5730),
        (241, 0x859D_C8AB_6DD8_5C7C, 0xE7CB_060F_FA6E_803B),
        (1000, 0x35B9_0186_550D_BB50, 0xD847_BAEB_90B2_B85D),
    ];
    for (length, plain, of_kind_1) in expected {
        let item = &bytes[..length];
        assert_eq!((hash(0, item), hash(1, item)), (plain, of_kind_1), "{length}");
        let mut seen = sketch(4, &[]);
        seen.add(item);
        assert_eq!(seen, sketch(4, &[plain]), "{length}");
    }
}

/// Splitmix64, and each fifth hash with more zeros than chance would give it.
fn hashes_with_zeros(precision: u32, number: u64) -> Vec<u64> {
    let mut state = u64::from(precision);
    let mut hash = |index| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut hash = state;
        hash = (hash ^ hash >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ hash >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        hash ^= hash >> 31;
        let first = u64::MAX << (64 - precision);
        if index % 5 == 0 { hash & first | (hash & !first) >> (index % 50) } else { hash }
    };
    (0..number).map(&mut hash).collect()
}

/// FNV-1a of the registers that hash4j, by the paper's author, has (41d814f, after 0.30) after the same hashes, and of those that it
/// reduces them to.
#[test]
fn registers_are_those_of_the_reference_implementation() {
    for (precision, number, of_all, lower, of_lower) in [
        (3, 29_524, 0xCE82_2F6B_7A93_A27E, 3, 0xCE82_2F6B_7A93_A27E),
        (4, 265_720, 0xAD97_5397_3BD3_A862, 3, 0x83E8_4CA2_1369_AD2D),
        (8, 265_720, 0xE384_6754_5B7C_824F, 6, 0x462B_8238_5CD0_E821),
        (14, 265_720, 0x7C22_9C9D_B016_B7D2, 12, 0x8C6D_C3A9_73AC_BD20),
    ] {
        let seen = sketch(precision, &hashes_with_zeros(precision, number));
        let mut reduced = sketch(lower, &[]);
        reduced.merge(&seen).unwrap();
        let fnv = |registers: &[u8]| {
            let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3);
            registers.iter().fold(0xCBF2_9CE4_8422_2325, step)
        };
        assert_eq!((fnv(seen.registers()), fnv(reduced.registers())), (of_all, of_lower), "{precision} {number}");
    }
}

#[test]
fn what_is_cleared_has_seen_nothing() {
    let mut seen = sketch(4, &[1, u64::MAX]);
    seen.clear();
    assert_eq!(seen.registers(), sketch(4, &[]).registers());
}

#[test]
fn registers_are_a_power_of_two() {
    for (number, precision) in [(8, 3), (16, 4), (1 << 26, 26)] {
        assert_eq!(Precision::of_registers(number).map(Precision::get), Ok(precision));
    }
    for number in [0, 1, 4, 7, 24, 40, 1 << 27] {
        assert_eq!(Precision::of_registers(number), Err(InvalidLength), "{number}");
    }
}
