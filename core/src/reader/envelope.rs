//! What a queue item carries beside its data.

use core::fmt;
use core::time::Duration;

use embedded_io::Write;

use crate::wire::json::{self, Bad, DEPTH, Members, Scanner};

/// An item of a queue, read: its data, and how often and by what it has been tried.
///
/// Everything stays as it was written: [`data`](Self::data) is the text of the item, and members that are not known
/// here are kept.
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::reader::Envelope;
///
/// let now = Duration::from_secs(1_331_923_247);
/// let plain = Envelope::parse(br#"{"msg": "H4110!"}"#, now)?;
/// assert_eq!((plain.data(), plain.tries()), (r#"{"msg": "H4110!"}"#, 0));
///
/// let tried = br#"{"data": 0.5, "tries": 2, "retry_on": 1331923337.5, "started": 1331923157, "tasks_left": ["print"]}"#;
/// let tried = Envelope::parse(tried, now)?;
/// assert_eq!((tried.data(), tried.tries()), ("0.5", 2));
/// assert_eq!(tried.retry_on(), Some(Duration::from_millis(1_331_923_337_500)));
/// assert!(tried.has_left("print") && !tried.has_left("store"));
/// # Ok::<(), streamgauge_core::reader::Malformed>(())
/// ```
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    item: &'a str,
    data: &'a str,
    tries: u32,
    retry_on: Option<Duration>,
    /// As it was written, or the time at which the item was wrapped.
    started: Result<&'a str, Duration>,
    tasks_left: Option<&'a str>,
    is_wrapped: bool,
}

/// Why an item can't be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not JSON in UTF-8.
    NotJson,
    /// Arrays and objects are nested deeper than [`DEPTH`](json::DEPTH) levels.
    TooDeep,
    /// It is an envelope whose `tries`, `retry_on` or `tasks_left` is not of its kind.
    BadMember(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("not JSON"),
            Self::TooDeep => write!(f, "nested deeper than {} levels", json::DEPTH),
            Self::BadMember(name) => write!(f, "an envelope whose {name} is wrong"),
        }
    }
}

impl core::error::Error for Malformed {}

impl From<Bad> for Malformed {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Syntax => Self::NotJson,
            Bad::TooDeep => Self::TooDeep,
        }
    }
}

impl<'a> Envelope<'a> {
    /// Reads an item. `now` is since the Unix epoch, and becomes the start of an item that was not tried before. O(n).
    ///
    /// An object whose `data` is present and true in Python's sense is an envelope; so is one that has all five
    /// members, whatever its data. Anything else is data that has never been tried. Members that an envelope lacks
    /// are those of a new one. Of members with the same name the last counts.
    ///
    /// # Errors
    /// What is not JSON, or an envelope with a member that is not of its kind.
    pub fn parse(item: &'a [u8], now: Duration) -> Result<Self, Malformed> {
        let item = core::str::from_utf8(item).map_err(|_| Malformed::NotJson)?;
        let (mut data, mut tries, mut retry_on, mut started, mut tasks_left) = (None, None, None, None, None);
        let members = Members::of_object(item);
        let is_object = members.is_some();
        let mut rest = if let Some(mut members) = members {
            while let Some((name, value)) = members.step()? {
                match KnownMember::of(name) {
                    Some(KnownMember::Data) => data = Some(value),
                    Some(KnownMember::Tries) => tries = Some(value),
                    Some(KnownMember::RetryOn) => retry_on = Some(value),
                    Some(KnownMember::Started) => started = Some(value),
                    Some(KnownMember::TasksLeft) => tasks_left = Some(value),
                    None => {}
                }
            }
            members.finish()
        } else {
            let mut scanner = Scanner::new(item);
            scanner.value()?;
            scanner
        };
        if !rest.at_end() {
            return Err(Malformed::NotJson);
        }
        let has_all = tries.is_some() && retry_on.is_some() && started.is_some() && tasks_left.is_some();
        let Some(data) = data.filter(|data| has_all || json::value::is_truthy(data)) else {
            // It will be a member of an envelope itself: what is accepted now must be accepted then.
            if is_object && rest.deepest() >= DEPTH {
                return Err(Malformed::TooDeep);
            }
            let data = item.trim_matches([' ', '\t', '\n', '\r']);
            let started = Err(now);
            return Ok(Self { item, data, tries: 0, retry_on: None, started, tasks_left: None, is_wrapped: true });
        };
        let tries = tries.map_or(Some(0), whole).ok_or(Malformed::BadMember("tries"))?;
        let retry_on = match retry_on {
            None | Some("null" | "false") => None,
            Some(value) => {
                let time = json::value::seconds(value).ok_or(Malformed::BadMember("retry_on"))?;
                Some(time).filter(|time| !time.is_zero())
            }
        };
        if let Some(list) = tasks_left {
            let mut names = Members::of_array(list).ok_or(Malformed::BadMember("tasks_left"))?;
            if !names.all(|(_, name)| name.starts_with('"')) {
                return Err(Malformed::BadMember("tasks_left"));
            }
        }
        Ok(Self { item, data, tries, retry_on, started: started.ok_or(now), tasks_left, is_wrapped: false })
    }

