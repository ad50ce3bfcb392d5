//! A definition as JSON.
//!
//! serde-json-core writes the texts, one at a time: so the stack has to hold the longest of them only. It can't panic in
//! that, but a linker doesn't see it: the sum of what is written and what comes might overflow, as far as the compiler
//! knows, and an index stands behind it. So it does wherever more than one byte comes at once: for whole numbers, `f64`s,
//! `true` and names of fields of a structure too. To keep that in one place, [`serialized`], which the link check knows
//! by name, numbers and brackets are written here.

use core::fmt::Write as _;
use core::time::Duration;

use embedded_io::Write;

use super::window::whole_millis;
use super::{Bound, Definition, Every, Field, Last, Measure, Rule, Scale, Setting};
use crate::engine::Filter;
use crate::wire::decimal::Decimal;

/// The most bytes of one text: a rule of control characters, six bytes each, its colon, and quotes.
const MOST_TEXT: usize = (Filter::MOST_TEXT - 1) * 6 + 1 + 2;

impl Definition {
    /// Writes it as a JSON object that [reads back](Self::from_json) to an equal one, if it is [valid](Self::check):
    /// every setting that is in force, those that were not given too, in the order of its fields. O(n).
    ///
    /// Equal definitions are written as the same bytes, and others as other bytes.
    ///
    /// # Errors
    /// Those of `out`.
    ///
    /// ```
    /// use streamgauge_core::gauge::Definition;
    ///
    /// let definition = Definition::from_json(br#"{ "every":60, "measure":"rate" }"#).unwrap();
    /// let mut json = Vec::new();
    /// definition.write_json(&mut json)?;
    /// assert!(json.starts_with(br#"{"topic":"main","groups":64,"measure":["rate"],"accuracy":0.01,"#));
    /// assert!(json.ends_with(br#""every":"1m"}"#));
    /// # Ok::<(), core::convert::Infallible>(())
    /// ```
    pub fn write_json<W: Write>(&self, out: &mut W) -> Result<(), W::Error> {
        let mut object = Object::open(out)?;
        object.text(Setting::Topic, self.topic.as_str())?;
        if !self.filter.is_none() {
            object.texts(Setting::Filter, self.filter.rules())?;
        }
        object.path(Setting::Field, self.field.as_ref())?;
        object.path(Setting::With, self.with.as_ref())?;
        object.path(Setting::By, self.by.as_ref())?;
        object.whole(Setting::Groups, self.groups)?;
        object.texts(Setting::Measure, self.measures.iter().map(Measure::name))?;
        object.float(Setting::Accuracy, self.accuracy)?;
        object.whole(Setting::Bins, self.bins)?;
        object.whole(Setting::Precision, self.precision)?;
        object.whole(Setting::Top, self.top)?;
        object.whole(Setting::Edges, self.edges)?;
        object.name(Setting::Directed.member())?;
        boolean(self.directed, object.out)?;
        object.histogram(self.histogram)?;
        let mut change = object.object(Setting::Change)?;
        change.float(Setting::ChangeDrift, self.change.drift)?;
        change.float(Setting::ChangeThreshold, self.change.threshold)?;
        change.whole(Setting::ChangeLearn, self.change.learn)?;
        change.close()?;
        match self.every {
            None => {}
            Some(Every::Time(time)) => object.duration(Setting::Every, time)?,
            Some(Every::Messages(messages)) => object.messages(Setting::Every, messages)?,
        }
        match self.last {
            None => {}
            Some(Last::Time(time)) => object.duration(Setting::Last, time)?,
            Some(Last::Messages(messages)) => object.messages(Setting::Last, messages)?,
        }
        object.path(Setting::Time, self.time.as_ref())?;
        if !self.lateness.is_zero() {
            object.duration(Setting::Lateness, self.lateness)?;
        }
        if self.shared {
            object.name(Setting::Shared.member())?;
            boolean(true, object.out)?;
        }
        object.rules(&self.rules)?;
        object.close()
    }
}

impl Rule {
    /// Writes it as the member `when` of a definition has it.
    pub(in crate::gauge) fn write_json<W: Write>(&self, out: &mut W) -> Result<(), W::Error> {
        let mut object = Object::open(out)?;
        object.rule(self)?;
        object.close()
    }
}

/// An object that is being written, member by member.
struct Object<'a, W> {
    out: &'a mut W,
    is_empty: bool,
}

impl<'a, W: Write> Object<'a, W> {
    fn open(out: &'a mut W) -> Result<Self, W::Error> {
        out.write_all(b"{")?;
        Ok(Self { out, is_empty: true })
    }

    fn close(self) -> Result<(), W::Error> {
        self.out.write_all(b"}")
    }

    fn name(&mut self, name: &str) -> Result<(), W::Error> {
        if !self.is_empty {
            self.out.write_all(b",")?;
        }
        self.is_empty = false;
        text(name, self.out)?;
        self.out.write_all(b":")
    }

    fn text(&mut self, setting: Setting, content: &str) -> Result<(), W::Error> {
        self.name(setting.member())?;
        text(content, self.out)
    }

