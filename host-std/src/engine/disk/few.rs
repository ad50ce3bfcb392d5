//! What is wrong in many places, in a few lines: of a file that is broken throughout nobody reads one for each entry.

use std::fmt::Display;

use super::log::{Position, name_of};

/// So many places of a file are told each.
const TOLD: usize = 10;

/// What there is to say of places, which are in order: of each file the first of them, and how many more there are. O(places).
pub(crate) fn few<T: Display>(places: &[T], at: impl Fn(&T) -> Position) -> Vec<String> {
    let mut lines = Vec::new();
    for of_file in places.chunk_by(|one, next| at(one).segment == at(next).segment) {
        let (told, more) = of_file.split_at(of_file.len().min(TOLD));
        lines.extend(told.iter().map(ToString::to_string));
        lines.extend(more.last().map(|last| {
            let Position { segment, offset } = at(last);
            format!("{}: and {} more such places, the last at byte {offset}", name_of(segment), more.len())
        }));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_file_are_told_and_the_others_counted() {
        let place = |segment| move |offset| Position { segment, offset };
        let places: Vec<_> = (0..TOLD as u32).map(place(1)).chain((0..TOLD as u32 + 7).map(place(3))).collect();
        let lines = few(&places, |at| *at);
        assert_eq!(lines.len(), 2 * TOLD + 1);
        assert!(lines[..2 * TOLD].iter().zip(&places).all(|(line, at)| *line == at.to_string()), "{lines:?}");
        assert_eq!(lines[2 * TOLD], "0000000003.log: and 7 more such places, the last at byte 16");
    }
}
