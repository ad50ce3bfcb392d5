//! What is measured of one cell, as bytes and back.

use embedded_io::Write;

use super::super::definition::{Definition, Measure};
use super::super::hasher::KeyHasher;
use super::super::key::Key;
use super::super::measured::Measured;
use super::super::storage::Storage;
use super::MergeError;
use super::input::Input;
use super::output::Output;
use crate::stats::graph::{Direction, Edge, Graph};
use crate::stats::histogram::Counted as Place;
use crate::stats::moments::NonFinite;
use crate::stats::quantiles::{DdSketch, Numbers, SideNumbers};
use crate::stats::space_saving::{Counted, SpaceSaving, Totals};
use crate::stats::{Bivariate, Histogram, IntHistogram, Moments, Rate, UltraLogLog, change, moments, pair, rate};

/// Writes all that is measured.
pub(super) fn write_all<S: Storage, W: Write>(cell: &[Measured<S>], out: &mut Output<'_, W>) -> Result<(), W::Error> {
    cell.iter().try_for_each(|measured| write(measured, out))
}

fn write<S: Storage, W: Write>(measured: &Measured<S>, out: &mut Output<'_, W>) -> Result<(), W::Error> {
    match measured {
        Measured::Moments(moments) => {
            let parts = moments.to_parts();
            out.u64s(&[parts.count])?;
            out.f64s(&[parts.min, parts.max])?;
            out.bytes(&parts.exponent.to_le_bytes())?;
            out.f64s(&[parts.pivot])?;
            out.f64s(parts.sums.as_flattened())?;
            out.u64s(&[parts.nan, parts.positive_infinities, parts.negative_infinities])
        }
        Measured::Quantiles(sketch) => {
            let numbers = sketch.to_numbers();
            out.u64s(&[numbers.zeros, numbers.nan, numbers.positive_infinities, numbers.negative_infinities])?;
            for side in [numbers.negative, numbers.positive] {
                out.u64s(&[side.count])?;
                out.f64s(&[side.least, side.greatest])?;
                out.u32(side.collapsed)?;
                out.u32(side.collapsed_to)?;
            }
            let filled = || sketch.storage().as_ref().iter().zip(0_u32..).filter(|(count, _)| **count > 0);
            out.u32(filled().count() as u32)?;
            filled().try_for_each(|(count, place)| {
                out.u32(place)?;
                out.u32(*count)
            })
        }
        Measured::Distinct(sketch) => out.bytes(sketch.registers()),
        Measured::Top(heaviest) => keys(heaviest, |key, out| key.write(out), out),
        Measured::Histogram(histogram) => bins(histogram.bins(), [histogram.underflow(), histogram.overflow(), 0], out),
        Measured::Integers(histogram, others) => {
            bins(histogram.bins(), [histogram.underflow(), histogram.overflow(), *others], out)
        }
        Measured::Rate(rate) => {
            let parts = rate.to_parts();
            out.u64s(&[parts.latest, parts.messages, parts.bytes])?;
            out.f64s(parts.message_sums.as_flattened())?;
            out.f64s(parts.byte_sums.as_flattened())
        }
        Measured::Change(detector) => {
            let parts = detector.to_parts();
            out.u64s(&[parts.learned])?;
            out.f64s(&[parts.mean, parts.sigma])?;
            for excursion in [parts.up, parts.down] {
                out.f64s(&[excursion.sum])?;
                out.u64s(&[excursion.values])?;
            }
            out.u64s(&[parts.alarms_up, parts.alarms_down, parts.count, parts.nan])?;
            out.u64s(&[parts.positive_infinities, parts.negative_infinities])
        }
        Measured::Pair(pair) => {
            let parts = pair.to_parts();
            out.u64s(&[parts.count])?;
            for variable in [parts.x, parts.y] {
                out.f64s(&[variable.min, variable.max])?;
                out.bytes(&variable.exponent.to_le_bytes())?;
                out.f64s(&[variable.pivot])?;
                out.f64s(variable.sums.as_flattened())?;
            }
            out.f64s(&parts.products)?;
            out.u64s(&[parts.nan, parts.infinite])
        }
        Measured::Graph(graph) => keys(
            graph.sketch(),
            |edge, out| {
                edge.from.write(out)?;
                edge.to.write(out)
            },
            out,
        ),
    }
}

