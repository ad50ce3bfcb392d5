//! What a sketch knows, as sets: slow and plain.

use std::collections::BTreeSet;

use streamgauge_core::stats::UltraLogLog;

/// Which levels each register has seen: all of them.
pub(crate) struct Model {
    pub(crate) precision: u32,
    levels: Vec<BTreeSet<u32>>,
}

impl Model {
    pub(crate) fn new(precision: u32) -> Self {
        Self { precision, levels: vec![BTreeSet::new(); 1 << precision] }
    }

    /// As the documentation says: the first bits choose the register, and the zeros that follow are counted.
    pub(crate) fn add_hash(&mut self, hash: u64) {
        let bits = format!("{hash:064b}");
        let (number, rest) = bits.split_at(self.precision as usize);
        let zeros = rest.find('1').unwrap_or(rest.len());
        let number = usize::from_str_radix(number, 2).unwrap();
        self.levels[number].insert(self.precision - 1 + zeros as u32);
    }

    pub(crate) fn registers(&self) -> Vec<u8> {
        self.levels.iter().map(register).collect()
    }
}

/// The register that has seen these levels.
pub(crate) fn register(levels: &BTreeSet<u32>) -> u8 {
    let Some(highest) = levels.last() else { return 0 };
    let is_seen = |below: u32| highest.checked_sub(below).is_some_and(|level| levels.contains(&level));
    (highest * 4) as u8 + if is_seen(1) { 2 } else { 0 } + u8::from(is_seen(2))
}

pub(crate) fn sketch(precision: u32, hashes: &[u64]) -> UltraLogLog<Vec<u8>> {
    let mut sketch = UltraLogLog::new(vec![0xAA; 1 << precision]).unwrap();
    hashes.iter().for_each(|hash| sketch.add_hash(*hash));
    sketch
}
