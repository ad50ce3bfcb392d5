//! What a gauge reads of a message.

use super::definition::{Definition, Field, Measure};
use super::key::Key;
use crate::engine::Filter;
use crate::select::{Path, Selection, Value, find_all};
use crate::time::Time;
use crate::wire::{decimal, units};

/// What is read of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// The number in the field, and that in the second.
    pub(super) x: Option<f64>,
    pub(super) y: Option<f64>,
    /// The value of the field, and that of the second.
    pub(super) key: Option<Key>,
    pub(super) other: Option<Key>,
    /// By which it is grouped.
    pub(super) by: Option<Key>,
    /// When it was.
    pub(super) time: Time,
    /// How long the message is.
    pub(super) bytes: u64,
}

/// What could not be measured, by kind: each message is counted once, for what is found first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unmeasured {
    /// Messages that are no JSON, where a field is measured.
    pub not_json: u64,
    /// Messages without one of the fields.
    pub missing: u64,
    /// Messages with a field that is no number, where one is needed.
    pub not_a_number: u64,
    /// Messages with a number beyond the range of a double.
    pub infinite: u64,
    /// Messages whose time can't be read: they are in no pane.
    pub no_time: u64,
}

/// Why something of a message is not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    NotJson,
    Missing,
    NotANumber,
    Infinite,
    NoTime,
}

impl Unmeasured {
    /// All of them together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let Self { not_json, missing, not_a_number, infinite, no_time } = *self;
        not_json.saturating_add(missing).saturating_add(not_a_number).saturating_add(infinite).saturating_add(no_time)
    }

    pub(super) const fn merge(&mut self, other: &Self) {
        self.not_json = self.not_json.saturating_add(other.not_json);
        self.missing = self.missing.saturating_add(other.missing);
        self.not_a_number = self.not_a_number.saturating_add(other.not_a_number);
        self.infinite = self.infinite.saturating_add(other.infinite);
        self.no_time = self.no_time.saturating_add(other.no_time);
    }

    const fn count(&mut self, why: Why) {
        self.count_many(why, 1);
    }

    const fn count_many(&mut self, why: Why, messages: u64) {
        let counter = match why {
            Why::NotJson => &mut self.not_json,
            Why::Missing => &mut self.missing,
            Why::NotANumber => &mut self.not_a_number,
            Why::Infinite => &mut self.infinite,
            Why::NoTime => &mut self.no_time,
        };
        *counter = counter.saturating_add(messages);
    }
}

/// Reads what a definition names out of messages.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    selection: Option<Selection<{ Filter::MOST_RULES }, { Filter::MOST_TEXT }>>,
    paths: heapless::Vec<Path<Text>, 4>,
    field: Option<u8>,
    with: Option<u8>,
    by: Option<u8>,
    time: Option<u8>,
    numbers: bool,
    keys: bool,
    two: bool,
}

type Text = heapless::String<{ super::definition::MOST_PATH }>;

/// What becomes of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read<T> {
    /// This is measured.
    Sample(T),
    /// The filter does not let it pass.
    Filtered,
    /// Nothing can be.
    Nothing,
}

impl Reader {
    pub(super) fn new(definition: &Definition) -> Self {
        let mut paths = heapless::Vec::new();
        let mut place = |field: Option<Field>| {
            let text = Text::try_from(core::str::from_utf8(field?.as_bytes()).ok()?).ok()?;
            let number = paths.len() as u8;
            // Both have been checked with the definition.
            paths.push(Path::parse(text).ok()?).ok()?;
            Some(number)
        };
        let (field, with) = (place(definition.field), place(definition.with));
        let (by, time) = (place(definition.by), place(definition.time));
        let measures = definition.measures;
        let any = |of: fn(Measure) -> bool| measures.iter().any(of);
        Self {
            selection: (!definition.filter.is_none()).then(|| definition.filter.selection()),
            paths,
            field,
            with,
            by,
            time,
            numbers: any(Measure::is_of_numbers),
            keys: any(Measure::is_of_keys),
            two: any(Measure::is_of_two),
        }
    }