fn keys<K: Eq + core::hash::Hash, S: AsRef<[crate::stats::space_saving::Slot<K>]>, W: Write>(
    heaviest: &SpaceSaving<K, S, KeyHasher>,
    key: impl Fn(&K, &mut Output<'_, W>) -> Result<(), W::Error>,
    out: &mut Output<'_, W>,
) -> Result<(), W::Error> {
    let totals = heaviest.totals();
    out.u64s(&[totals.total, totals.evicted, totals.floor])?;
    out.u32(heaviest.len() as u32)?;
    for counted in heaviest.iter() {
        key(&counted.key, out)?;
        out.u64s(&[counted.weight, counted.error])?;
    }
    Ok(())
}

fn bins<W: Write>(counts: &[u64], outside: [u64; 3], out: &mut Output<'_, W>) -> Result<(), W::Error> {
    out.u64s(&outside)?;
    let filled = || counts.iter().zip(0_u32..).filter(|(count, _)| **count > 0);
    out.u32(filled().count() as u32)?;
    filled().try_for_each(|(count, place)| {
        out.u32(place)?;
        out.u64s(&[*count])
    })
}

/// Reads what one measure has seen.
pub(super) fn read<S: Storage>(
    measure: Measure,
    definition: &Definition,
    input: &mut Input<'_>,
    storage: &mut S,
) -> Result<Measured<S>, MergeError> {
    let corrupt = MergeError::Corrupt;
    let impossible = MergeError::Impossible(measure);
    Ok(match measure {
        Measure::Moments => {
            let parts = moments_parts(input).ok_or(corrupt)?;
            Measured::Moments(Moments::from_parts(&parts, NonFinite::LeaveOut).map_err(|_| impossible)?)
        }
        Measure::Quantiles => {
            let len = usize::from(definition.bins).saturating_mul(2);
            let mut bins = storage.bins(len).ok_or(MergeError::NoRoom)?;
            let numbers = quantiles_numbers(definition, bins.as_mut(), input).ok_or(corrupt)?;
            Measured::Quantiles(DdSketch::from_numbers(&numbers, bins).map_err(|_| impossible)?)
        }
        Measure::Distinct => {
            let len = 1_usize.checked_shl(u32::from(definition.precision)).ok_or(corrupt)?;
            let bytes = input.bytes(len).ok_or(corrupt)?;
            let mut registers = storage.registers(len).ok_or(MergeError::NoRoom)?;
            registers.as_mut().iter_mut().zip(bytes).for_each(|(register, byte)| *register = *byte);
            Measured::Distinct(UltraLogLog::from_registers(registers).map_err(|_| impossible)?)
        }
        Measure::Top => {
            let slots = storage.slots(usize::from(definition.top)).ok_or(MergeError::NoRoom)?;
            Measured::Top(read_keys(slots, Key::read, input, measure)?)
        }
        Measure::Histogram => read_histogram(definition, input, storage)?,
        Measure::Rate => {
            let parts = rate_parts(input).ok_or(corrupt)?;
            Measured::Rate(Rate::from_parts(&parts).map_err(|_| impossible)?)
        }
        Measure::Change => {
            let parts = change_parts(input).ok_or(corrupt)?;
            let detector = change::Detector::from_parts(definition.change.settings(), &parts);
            Measured::Change(detector.map_err(|_| impossible)?)
        }
        Measure::Pair => {
            let parts = pair_parts(input).ok_or(corrupt)?;
            Measured::Pair(Bivariate::from_parts(&parts, NonFinite::LeaveOut).map_err(|_| impossible)?)
        }
        Measure::Graph => {
            let len = usize::try_from(definition.edges).map_err(|_| corrupt)?;
            let slots = storage.edges(len).ok_or(MergeError::NoRoom)?;
            let edge = |input: &mut Input<'_>| Some(Edge { from: Key::read(input)?, to: Key::read(input)? });
            let sketch = read_keys(slots, edge, input, measure)?;
            let direction = if definition.directed { Direction::Directed } else { Direction::Undirected };
            Measured::Graph(Graph::from_sketch(sketch, direction).map_err(|_| impossible)?)
        }
    })
}

fn moments_parts(input: &mut Input<'_>) -> Option<moments::Parts> {
    Some(moments::Parts {
        count: input.u64()?,
        min: input.f64()?,
        max: input.f64()?,
        exponent: input.i32()?,
        pivot: input.f64()?,
        sums: input.pairs()?,
        nan: input.u64()?,
        positive_infinities: input.u64()?,
        negative_infinities: input.u64()?,
    })
}

fn quantiles_numbers(definition: &Definition, bins: &mut [u32], input: &mut Input<'_>) -> Option<Numbers> {
    bins.fill(0);
    let [zeros, nan, positive_infinities, negative_infinities] = input.u64s()?;
    let mut side = || {
        Some(SideNumbers {
            count: input.u64()?,
            least: input.f64()?,
            greatest: input.f64()?,
            collapsed: input.u32()?,
            collapsed_to: input.u32()?,
        })
    };
    let (negative, positive) = (side()?, side()?);
    let mut before = None;
    for _ in 0..input.u32()? {
        let (place, count) = (input.u32()?, input.u32()?);
        // In their order, and not empty: one state is written in one way.
        if before.is_some_and(|before| before >= place) || count == 0 {
            return None;
        }
        before = Some(place);
        *bins.get_mut(usize::try_from(place).ok()?)? = count;
    }
    let (accuracy, negative_bins) = (definition.accuracy, u32::from(definition.bins));
    Some(Numbers { accuracy, negative_bins, zeros, nan, positive_infinities, negative_infinities, negative, positive })
}

fn read_keys<K: Eq + core::hash::Hash, S>(
    slots: S,
    key: impl Fn(&mut Input<'_>) -> Option<K>,
    input: &mut Input<'_>,
    measure: Measure,
) -> Result<SpaceSaving<K, S, KeyHasher>, MergeError>
where
    S: AsRef<[crate::stats::space_saving::Slot<K>]> + AsMut<[crate::stats::space_saving::Slot<K>]>,
{
    let [total, evicted, floor] = input.u64s().ok_or(MergeError::Corrupt)?;
    let mut left = input.u32().ok_or(MergeError::Corrupt)?;
    let mut is_whole = true;
    let keys = core::iter::from_fn(|| {
        left = left.checked_sub(1)?;
        let mut next = || Some(Counted { key: key(input)?, weight: input.u64()?, error: input.u64()? });
        let next = next();
        is_whole &= next.is_some();
        next
    });
    let restored = SpaceSaving::restore(slots, KeyHasher::default(), Totals { total, evicted, floor }, keys);
    if !is_whole {
        return Err(MergeError::Corrupt);
    }
    restored.map_err(|_| MergeError::Impossible(measure))
}

fn read_histogram<S: Storage>(
    definition: &Definition,
    input: &mut Input<'_>,
    storage: &mut S,
) -> Result<Measured<S>, MergeError> {
    let mut measured = Measured::new(Measure::Histogram, definition, storage).ok_or(MergeError::NoRoom)?;
    let [below, above, others] = input.u64s().ok_or(MergeError::Corrupt)?;
    let mut add = |place: Place, times: u64| match &mut measured {
        Measured::Histogram(histogram) => Histogram::add(histogram, place, times),
        Measured::Integers(histogram, _) => IntHistogram::add(histogram, place, times),
        _ => false,
    };
    let mut is_fine = add(Place::Below, below) && add(Place::Above, above);
    let mut before = None;
    for _ in 0..input.u32().ok_or(MergeError::Corrupt)? {
        let (Some(place), Some(count)) = (input.u32(), input.u64()) else { return Err(MergeError::Corrupt) };
        is_fine &= before.is_none_or(|before| before < place) && count > 0;
        before = Some(place);
        is_fine &= usize::try_from(place).is_ok_and(|place| add(Place::In(place), count));
    }
    match &mut measured {
        Measured::Integers(_, count) => *count = others,
        _ => is_fine &= others == 0,
    }
    if is_fine { Ok(measured) } else { Err(MergeError::Impossible(Measure::Histogram)) }
}

fn rate_parts(input: &mut Input<'_>) -> Option<rate::Parts> {
    let [latest, messages, bytes] = input.u64s()?;
    Some(rate::Parts { latest, messages, bytes, message_sums: input.pairs()?, byte_sums: input.pairs()? })
}

fn change_parts(input: &mut Input<'_>) -> Option<change::Parts> {
    let mut parts =
        change::Parts { learned: input.u64()?, mean: input.f64()?, sigma: input.f64()?, ..change::Parts::default() };
    for excursion in [&mut parts.up, &mut parts.down] {
        (excursion.sum, excursion.values) = (input.f64()?, input.u64()?);
    }
    [parts.alarms_up, parts.alarms_down, parts.count, parts.nan] = input.u64s()?;
    [parts.positive_infinities, parts.negative_infinities] = input.u64s()?;
    Some(parts)
}

fn pair_parts(input: &mut Input<'_>) -> Option<pair::Parts> {
    let count = input.u64()?;
    let mut variable = || {
        Some(pair::VariableParts {
            min: input.f64()?,
            max: input.f64()?,
            exponent: input.i32()?,
            pivot: input.f64()?,
            sums: input.pairs()?,
        })
    };
    let (x, y) = (variable()?, variable()?);
    let [products] = input.pairs()?;
    let [nan, infinite] = input.u64s()?;
    Some(pair::Parts { count, x, y, products, nan, infinite })
}
