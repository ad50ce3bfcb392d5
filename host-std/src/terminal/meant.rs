//! Which word was meant by one that is not known.

/// The word among some that is nearly the same, if one is.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.7;
    let plain = |word: &str| word.to_ascii_lowercase().replace('_', "-");
    let word = plain(word);
    let near = known.map(|known| (strsim::normalized_damerau_levenshtein(&word, &plain(known)), known));
    let nearest = near.filter(|(near, _)| *near >= NEAR).max_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.map(|(_, known)| known)
}

/// The end of a line that names a word which is not known.
pub(crate) fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(": did you mean {nearest}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_was_meant() {
        let known = ["lease", "max_lease", "max_attempts", "ttl"];
        for (word, near) in [
            ("leas", Some("lease")),
            ("max-lease", Some("max_lease")),
            ("max_attemps", Some("max_attempts")),
            ("TTL", Some("ttl")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known.into_iter()), near, "{word}");
        }
        assert_eq!(meant(nearest("leas", known.into_iter())), ": did you mean lease?");
    }
}