    /// Reads a message that came `now`. O(n).
    pub(super) fn read(&mut self, message: &[u8], now: Time, unmeasured: &mut Unmeasured) -> Read<Sample> {
        if let Some(selection) = &mut self.selection
            && selection.apply(message).is_err()
        {
            return Read::Filtered;
        }
        let mut found = [None; 4];
        if !self.paths.is_empty() && find_all(message, &self.paths, &mut found).is_err() {
            unmeasured.count(Why::NotJson);
            return Read::Nothing;
        }
        let at = |place: Option<u8>| found.get(usize::from(place?)).copied().flatten().filter(|value| !value.is_null());
        let mut why = None;
        let time = match self.time.map(|place| at(Some(place)).and_then(|value| time_of(&value))) {
            None => now,
            Some(Some(time)) => time,
            Some(None) => {
                unmeasured.count(Why::NoTime);
                return Read::Nothing;
            }
        };
        let mut sample =
            Sample { x: None, y: None, key: None, other: None, by: None, time, bytes: message.len() as u64 };
        sample.by = at(self.by).and_then(|value| Key::of(&value));
        if self.field.is_some() {
            (sample.x, sample.key) = self.value(at(self.field), &mut why);
        } else {
            (sample.x, sample.key) = self.whole(message, &mut why);
        }
        if self.two {
            (sample.y, sample.other) = self.value(at(self.with), &mut why);
        }
        if let Some(why) = why {
            unmeasured.count(why);
        }
        Read::Sample(sample)
    }

    /// The same for numbers by themselves, which have nothing else. O(n).
    pub(super) fn read_numbers(&self, numbers: &[f64], unmeasured: &mut Unmeasured) -> Read<()> {
        let count = |numbers: usize| numbers as u64;
        if self.selection.is_some() {
            return Read::Filtered;
        }
        if self.time.is_some() {
            unmeasured.count_many(Why::NoTime, count(numbers.len()));
            return Read::Nothing;
        }
        if self.numbers || self.keys {
            let finite = numbers.iter().filter(|x| x.is_finite()).count();
            if finite < numbers.len() {
                let nan = numbers.iter().filter(|x| x.is_nan()).count();
                unmeasured.count_many(Why::NotANumber, count(nan));
                unmeasured.count_many(Why::Infinite, count(numbers.len().saturating_sub(finite).saturating_sub(nan)));
            }
            if self.two {
                unmeasured.count_many(Why::Missing, count(finite));
            }
        }
        Read::Sample(())
    }

    /// What is measured of a value: the number, the key.
    fn value(&self, value: Option<Value<'_>>, why: &mut Option<Why>) -> (Option<f64>, Option<Key>) {
        let Some(value) = value else {
            if self.numbers || self.keys {
                why.get_or_insert(Why::Missing);
            }
            return (None, None);
        };
        let number = if self.numbers { number_of(value.number().map(|number| number.to_f64()), why) } else { None };
        let key = if self.keys { Key::of(&value) } else { None };
        if self.keys && key.is_none() {
            why.get_or_insert(Why::Missing);
        }
        (number, key)
    }

    /// The same of a whole message, whose number is written as `streamgauge moments` reads it.
    fn whole(&self, message: &[u8], why: &mut Option<Why>) -> (Option<f64>, Option<Key>) {
        if !self.numbers && !self.keys {
            return (None, None);
        }
        let Ok(text) = core::str::from_utf8(message) else {
            why.get_or_insert(if self.numbers { Why::NotANumber } else { Why::NotJson });
            return (None, None);
        };
        let number = if self.numbers { number_of(decimal::plain(text.trim_ascii()), why) } else { None };
        (number, self.keys.then(|| Key::of_text(text)))
    }
}

fn number_of(number: Option<f64>, why: &mut Option<Why>) -> Option<f64> {
    let Some(number) = number.filter(|number| !number.is_nan()) else {
        why.get_or_insert(Why::NotANumber);
        return None;
    };
    if number.is_infinite() {
        why.get_or_insert(Why::Infinite);
        return None;
    }
    Some(number)
}

/// Numbers of more digits than these in front of the point are milliseconds: as seconds it would be the year 5138.
const SECONDS: i64 = 11;

/// A time: a number of seconds or milliseconds since the beginning of Unix time, or a text as RFC 3339 writes it. Parts of
/// a millisecond are cut off, however it is written: so the same time is in the same pane.
fn time_of(value: &Value<'_>) -> Option<Time> {
    if let Some(text) = value.text() {
        // Some escape the `+` of a zone. What is longer has more digits of a second than anybody needs.
        let mut copy = heapless::Vec::<u8, 64>::new();
        text.chars().try_for_each(|char| copy.push(char.try_into().ok()?).ok())?;
        return units::rfc3339(&copy);
    }
    let number = value.number()?;
    if !(0.0..9e15).contains(&number.to_f64()) {
        return None;
    }
    // By its digits: 1700000000.001 is a bit less as a double.
    let worth = number.worth().filter(|worth| !worth.negative)?;
    let before_point = worth.exponent.checked_add(1)?;
    let digits = if before_point <= SECONDS { before_point.checked_add(3)? } else { before_point };
    let mut digits = worth.digits().chain(core::iter::repeat(b'0')).take(usize::try_from(digits).unwrap_or(0));
    let append = |millis: u64, digit: u8| millis.checked_mul(10)?.checked_add(u64::from(digit & 15));
    digits.try_fold(0, append).map(Time::from_millis)
}
