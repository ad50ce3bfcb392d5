//! A definition from JSON.
//!
//! serde-json-core reads whole numbers, lists of them and booleans: each is a value by itself, which is known to be valid
//! JSON, and it refuses those of another kind. So no panic can be reached, as everywhere in the core; what it can't do,
//! or does otherwise, is kept out:
//!
//! | serde-json-core 0.7 | here |
//! | --- | --- |
//! | has no values whose kind is told by what stands there | [`value`] looks at the first byte, and asks for one kind |
//! | takes some text that is no JSON, such as `01`, `+1` or trash in what is ignored | the whole text has been walked by the core's own scanner before |
//! | goes into what is ignored by recursion: deep nesting ends the stack | nothing is ignored, and objects are opened by [`Members`], with nesting kept in bits |
//! | indexes slices on its way back along a string, and in its buffer of unescaped text | strings and names are never given to it: the core's own decoder reads them |
//! | takes no surrogate pairs: `\ud83d\ude00` is an error | the same |
//! | takes `null` for an `f64` that is NaN, and what is too large for an infinite one | `null` is absent, everywhere; numbers are finite |
//! | reads an `f64` with `str::parse`, in which a linker sees a panic | [`Number`](crate::select::Number) reads them |
//! | says neither which member is wrong nor that one came twice | [`Setting`] names them, and each is taken once |

mod rule;
mod value;

use super::{Changes, Definition, Measure, Measures, Scale, Setting, Wrong};
use crate::engine::{Filter, Name};
use crate::select::BadSelection;
use crate::wire::json::value::says;
use crate::wire::json::{Members, Scanner};
use value::Value;

impl Definition {
    /// Reads a definition: a JSON object. O(n).
    ///
    /// | member | is | if absent or `null` |
    /// | --- | --- | --- |
    /// | `topic` | a name | `main` |
    /// | `filter` | such as `"country:de"`, or an array of two at most | every message |
    /// | `field` | a path, such as `"user.langs[0]"` | the message itself |
    /// | `with`, `by`, `time` | paths | none |
    /// | `groups` | 1 to 4096 | 64 |
    /// | `measure` | the name of a [`Measure`], or an array of them | it has to be given |
    /// | `accuracy` | 0.0001 to 0.5 | 0.01 |
    /// | `bins`, `top` | 1 to 65535 | 1024, 32 |
    /// | `precision` | 4 to 18: with less the error is larger than what is told of it | 11 |
    /// | `edges` | 1 to 1048576 | 1024 |
    /// | `directed` | `true` or `false` | `true` |
    /// | `histogram` | `{"min":0,"max":100,"bins":50}`, or `{"integers":[0,100]}` | none |
    /// | `change` | `{"drift":0.5,"threshold":5,"learn":100}`, or some of these | these |
    /// | `every`, `last` | a duration, or such as `"1000 messages"` | none |
    /// | `lateness` | a duration | none |
    /// | `shared` | `true` or `false` | `false` |
    /// | `when` | a rule, or an array of four at most | none |
    ///
    /// A duration is a number of seconds, or a text such as `"500ms"`, `"10s"`, `"5m"` or `"1h"`. A rule has a bound of
    /// one [`Statistic`](super::Statistic), `"p99 >":250` or `"mean <":1`, with `until` (where it ends, if not at the
    /// bound), or else `"change":"up"` or `"down"`; and `for`, a duration, and `to`, a topic.
    ///
    /// # Errors
    /// It is no JSON, has a member that is unknown, given twice or not what it has to be, or [can't be](Self::check).
    ///
    /// ```
    /// use streamgauge_core::gauge::{Definition, Measure};
    ///
    /// let definition = Definition::from_json(br#"{"topic":"clicks","field":"t","measure":["moments","rate"]}"#)?;
    /// assert!(definition.measures.has(Measure::Moments));
    /// let wrong = Definition::from_json(br#"{"measure":"rate","accuracy":2}"#).unwrap_err();
    /// assert_eq!(wrong.to_string(), "accuracy must be a relative error from 0.0001 to 0.5");
    /// # Ok::<(), streamgauge_core::gauge::Wrong>(())
    /// ```
    pub fn from_json(body: &[u8]) -> Result<Self, Wrong> {
        let text = core::str::from_utf8(body).map_err(|_| Wrong::NoObject)?;
        let mut scanner = Scanner::new(text);
        let object = scanner.value().map_err(|_| Wrong::NoObject)?;
        if !scanner.at_end() || !object.starts_with('{') {
            return Err(Wrong::NoObject);
        }
        let mut definition = Self::new(Name::MAIN, Measures::NONE);
        each_member(
            object,
            "",
            &Setting::OF_DEFINITION,
            &mut |setting, value| definition.take(setting, value),
            &mut no_other,
        )?;
        definition.check()?;
        Ok(definition)
    }

