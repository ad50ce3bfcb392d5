//! Edits from a seed.

use streamgauge_core::generate::Rng;

use super::edits::EDIT;
use super::is_read_to_an_end;
use crate::engine::disk::seeds;

#[test]
fn whatever_is_in_its_files_a_folder_is_read_to_an_end() {
    seeds(|seed| {
        let mut random = Rng::new(seed);
        let mut input = vec![random.bits() as u8];
        for _ in 0..1 + random.below(4) {
            let begin = input.len();
            let len = random.below(40) as usize;
            input.resize_with(begin + EDIT + len, || random.bits() as u8);
            input[begin + 3] = len as u8;
        }
        if random.below(2) == 0 {
            input.extend_from_slice(SEAL);
        }
        is_read_to_an_end(&input);
    });
}

/// Makes the sums right.
const SEAL: &[u8] = &[12, 0, 0, 0, 0, 0, 0, 0];
