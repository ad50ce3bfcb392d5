//! Sets of pairs that covariance and regression go wrong on.

use crate::sets::{self, Random};

/// Pairs, all of them finite.
pub struct PairSet {
    /// What is special about them.
    pub name: String,
    /// x and y.
    pub pairs: Vec<(f64, f64)>,
}

/// Each set of values beside itself one later and beside another set, and the generated ones.
pub fn all() -> Vec<PairSet> {
    let values = sets::all();
    let mut all = Vec::new();
    let mut add = |name: String, x: &[f64], y: &[f64]| {
        let pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
        all.extend((!pairs.is_empty()).then_some(PairSet { name, pairs }));
    };
    for (one, other) in values.iter().zip(values.iter().cycle().skip(5)) {
        add(format!("{} beside itself later", one.name), &one.values, one.values.get(1..).unwrap_or_default());
        add(format!("{} beside {}", one.name, other.name), &one.values, &other.values);
    }
    all.extend(generated());
    all
}

/// Norris, of the Statistical Reference Datasets of NIST for linear regression: x, y.
pub const NORRIS: [(f64, f64); 36] = [
    (0.2, 0.1),
    (337.4, 338.8),
    (118.2, 118.1),
    (884.6, 888.0),
    (10.1, 9.2),
    (226.5, 228.1),
    (666.3, 668.5),
    (996.3, 998.5),
    (448.6, 449.1),
    (777.0, 778.9),
    (558.2, 559.2),
    (0.4, 0.3),
    (0.6, 0.1),
    (775.5, 778.1),
    (666.9, 668.8),
    (338.0, 339.3),
    (447.5, 448.9),
    (11.6, 10.8),
    (556.0, 557.7),
    (228.1, 228.3),
    (995.8, 998.0),
    (887.6, 888.8),
    (120.2, 119.6),
    (0.3, 0.3),
    (0.3, 0.6),
    (556.8, 557.6),
    (339.1, 339.3),
    (887.2, 888.0),
    (999.0, 998.5),
    (779.0, 778.9),
    (11.1, 10.2),
    (118.3, 117.6),
    (229.2, 228.9),
    (669.1, 668.4),
    (448.9, 449.2),
    (0.5, 0.2),
];

fn generated() -> Vec<PairSet> {
    let mut random = Random::new(6);
    let mut uniform = || random.unit();
    let mut sets: Vec<PairSet> = Vec::new();
    let mut add = |name: &str, pairs: Vec<(f64, f64)>| sets.push(PairSet { name: format!("generated {name}"), pairs });
    let n = 3000_u32;
    let sign = |i: u32| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    let mut with_noise = |noise: f64, make: &dyn Fn(u32, f64, f64) -> (f64, f64)| -> Vec<(f64, f64)> {
        (0..n).map(|i| make(i, uniform(), noise * (uniform() - 0.5))).collect()
    };
    add("1e300 and 1e-300", with_noise(1.0, &|_, u, e| (1e300 * u, 1e-300 * (u + e))));
    add("1e-300 and 1e300", with_noise(1.0, &|_, u, e| (1e-300 * u, -1e300 * (u + e))));
    add("1e300 both", with_noise(1.0, &|_, u, e| (1e300 * u, 1e300 * (u + e))));
    add("1e-300 both", with_noise(1.0, &|_, u, e| (1e-300 * u, 1e-300 * (u + e))));
    add("largest", with_noise(1.0, &|i, u, e| (sign(i) * f64::MAX * (0.5 + u / 2.0), f64::MAX * (0.5 + e / 2.0))));
    add("subnormal", with_noise(3.0, &|_, u, e| (5e-324 * (u * 1e6).floor(), 5e-324 * ((u + e) * 1e5).floor())));
    add("subnormal and 1", with_noise(1.0, &|_, u, e| (5e-324 * (u * 1e6).floor(), u + e)));
    add("offset 1e15", with_noise(4.0, &|_, u, e| (1e15 + (u * 64.0).floor() / 8.0, 1e15 + u + e)));
    add("offset 1e15 of x", with_noise(4.0, &|_, u, e| (1e15 + (u * 64.0).floor() / 8.0, u + e)));
    add("offset 1e15 of y", with_noise(0.1, &|_, u, e| (u, 1e15 - u + e)));
    add("offset 1e12 and 1e-12", with_noise(0.1, &|_, u, e| (1e12 + u, 1e-12 * (1.0 + u + e))));
    add("alternating 1e154", with_noise(1.0, &|i, u, e| (sign(i) * 1e154 * u, -sign(i) * 1e-154 * (u + e))));
    add("alternating y", with_noise(1.0, &|i, u, e| (u, sign(i) * 1e100 * (u + e))));
    add("ascending", with_noise(1e3, &|i, _, e| (f64::from(i), f64::from(i).sqrt() + e)));
    add("descending powers", with_noise(1.0, &|i, u, e| (libm::scalbn(u, 1000 - i as i32 / 2), u + e)));
    add(
        "powers up and down",
        with_noise(1.0, &|i, u, e| {
            let power = i as i32 / 2 - 750;
            (libm::scalbn(u, power), libm::scalbn(u + e, -power))
        }),
    );
    add(
        "at the edge of the scales",
        with_noise(1.0, &|i, u, e| {
            (libm::scalbn(1.0 + u, 218 + i as i32 % 3), libm::scalbn(1.0 + u + e, -131 + i as i32 % 3))
        }),
    );
    add("late outlier of x", with_noise(1.0, &|i, u, e| (if i == 2999 { -1e20 } else { u }, u + e)));
    add("late outlier of y", with_noise(1.0, &|i, u, e| (u, if i == 2999 { 1e20 } else { u + e })));
    add("early outlier of both", with_noise(1.0, &|i, u, e| if i == 0 { (1e9, -1e9) } else { (u, u + e) }));
    add("a step of x", with_noise(1.0, &|i, u, e| (if i < 2900 { 1e9 } else { 1e9 + 1e-6 * u }, u + e)));
    add("zeros, then tiny", with_noise(1.0, &|i, u, e| if i < 1000 { (0.0, u) } else { (1e-300 * u, u + e) }));
    add("line with noise 1e-3", with_noise(1e-3, &|_, u, e| (u, 0.5 - 3.0 * u + e)));
    add("line with noise 1e-6", with_noise(1e-6, &|_, u, e| (1e3 * u, 1e6 * (u + e))));
    add("line by 0.7", with_noise(0.0, &|_, u, _| (u, 0.7 * u)));
    add("line of 3", vec![(1.0, 2.0), (2.0, 2.5), (4.0, 3.75)]);
    add("Norris", NORRIS.to_vec());
    sets
}
