//! Sets of values that statistics go wrong on.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::needs::data;

/// Values, and where to look them up.
pub struct Set {
    /// Name of the file without its ending, or of the generator.
    pub name: String,
    /// All finite.
    pub values: Vec<f64>,
    /// Answers that came with the data, as decimals of 40 digits, by the names of the JSON files.
    pub answers: Option<Value>,
}

/// All sets: those of the data folder, if there is one, and the generated ones.
pub fn all() -> Vec<Set> {
    let mut sets = data().map_or(Vec::new(), |folder| stored(&folder));
    sets.extend(generated());
    sets
}

/// The values of a file: a number a line, `#` begins a remark.
pub fn read(path: &Path) -> Vec<f64> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().unwrap_or_else(|_| panic!("{line:?} in {}", path.display()))).collect()
}

/// The contents of a JSON file.
pub fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn stored(folder: &Path) -> Vec<Set> {
    let mut sets = Vec::new();
    for (part, answers) in [("nist", "certified.json"), ("hard", "exact.json")] {
        let answers = json(&folder.join(part).join(answers));
        for (name, answer) in answers.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with('_')) {
            let file = answer["file"].as_str().unwrap_or_else(|| panic!("no file for {name}"));
            let values = read(&folder.join(part).join(file));
            let answer = answer.get("computed_f64__not_certified").unwrap_or(answer);
            sets.push(Set { name: name.clone(), values, answers: Some(answer.clone()) });
        }
    }
    assert!(sets.len() >= 27, "only {} of the sets are there", sets.len());
    sets
}

fn generated() -> Vec<Set> {
    let mut random = Random::new(1);
    let mut uniform = || random.unit();
    let mut sets: Vec<Set> = Vec::new();
    let mut add = |name: &str, values: Vec<f64>| {
        sets.push(Set { name: format!("generated {name}"), values, answers: None });
    };
    let n = 3000_u32;
    let alternating = |size: f64, i: u32| if i.is_multiple_of(2) { size } else { -size };
    add("alternating 1e154", (0..n).map(|i| alternating(1e154, i) * (1.0 + uniform())).collect());
    add("alternating largest", (0..n).map(|i| alternating(f64::MAX, i)).collect());
    add("largest and 1", (0..n).map(|i| if i == 1000 { f64::MAX } else { 1.0 }).collect());
    add("sums beyond the largest", (0..n).map(|_| f64::MAX * (0.5 + uniform() / 2.0)).collect());
    add("1e-170", (0..n).map(|_| 1e-170 * (uniform() - 0.25)).collect());
    add("subnormal", (0..n).map(|_| 5e-324 * (uniform() * 1e6).floor()).collect());
    add("around the least normal", (0..n).map(|_| f64::MIN_POSITIVE * uniform() * 2.0).collect());
    add("zeros, then tiny", (0..n).map(|i| if i < 1000 { 0.0 } else { 1e-300 * uniform() }).collect());
    add("tiny, then 1, then huge", (0..n).map(|i| [1e-300, 1.0, 1e300][i as usize / 1000] * uniform()).collect());
    add("huge, then 1, then tiny", (0..n).map(|i| [1e300, 1.0, 1e-300][i as usize / 1000] * uniform()).collect());
    add("powers of two up", (0..2040).map(|i| libm::scalbn(1.0, i - 1020)).collect());
    add("powers of two down", (0..2040).map(|i| libm::scalbn(-1.0, 1019 - i)).collect());
    add("at the edge of the scale", (0..n).map(|i| libm::scalbn(1.0 + uniform(), 218 + i as i32 % 3)).collect());
    add("neighbours of 1e15", (0..n).map(|_| 1e15 + (uniform() * 8.0).floor() * 0.125).collect());
    add("neighbours", (0..n).map(|i| if i == 7 { 1.0 + f64::EPSILON } else { 1.0 }).collect());
    add("neighbours of 2e-39", (0..n).map(|i| 2e-39 * (1.0 + f64::EPSILON * f64::from(i % 2))).collect());
    add("offset 1e12", (0..n).map(|_| 1e12 + uniform()).collect());
    add("a step", (0..n).map(|i| if i < 2900 { 1e9 } else { 1e9 + 1e-6 * uniform() }).collect());
    add("late outlier", (0..n).map(|i| if i == 2999 { -1e20 } else { uniform() }).collect());
    add("early outlier", (0..n).map(|i| if i == 0 { 1e6 } else { uniform() }).collect());
    add("constant subnormal", vec![1e-310; 100]);
    add("constant 0.1", vec![0.1; 1000]);
    add("one", vec![-7.25]);
    add("two", vec![0.1, 0.3]);
    sets
}

/// Pseudo-random numbers (splitmix64, Steele, Lea and Flood, 2014), the same in every run.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of this number.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound.max(1) as u64) as usize
    }
}
