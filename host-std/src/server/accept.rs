//! Which of several media types a client would rather have: by the weights in its `Accept` (RFC 9110, section 12.5.1).
//!
//! The core takes the first type that it has, for which a microcontroller has room; a host has room to weigh them.

use core::cmp::Reverse;

/// What says how much a type is wanted: the weight in thousandths; how exactly a range names the type; and at the same
/// weight, what the client names first.
type Wanted = (u16, u8, Reverse<usize>);

/// That of `offers` whose media type an `Accept` wants most, the first of those that it wants as much; `None` if it
/// wants none of them, or is empty. O(offers * ranges).
pub(crate) fn preferred<T: Copy, const N: usize>(
    accept: &[u8],
    offers: [T; N],
    media_type: impl Fn(T) -> &'static str,
) -> Option<T> {
    let wanted = |(place, offer)| Some((wanted(accept, media_type(offer))?, Reverse(place), offer));
    let wanted = offers.into_iter().enumerate().filter_map(wanted);
    wanted.max_by_key(|(wanted, place, _)| (*wanted, *place)).map(|(.., offer)| offer)
}

/// Of the ranges that a type is in, the most exact one decides: `text/plain;q=0, */*` is all but plain text.
fn wanted(accept: &[u8], offer: &str) -> Option<Wanted> {
    let ranges = accept.split(|byte| *byte == b',').enumerate().filter_map(|(place, range)| {
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let exactness = exactness(parts.next()?, offer)?;
        Some((exactness, Reverse(place), parts.find_map(weight).unwrap_or(1_000)))
    });
    let (exactness, place, weight) = ranges.max()?;
    (weight > 0).then_some((weight, exactness, place))
}

/// How exactly a range names a type, if that is in it.
fn exactness(range: &[u8], offer: &str) -> Option<u8> {
    let (offer, _) = offer.split_once(';').unwrap_or((offer, ""));
    let (kind, _) = offer.split_once('/')?;
    match range {
        b"*/*" => Some(0),
        [of @ .., b'/', b'*'] => of.eq_ignore_ascii_case(kind.as_bytes()).then_some(1),
        _ => range.eq_ignore_ascii_case(offer.as_bytes()).then_some(2),
    }
}

/// The weight, if the parameter is one.
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', number @ ..] = parameter else { return None };
    let number: f32 = str::from_utf8(number).ok()?.parse().ok()?;
    (0.0..=1.0).contains(&number).then_some((number * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_weight_wins_and_then_the_most_exact_range() {
        const TEXT: &str = "text/plain; charset=utf-8";
        const JSON: &str = "application/json";
        const SVG: &str = "image/svg+xml";
        for (accept, expected) in [
            ("", None),
            ("text/csv", None),
            ("*/*", Some(TEXT)),
            ("application/*", Some(JSON)),
            ("text/plain;q=0.5,application/json", Some(JSON)),
            ("application/json;q=0.001, image/*;Q=0.002", Some(SVG)),
            ("text/html, image/svg+xml;q=0.9, application/json", Some(JSON)),
            ("text/plain,application/json", Some(TEXT)),
            ("Application/JSON,text/plain", Some(JSON)),
            ("*/*, application/json", Some(JSON)),
            ("*/*, image/*", Some(SVG)),
            ("*/*;q=0.1, image/svg+xml; version=1; q=0.05", Some(TEXT)),
            ("text/plain;q=0, */*", Some(JSON)),
            ("*/*;q=0", None),
            ("*/*;q=0, image/svg+xml;q=0.1", Some(SVG)),
            ("text/plain;q=0.9, application/json;q=x", Some(JSON)),
        ] {
            assert_eq!(preferred(accept.as_bytes(), [TEXT, JSON, SVG], |offer| offer), expected, "{accept}");
        }
    }
}
