//! How a value went, in one line of characters.

/// From low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Values from the least, or from `floor` if that is given, to the largest as bars of eight heights; a blank where there
/// is none. O(values).
pub(super) fn sparkline(values: impl IntoIterator<Item = Option<f64>> + Clone, floor: Option<f64>) -> String {
    let known = || values.clone().into_iter().flatten();
    let least = floor.unwrap_or_else(|| known().fold(f64::INFINITY, f64::min));
    let largest = known().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: f64| {
        let share = if largest > least { (value - least) / (largest - least) } else { 0.0 };
        let height = (share * BARS.len() as f64) as usize;
        BARS[height.min(BARS.len() - 1)]
    };
    values.clone().into_iter().map(|value| value.map_or(' ', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn bars_reach_from_the_least_to_the_largest() {
        assert_eq!(sparkline([Some(0.0), None, Some(3.5), Some(7.0)], None), "▁ ▅█");
        assert_eq!(sparkline([Some(-1.0); 2], None), "▁▁");
        assert_eq!(sparkline([], None), "");
    }

    #[test]
    fn a_floor_is_where_bars_begin() {
        assert_eq!(sparkline([Some(4.0), Some(8.0)], Some(0.0)), "▅█");
        assert_eq!(sparkline([Some(0.0); 2], Some(0.0)), "▁▁");
    }
}
