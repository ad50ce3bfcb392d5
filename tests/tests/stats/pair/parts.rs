//! The state of `Bivariate` as plain numbers: what goes out comes back, and what no pairs have led to is refused.

use proptest::prelude::*;
use streamgauge_core::stats::Bivariate;
use streamgauge_core::stats::moments::NonFinite;
use streamgauge_core::stats::pair::{InvalidParts, Parts, VariableParts};

use super::{of, some_pairs};

fn refusal(parts: &Parts) -> Option<InvalidParts> {
    Bivariate::from_parts(parts, NonFinite::Poison).err()
}

/// Two pairs, (1, 8) and (8, 1), of which all bounds are known, with and without scales.
#[test]
fn what_contradicts_itself_is_refused_and_nothing_else() {
    for (x_size, y_size) in [(1.0, 1.0), (2_f64.powi(-400), 1.0), (1.0, 2_f64.powi(500))] {
        let parts = of(&[(x_size, 8.0 * y_size), (8.0 * x_size, y_size)]).to_parts();
        assert_eq!(refusal(&parts), None);
        let x_unit = x_size * 2_f64.powi(parts.x.exponent);
        let y_unit = y_size * 2_f64.powi(parts.y.exponent);
        assert_eq!(parts.x.pivot, 4.5 * x_unit);
        assert_eq!([parts.x.sums[1][0], parts.y.sums[1][0]], [24.5 * x_unit * x_unit, 24.5 * y_unit * y_unit]);
        assert_eq!(parts.products, [-24.5 * x_unit * y_unit, 0.0]);
        let with = |variable: VariableParts| {
            let x = refusal(&Parts { x: variable, ..parts });
            // The same numbers for y, where its unit is the same.
            let y = (x_size == y_size).then(|| refusal(&Parts { y: variable, ..parts }));
            assert!(y.is_none_or(|y| y.is_some() == x.is_some()), "{variable:?}");
            assert!(y.flatten().is_none_or(|y| y == InvalidParts::Y || x == Some(InvalidParts::Products)));
            x
        };
        let with_pivot = |pivot: f64| with(VariableParts { pivot: pivot * x_unit, ..parts.x });
        // A billionth of the range beyond the extremes.
        assert_eq!([with_pivot(8.0 + 6.9e-9), with_pivot(1.0 - 6.9e-9)], [None; 2]);
        for pivot in [8.0 + 7.1e-9, 1.0 - 7.1e-9, f64::NAN, f64::INFINITY] {
            assert_eq!(with_pivot(pivot), Some(InvalidParts::X), "{pivot}");
        }
        let with_squares =
            |squares: f64| with(VariableParts { sums: [parts.x.sums[0], [squares * x_unit * x_unit, 0.0]], ..parts.x });
        // Two values have their squares about the mean, and no others; less makes the correlation more than 1.
        assert_eq!([with_squares(24.5), with_squares(24.500_01)], [None; 2]);
        assert_eq!(with_squares(24.499_99), Some(InvalidParts::Products));
        for squares in [24.6, 23.9, 98.1, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(with_squares(squares), Some(InvalidParts::X), "{squares}");
        }
        for sum in [[14.1, 0.0], [-14.1, 0.0], [5.0, 0.0], [f64::NAN, 0.0], [0.0, f64::NAN], [1e-3, 1e-3]] {
            let sums = [sum.map(|part| part * x_unit), parts.x.sums[1]];
            assert_eq!(with(VariableParts { sums, ..parts.x }), Some(InvalidParts::X), "{sum:?}");
        }
        let (min, max) = (parts.x.min, parts.x.max);
        for (min, max) in [(max, min), (f64::NAN, max), (min, f64::NAN), (f64::NEG_INFINITY, max), (min, f64::INFINITY)]
        {
            for exponent in [parts.x.exponent, i32::MIN] {
                assert_eq!(with(VariableParts { min, max, exponent, ..parts.x }), Some(InvalidParts::X));
            }
        }
        assert_eq!(with(VariableParts { exponent: parts.x.exponent + 300, ..parts.x }), Some(InvalidParts::X));
        let with_products =
            |products: [f64; 2]| refusal(&Parts { products: products.map(|part| part * x_unit * y_unit), ..parts });
        assert_eq!([with_products([24.5, 0.0]), with_products([3.0, 0.0])], [None; 2]);
        for products in [[24.500_01, 0.0], [-24.500_01, 0.0], [1.0, 1.0], [f64::NAN, 0.0], [0.0, f64::INFINITY]] {
            assert_eq!(with_products(products), Some(InvalidParts::Products), "{products:?}");
        }
    }
}

/// About the pivots it may be, about the means it isn't.
#[test]
fn a_correlation_beyond_1_is_refused_wherever_the_pivots_are() {
    let mut seen = of(&[(0.0, 0.0), (1.0, 1.0)]);
    seen.push(10.0, 10.0);
    let parts = seen.to_parts();
    let [products, rest] = parts.products;
    assert_eq!((refusal(&parts), parts.products), (None, [parts.x.sums[1][0], 0.0]));
    let rounded = Parts { products: [products * (1.0 + 1e-10), rest], ..parts };
    let seen = Bivariate::from_parts(&rounded, NonFinite::Poison).expect("what rounding can have added");
    assert_eq!((seen.correlation(), seen.r_squared(), seen.residual_stddev()), (Some(1.0), Some(1.0), Some(0.0)));
    for products in [products * 1.000_001, -products, 2.0 * products] {
        assert_eq!(refusal(&Parts { products: [products, rest], ..parts }), Some(InvalidParts::Products));
    }
}