    /// The text of the data: valid JSON.
    #[must_use]
    pub const fn data(&self) -> &'a str {
        self.data
    }

    /// How often it has been tried before. O(1).
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// When it may be tried again, since the Unix epoch. O(1).
    #[must_use]
    pub const fn retry_on(&self) -> Option<Duration> {
        self.retry_on
    }

    /// When it was taken for the first time, since the Unix epoch, if that is a time. O(1).
    #[must_use]
    pub fn started(&self) -> Option<Duration> {
        self.started.map_or_else(Some, json::value::seconds)
    }

    /// Whether this task is still to be done; without a list of what is left, any is. O(n).
    #[must_use]
    pub fn has_left(&self, task: &str) -> bool {
        self.names_left().is_none_or(|mut names| names.any(|name| json::value::says(name, task)))
    }

    /// The names of the tasks left, as they are written.
    pub(super) fn names_left(&self) -> Option<impl Iterator<Item = &'a str>> {
        let names = Members::of_array(self.tasks_left?)?;
        Some(names.map(|(_, name)| name))
    }

    /// Writes an envelope of the same data and other members in one line: line breaks between tokens become spaces.
    /// O(n).
    ///
    /// `left` are names as JSON writes them, with quotes.
    pub(super) fn write<'n, W: Write>(
        &self,
        tries: u32,
        retry_on: Option<Duration>,
        left: impl Iterator<Item = Name<'n>>,
        out: &mut W,
    ) -> Result<(), W::Error> {
        out.write_all(b"{\"data\": ")?;
        write_in_line(self.data, out)?;
        out.write_all(b", \"tries\": ")?;
        write_decimal(u64::from(tries), 1, out)?;
        out.write_all(b", \"retry_on\": ")?;
        match retry_on {
            None => out.write_all(b"null")?,
            Some(time) => {
                write_decimal(time.as_secs(), 1, out)?;
                out.write_all(b".")?;
                write_decimal(u64::from(time.subsec_micros()), 6, out)?;
            }
        }
        out.write_all(b", \"started\": ")?;
        match self.started {
            Ok(written) => write_in_line(written, out)?,
            Err(now) => write_decimal(now.as_secs(), 1, out)?,
        }
        out.write_all(b", \"tasks_left\": [")?;
        let mut between: &[u8] = b"";
        for name in left {
            out.write_all(between)?;
            between = b", ";
            match name {
                Name::Written(name) => out.write_all(name.as_bytes())?,
                Name::Meant(name) => write_string(name, out)?,
            }
        }
        out.write_all(b"]")?;
        if !self.is_wrapped {
            let others = Members::of_object(self.item).into_iter().flatten();
            for (name, value) in others.filter(|(name, _)| KnownMember::of(name).is_none()) {
                out.write_all(b", ")?;
                out.write_all(name.as_bytes())?;
                out.write_all(b": ")?;
                write_in_line(value, out)?;
            }
        }
        out.write_all(b"}")
    }
}

/// The name of a task.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name<'a> {
    /// As JSON writes it, with quotes.
    Written(&'a str),
    /// As it is.
    Meant(&'a str),
}

enum KnownMember {
    Data,
    Tries,
    RetryOn,
    Started,
    TasksLeft,
}

impl KnownMember {
    fn of(name: &str) -> Option<Self> {
        let is = |text| json::value::says(name, text);
        Some(match () {
            () if is("data") => Self::Data,
            () if is("tries") => Self::Tries,
            () if is("retry_on") => Self::RetryOn,
            () if is("started") => Self::Started,
            () if is("tasks_left") => Self::TasksLeft,
            () => return None,
        })
    }
}

/// A number of tries: what is behind a point does not count, and beyond the greatest number it stays there.
fn whole(value: &str) -> Option<u32> {
    if value.starts_with('-') {
        return None;
    }
    json::value::seconds(value).map(|number| u32::try_from(number.as_secs()).unwrap_or(u32::MAX))
}

/// Valid JSON has line breaks only between its tokens.
fn write_in_line<W: Write>(value: &str, out: &mut W) -> Result<(), W::Error> {
    for (index, line) in value.split(['\n', '\r']).enumerate() {
        if index > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn write_string<W: Write>(text: &str, out: &mut W) -> Result<(), W::Error> {
    out.write_all(b"\"")?;
    for char in text.chars() {
        match char {
            '"' => out.write_all(b"\\\"")?,
            '\\' => out.write_all(b"\\\\")?,
            '\0'..='\u{1f}' => {
                out.write_all(b"\\u00")?;
                let hex = |nibble: u32| char::from_digit(nibble, 16).map_or(b'0', |digit| digit as u8);
                out.write_all(&[hex(char as u32 >> 4), hex(char as u32 & 15)])?;
            }
            char => out.write_all(char.encode_utf8(&mut [0; 4]).as_bytes())?,
        }
    }
    out.write_all(b"\"")
}

/// A number with at least `width` digits, of which there are at most 20.
fn write_decimal<W: Write>(mut number: u64, width: usize, out: &mut W) -> Result<(), W::Error> {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        if number == 0 && used >= width {
            break;
        }
        *digit = b'0' | (number % 10) as u8;
        number /= 10;
        used = used.wrapping_add(1);
    }
    out.write_all(digits.get(20_usize.saturating_sub(used)..).unwrap_or_default())
}
