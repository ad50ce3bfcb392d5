//! Streams, the same for all.

use std::fs;
use std::io::Result;
use std::path::Path;

use streamgauge_core::generate::{Distribution, Rng, Zipf};

/// Values of a stream: with so many, the ranks of all [`QUANTILES`](super::quantiles::QUANTILES) are whole numbers.
const COUNT: u32 = 100_001;

pub(crate) type Stream = (&'static str, Vec<f64>);

/// What sketches of a thousand bins can hold, but for the last one: its greatest value needs all of them.
pub(crate) fn numbers() -> [Stream; 5] {
    let mut rng = Rng::new(1);
    let mut log_normal = || Distribution::LogNormal { mean: 0.0, deviation: 2.0 }.sample(&mut rng);
    let each = |value: &mut dyn FnMut(u32) -> f64| (0..COUNT).map(value).collect::<Vec<_>>();
    [
        ("log-normal", each(&mut |_| log_normal())),
        ("powers", each(&mut |i| 2.0_f64.powi((i % 28) as i32 - 14))),
        ("signs", each(&mut |i| if i % 2 == 0 { log_normal() } else { -log_normal() })),
        ("equal", each(&mut |_| 0.1)),
        ("outlier", each(&mut |i| if i == COUNT / 2 { 1e15 } else { log_normal() })),
    ]
}

/// Keys of which few are frequent.
pub(crate) fn keys() -> Vec<u64> {
    let (zipf, mut rng) = (Zipf::new(100_000, 1.0), Rng::new(2));
    (0..COUNT).map(|_| zipf.sample(&mut rng)).collect()
}

/// Items that are all different; another seed gives others. Splitmix64 (Steele, Lea and Flood, 2014).
pub(crate) fn different(seed: u64, count: u64) -> impl Iterator<Item = u64> {
    (1..=count).map(move |number| {
        let state = (seed << 32).wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    })
}

/// Each stream as a file of 64-bit numbers, the least byte first.
pub(crate) fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, values) in numbers() {
        let bytes: Vec<u8> = values.into_iter().flat_map(f64::to_le_bytes).collect();
        fs::write(folder.join(name), bytes)?;
    }
    fs::write(folder.join("keys"), keys().into_iter().flat_map(u64::to_le_bytes).collect::<Vec<_>>())
}