#[test]
fn no_products_without_spread() {
    let parts = of(&[(3.0, 1.0), (3.0, 2.0), (3.0, 4.0)]).to_parts();
    assert_eq!((refusal(&parts), parts.products), (None, [0.0; 2]));
    assert_eq!(refusal(&Parts { products: [1e-300, 0.0], ..parts }), Some(InvalidParts::Products));
    assert_eq!(refusal(&Parts { x: VariableParts { pivot: 2.9, ..parts.x }, ..parts }), Some(InvalidParts::X));
    let many = of(&[(3.0, 1.0); 5]).to_parts();
    assert_eq!(refusal(&Parts { count: 1 << 53, ..many }), None);
    for count in [0, (1 << 53) + 1, u64::MAX] {
        assert_eq!(refusal(&Parts { count, ..many }), Some(InvalidParts::Count));
    }
}

#[test]
fn what_was_not_finite_comes_back_without_pairs() {
    let seen = of(&[(f64::NAN, 1.0), (1.0, f64::INFINITY), (f64::NEG_INFINITY, 2.0)]);
    let parts = seen.to_parts();
    assert_eq!(parts, Parts { nan: 1, infinite: 2, ..Parts::default() });
    let back = Bivariate::from_parts(&parts, NonFinite::LeaveOut).unwrap();
    assert_eq!((back.to_parts(), back.non_finite()), (parts, NonFinite::LeaveOut));
    let x = VariableParts { min: 1.0, ..parts.x };
    assert_eq!(refusal(&Parts { x, ..parts }), Some(InvalidParts::Count));
    assert_eq!(refusal(&Parts { products: [1.0, 0.0], ..parts }), Some(InvalidParts::Count));
}

proptest! {
    #[test]
    fn parts_come_back_as_they_went(pairs in some_pairs(0..200), more in some_pairs(1..20), at in any::<usize>()) {
        let mut seen = of(&pairs);
        seen.merge(&of(&pairs[at % (pairs.len() + 1)..]));
        seen.push(f64::NAN, 1.0);
        let parts = seen.to_parts();
        let back = Bivariate::from_parts(&parts, NonFinite::Poison);
        prop_assert!(back.is_ok(), "{:?} {:?}", back, parts);
        let mut back = back.unwrap();
        prop_assert_eq!(back.to_parts(), parts);
        // From a settled state both go the same way.
        let mut settled = Bivariate::new();
        settled.merge(&seen);
        let mut also = Bivariate::new();
        also.merge(&back);
        for (x, y) in more {
            settled.push(x, y);
            also.push(x, y);
            back.push(x, y);
        }
        prop_assert_eq!(settled.count(), also.count());
        prop_assert_eq!((settled.x().min(), settled.y().max()), (also.x().min(), also.y().max()));
    }

    /// Whatever is accepted gives no NaN and panics nowhere.
    #[test]
    fn forged_parts_give_no_nan(
        pairs in some_pairs(1..10),
        at in 0..10_usize,
        forged in any::<u64>().prop_map(f64::from_bits),
        bits in 0..64_u32,
        count in prop_oneof![0..20_u64, any::<u64>()],
        exponent in (-4..4).prop_map(|steps| steps * 300),
    ) {
        let parts = of(&pairs).to_parts();
        let mut numbers = parts;
        let [[s, s_rest], [q, q_rest]] = &mut numbers.x.sums;
        let [[t, t_rest], [r, r_rest]] = &mut numbers.y.sums;
        let [p, p_rest] = &mut numbers.products;
        // Another number, or the same with one bit changed.
        let number = [s, s_rest, q, q_rest, t, t_rest, r, r_rest, p, p_rest].into_iter().nth(at).expect("one of ten");
        *number = f64::from_bits(number.to_bits() ^ 1 << bits);
        let changed = numbers;
        let candidates = [
            changed,
            Parts { products: [forged, 0.0], ..parts },
            Parts { products: [0.0; 2], ..parts },
            Parts { count, ..parts },
            Parts { x: parts.y, ..parts },
            Parts { x: VariableParts { exponent, ..parts.x }, ..parts },
            Parts { x: VariableParts { pivot: forged, ..parts.x }, ..parts },
            Parts { y: VariableParts { min: forged, ..parts.y }, ..parts },
            Parts { y: VariableParts { max: forged, ..parts.y }, ..parts },
        ];
        for parts in candidates {
            let Ok(mut seen) = Bivariate::from_parts(&parts, NonFinite::LeaveOut) else { continue };
            for _ in 0..2 {
                let (x, y) = (seen.x(), seen.y());
                let results = [
                    x.mean(), x.min(), x.max(), x.sample_variance(), x.population_stddev(),
                    y.mean(), y.min(), y.max(), y.sample_variance(), y.population_stddev(),
                    seen.population_covariance(), seen.sample_covariance(), seen.correlation(), seen.r_squared(),
                    seen.slope(), seen.intercept(), seen.residual_stddev(),
                ];
                prop_assert!(results.iter().flatten().all(|x| !x.is_nan()), "{:?} {:?}", parts, results);
                prop_assert!(seen.correlation().is_none_or(|r| (-1.0..=1.0).contains(&r)));
                prop_assert!(seen.r_squared().is_none_or(|r| (0.0..=1.0).contains(&r)));
                let copy = seen;
                seen.merge(&copy);
                seen.push(1.5, -2e-300);
            }
        }
    }
}
