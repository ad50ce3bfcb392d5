//! What the targets share: the input of a target decides where the stream under it is cut.

/// Splits the fuzzer's bytes in two: the sizes of the fragments, and the stream to be cut. The first byte says how
/// many sizes there are (at most 15); without any the stream is in one piece.
pub fn cuts_and_stream(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return (&[], &[]) };
    rest.split_at_checked(usize::from(count & 15)).unwrap_or((&[], rest))
}

/// `stream` in fragments of these sizes, over and over; a size of 0 is an empty fragment.
pub fn fragments<'a>(cuts: &'a [u8], stream: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut left = Some(stream);
    // All zeros would never come to an end.
    let mut sizes = cuts.iter().copied().filter(|_| cuts.iter().any(|size| *size > 0)).cycle();
    core::iter::from_fn(move || {
        let rest = left?;
        let size = sizes.next().map_or(rest.len(), usize::from).min(rest.len());
        let (fragment, rest) = rest.split_at(size);
        left = (!rest.is_empty()).then_some(rest);
        Some(fragment)
    })
}

/// Operations: each is a byte for what to do and a byte for how much, which is also what items are made of.
pub fn operations(data: &[u8]) -> impl Iterator<Item = (u8, u8)> + '_ {
    data.chunks_exact(2).map(|pair| (pair[0], pair[1]))
}

/// An item of so many bytes that says when it was made.
pub fn item(length: usize, serial: usize) -> Vec<u8> {
    (0..length).map(|i| (serial * 31 + i) as u8).collect()
}
