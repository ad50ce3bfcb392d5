//! The streams that `tests/references/generate.py` has, to the bit.

use serde_json::Value;

use crate::values::{members, whole};

/// Values of a stream.
pub(crate) const COUNT: usize = 20_001;

/// Splitmix64 (Steele, Lea and Flood, 2014).
pub(crate) fn bits(seed: u64) -> impl Iterator<Item = u64> {
    (1..).map(move |number: u64| {
        let state = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    })
}

/// The streams by name, each [the same](same) as the other side has it.
pub(crate) fn all(values: &Value) -> Vec<(&str, Vec<f64>)> {
    let streams: Vec<_> = members(&values["streams"]).map(|(name, _)| (name, named(name))).collect();
    for (name, stream) in &streams {
        let sum = stream.iter().fold(0_u64, |sum, x| sum.wrapping_mul(31).wrapping_add(x.to_bits()));
        assert_eq!(Some(&*sum.to_string()), values["streams"][name]["checksum"].as_str(), "{name} is another stream");
        assert_eq!(whole(&values["streams"][name], "count"), stream.len() as u64);
    }
    streams
}

/// The stream of this name.
pub(crate) fn named(name: &str) -> Vec<f64> {
    match name {
        "uniform" => unit(1).take(COUNT).collect(),
        "offset" => unit(2).map(|u| 1e9 + u).take(COUNT).collect(),
        "bell" => bell(3),
        "heavy" => heavy(4),
        "signed" => signed(5, 16),
        "wide" => signed(6, 64),
        "integers" => bits(7).map(|bits| (bits % 1_000) as f64).take(COUNT).collect(),
        "shifted" => bell(8).into_iter().enumerate().map(|(i, x)| if i / 500 % 2 == 1 { x + 3.0 } else { x }).collect(),
        _ => panic!("no stream {name}"),
    }
}

/// The pairs of this name.
pub(crate) fn pairs(name: &str) -> Vec<(f64, f64)> {
    let zip = |xs: &str, ys: &str| named(xs).into_iter().zip(named(ys)).collect();
    match name {
        "line" => named("uniform").into_iter().zip(named("bell")).map(|(x, noise)| (x, 2.5 * x + noise)).collect(),
        "loose" => zip("bell", "heavy"),
        "far" => named("offset").into_iter().map(|x| (x, 1e6 - x)).collect(),
        "signs" => zip("signed", "shifted"),
        _ => panic!("no pairs {name}"),
    }
}

/// Heavy tails, from 1 on.
pub(crate) fn heavy(seed: u64) -> Vec<f64> {
    unit(seed).map(|u| 1.0 / (1.0 - u)).take(COUNT).collect()
}

/// Whole numbers from 8 on, of which none is much more frequent than the next.
pub(crate) fn flat(seed: u64) -> Vec<f64> {
    unit(seed).map(|u| (8.0 / (1.0 - u)).floor()).take(COUNT).collect()
}

fn unit(seed: u64) -> impl Iterator<Item = f64> {
    bits(seed).map(|bits| (bits >> 11) as f64 / 9_007_199_254_740_992.0)
}

fn bell(seed: u64) -> Vec<f64> {
    let units: Vec<f64> = unit(seed).take(12 * COUNT).collect();
    units.chunks(12).map(|twelve| twelve.iter().fold(0.0, |sum, u| sum + u) - 6.0).collect()
}

/// Both signs, over so many octaves, and zeros.
fn signed(seed: u64, octaves: u64) -> Vec<f64> {
    let value = |(bits, u): (u64, f64)| {
        let drawn = bits % octaves;
        let exponent = drawn as i32 - octaves as i32 / 2;
        if drawn == octaves - 1 { 0.0 } else { (u - 0.5) * 2.0_f64.powi(exponent) }
    };
    bits(seed).zip(unit(seed)).map(value).take(COUNT).collect()
}