    fn texts<'t>(&mut self, setting: Setting, content: impl Iterator<Item = &'t str>) -> Result<(), W::Error> {
        self.name(setting.member())?;
        texts(content, self.out)
    }

    fn object(&mut self, setting: Setting) -> Result<Object<'_, W>, W::Error> {
        self.name(setting.member())?;
        Object::open(self.out)
    }

    fn path(&mut self, setting: Setting, path: Option<&Field>) -> Result<(), W::Error> {
        match path {
            Some(path) => self.text(setting, core::str::from_utf8(path.as_bytes()).unwrap_or_default()),
            None => Ok(()),
        }
    }

    fn whole(&mut self, setting: Setting, number: impl Into<i64>) -> Result<(), W::Error> {
        self.name(setting.member())?;
        whole(number.into(), self.out)
    }

    fn float(&mut self, setting: Setting, number: f64) -> Result<(), W::Error> {
        self.name(setting.member())?;
        float(number, self.out)
    }

    fn duration(&mut self, setting: Setting, duration: Duration) -> Result<(), W::Error> {
        let millis = whole_millis(duration).unwrap_or(u64::MAX);
        let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        let largest = units.into_iter().find(|(size, _)| millis.is_multiple_of(*size));
        let (number, unit) = largest.map_or((millis, "ms"), |(size, unit)| (millis / size, unit));
        self.quantity(setting, number, unit)
    }

    fn messages(&mut self, setting: Setting, messages: u64) -> Result<(), W::Error> {
        self.quantity(setting, messages, if messages == 1 { " message" } else { " messages" })
    }

    fn quantity(&mut self, setting: Setting, number: u64, unit: &str) -> Result<(), W::Error> {
        // 20 digits at most.
        let mut text = heapless::String::<32>::new();
        let _ = write!(text, "{number}{unit}");
        self.text(setting, text.as_str())
    }

    fn histogram(&mut self, scale: Scale) -> Result<(), W::Error> {
        if scale == Scale::None {
            return Ok(());
        }
        let mut object = self.object(Setting::Histogram)?;
        match scale {
            Scale::None => {}
            Scale::Range { low, high, bins } => {
                object.float(Setting::HistogramMin, low)?;
                object.float(Setting::HistogramMax, high)?;
                object.whole(Setting::HistogramBins, bins)?;
            }
            Scale::Integers { low, high } => {
                object.name(Setting::HistogramIntegers.member())?;
                object.out.write_all(b"[")?;
                whole(low.into(), object.out)?;
                object.out.write_all(b",")?;
                whole(high.into(), object.out)?;
                object.out.write_all(b"]")?;
            }
        }
        object.close()
    }

    fn rules(&mut self, rules: &[Rule]) -> Result<(), W::Error> {
        if rules.is_empty() {
            return Ok(());
        }
        self.name(Setting::When.member())?;
        let mut before = b"[";
        for rule in rules {
            self.out.write_all(before)?;
            let mut object = Object::open(self.out)?;
            object.rule(rule)?;
            object.close()?;
            before = b",";
        }
        self.out.write_all(b"]")
    }

    fn rule(&mut self, rule: &Rule) -> Result<(), W::Error> {
        match rule.bound {
            Bound::Above(bound, until) => self.bound(rule, " >", bound, until)?,
            Bound::Below(bound, until) => self.bound(rule, " <", bound, until)?,
            Bound::Up => self.text(Setting::WhenChange, "up")?,
            Bound::Down => self.text(Setting::WhenChange, "down")?,
        }
        if !rule.hold.is_zero() {
            self.duration(Setting::WhenFor, rule.hold)?;
        }
        rule.to.map_or(Ok(()), |to| self.text(Setting::WhenTo, to.as_str()))
    }

    fn bound(&mut self, rule: &Rule, sign: &str, bound: f64, until: f64) -> Result<(), W::Error> {
        // Which is long enough for each of them.
        let mut name = heapless::String::<16>::new();
        let _ = name.push_str(rule.statistic.name()).and_then(|()| name.push_str(sign));
        self.name(&name)?;
        float(bound, self.out)?;
        self.float(Setting::WhenUntil, until)
    }
}

/// Writes a finite number so that it reads back to the same one.
fn float<W: Write>(number: f64, out: &mut W) -> Result<(), W::Error> {
    // Zero is written in one way: -0.0 + 0.0 is 0.0.
    let decimal = Decimal::shortest(number + 0.0);
    out.write_all(decimal.as_ref().map_or(b"null", Decimal::as_bytes))
}

fn whole<W: Write>(number: i64, out: &mut W) -> Result<(), W::Error> {
    // 20 characters at most.
    let mut digits = heapless::String::<20>::new();
    let _ = write!(digits, "{number}");
    out.write_all(digits.as_bytes())
}

fn boolean<W: Write>(is_so: bool, out: &mut W) -> Result<(), W::Error> {
    out.write_all(if is_so { b"true" } else { b"false" })
}

fn text<W: Write>(text: &str, out: &mut W) -> Result<(), W::Error> {
    let mut room = [0; MOST_TEXT];
    let written = serialized(text, &mut room);
    out.write_all(room.get(..written).unwrap_or_default())
}

/// Writes a text into `room`; how many bytes it takes.
///
/// Nothing else is in here, and it is in nothing else: so the link check can leave it out.
#[inline(never)]
fn serialized(text: &str, room: &mut [u8; MOST_TEXT]) -> usize {
    let written = serde_json_core::to_slice(text, room);
    debug_assert!(written.is_ok(), "a text is longer than there is room");
    written.unwrap_or_default()
}

/// An array of texts.
fn texts<'t, W: Write>(texts: impl Iterator<Item = &'t str>, out: &mut W) -> Result<(), W::Error> {
    let mut before = b"[";
    for each in texts {
        out.write_all(before)?;
        text(each, out)?;
        before = b",";
    }
    out.write_all(b"]")
}