    fn take(&mut self, setting: Setting, value: Value<'_>) -> Result<(), Wrong> {
        let path = || value.short().map(Some).ok_or(setting.wrong());
        let whole = || value.number::<u16>().ok_or(setting.wrong());
        match setting {
            Setting::Topic => self.topic = value.name().ok_or(setting.wrong())?,
            Setting::Filter => self.filter = filter(value)?,
            Setting::Field => self.field = path()?,
            Setting::With => self.with = path()?,
            Setting::By => self.by = path()?,
            Setting::Time => self.time = path()?,
            Setting::Groups => self.groups = whole()?,
            Setting::Measure => self.measures = measures(value).ok_or(setting.wrong())?,
            Setting::Accuracy => self.accuracy = value.float().ok_or(setting.wrong())?,
            Setting::Bins => self.bins = whole()?,
            Setting::Precision => self.precision = value.number().ok_or(setting.wrong())?,
            Setting::Top => self.top = whole()?,
            Setting::Edges => self.edges = value.number().ok_or(setting.wrong())?,
            Setting::Directed => self.directed = value.boolean().ok_or(setting.wrong())?,
            Setting::Histogram => self.histogram = histogram(value)?,
            Setting::Change => self.change = changes(value)?,
            Setting::Every => self.every = Some(value.every().ok_or(setting.wrong())?),
            Setting::Last => self.last = Some(value.last().ok_or(setting.wrong())?),
            Setting::Lateness => self.lateness = value.duration().ok_or(setting.wrong())?,
            Setting::Shared => self.shared = value.boolean().ok_or(setting.wrong())?,
            Setting::When => self.rules = rule::rules(value)?,
            // The others are in objects of their own.
            _ => {}
        }
        Ok(())
    }
}

/// Gives every member of an object that is known to be valid to `take`, or to `other` if it is none of `known`, which
/// says whether it is one: none is given twice, and those that are `null` are left out. It is there once, for whoever
/// counts bytes of code.
fn each_member<'a>(
    object: &'a str,
    within: &'static str,
    known: &[Setting],
    take: &mut dyn FnMut(Setting, Value<'a>) -> Result<(), Wrong>,
    other: &mut dyn FnMut(&'a str, Value<'a>) -> Result<bool, Wrong>,
) -> Result<(), Wrong> {
    let mut seen = 0_u64;
    for (name, value) in Members::of_object(object).into_iter().flatten() {
        let value = Value::new(value);
        match known.iter().find(|setting| says(name, setting.member())) {
            Some(setting) => {
                let bit = 1_u64 << (*setting as u32 % u64::BITS);
                if seen & bit != 0 {
                    return Err(setting.twice());
                }
                seen |= bit;
                if !value.is_null() {
                    take(*setting, value)?;
                }
            }
            None => {
                if !other(name, value)? {
                    return Err(Wrong::unknown(name, within));
                }
            }
        }
    }
    Ok(())
}

fn no_other(_: &str, _: Value<'_>) -> Result<bool, Wrong> {
    Ok(false)
}

/// One rule, or an array of rules.
fn filter(value: Value<'_>) -> Result<Filter, Wrong> {
    value.one_or_more().try_fold(Filter::NONE, |filter, rule| {
        let text = rule.text::<{ Filter::MOST_TEXT }>().map_err(|error| match error {
            value::NoText::Other => Setting::Filter.wrong(),
            value::NoText::TooLong => Wrong::Filter(BadSelection::TooMuchText(Filter::MOST_TEXT)),
        })?;
        filter.and(&text).map_err(Wrong::Filter)
    })
}

fn measures(value: Value<'_>) -> Option<Measures> {
    value.one_or_more().try_fold(Measures::NONE, |measures, name| {
        let measure = Measure::ALL.into_iter().find(|measure| name.says(measure.name()))?;
        Some(measures.with(measure))
    })
}

fn changes(value: Value<'_>) -> Result<Changes, Wrong> {
    let mut changes = Changes::DEFAULT;
    let object = value.object().ok_or(Setting::Change.wrong())?;
    let mut take = |setting: Setting, value: Value<'_>| {
        match setting {
            Setting::ChangeDrift => changes.drift = value.float().ok_or(setting.wrong())?,
            Setting::ChangeThreshold => changes.threshold = value.float().ok_or(setting.wrong())?,
            _ => changes.learn = value.number().ok_or(setting.wrong())?,
        }
        Ok(())
    };
    each_member(object, "change", &Setting::OF_CHANGE, &mut take, &mut no_other)?;
    Ok(changes)
}

fn histogram(value: Value<'_>) -> Result<Scale, Wrong> {
    let (mut min, mut max, mut bins, mut integers) = (None, None, None, None);
    let object = value.object().ok_or(Setting::Histogram.wrong())?;
    let mut take = |setting: Setting, value: Value<'_>| {
        match setting {
            Setting::HistogramMin => min = Some(value.float().ok_or(setting.wrong())?),
            Setting::HistogramMax => max = Some(value.float().ok_or(setting.wrong())?),
            Setting::HistogramBins => bins = Some(value.number().ok_or(setting.wrong())?),
            _ => integers = Some(value.numbers::<2>().ok_or(setting.wrong())?),
        }
        Ok(())
    };
    each_member(object, "histogram", &Setting::OF_HISTOGRAM, &mut take, &mut no_other)?;
    match (min, max, bins, integers) {
        (Some(low), Some(high), Some(bins), None) => Ok(Scale::Range { low, high, bins }),
        (None, None, None, Some([low, high])) => Ok(Scale::Integers { low, high }),
        _ => Err(Setting::Histogram.wrong()),
    }
}
