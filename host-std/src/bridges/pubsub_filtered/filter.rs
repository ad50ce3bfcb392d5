use core::fmt;

use regex_lite::Regex;
use streamgauge_core::select::{self, HashKey, MAX_RULES, Malformed, Path, Refused, Value, find};

/// The rules for fields, as many and as long as the original takes.
pub(super) type Selection = select::Selection<MAX_RULES, 4096>;

/// Which messages are passed on, and what of them.
#[derive(Debug)]
pub struct Filter {
    selection: Selection,
    expected: Option<Expected>,
    heartbeat: Path<&'static str>,
    key: HashKey,
    summary: Summary,
}

/// A field, and the value or the pattern of it; or both.
type Expected = (Path<String>, Option<String>, Option<Regex>);

/// What became of the messages of the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages that came: the sum of those passed and all kinds of those that were not.
    pub received: u64,
    /// Passed on.
    pub passed: u64,
    /// Not what was expected.
    pub unexpected: u64,
    /// No JSON object, or nested too deep: a field that is to be hidden may be in it.
    pub unreadable: u64,
    /// Longer than a message may be, in the source or here.
    pub too_long: u64,
    /// Messages that never came: the source no longer had them when it was asked again.
    pub missed: u64,
    /// How often the source was lost.
    pub reconnects: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, passed, unexpected, unreadable, too_long, missed, reconnects } = self;
        write!(
            f,
            "received {received}, passed {passed}, not expected {unexpected}, no JSON object {unreadable}, \
             too long {too_long}, lost by the source {missed}, reconnects {reconnects}"
        )
    }
}

impl Filter {
    pub(super) fn new(selection: Selection, expected: Option<Expected>, key: HashKey) -> Self {
        let heartbeat = Path::key("_heartbeat_").expect("a key");
        Self { selection, expected, heartbeat, key, summary: Summary::default() }
    }

    /// What became of the messages so far.
    #[must_use]
    pub const fn summary(&self) -> Summary {
        self.summary
    }

    pub(super) const fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }

    /// Writes what is passed on of a message into `out`, on one line; false when it is not passed on, which is
    /// counted. O(n).
    pub fn pass(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        self.summary.received += 1;
        out.clear();
        let counter = match self.edit(message, out) {
            Ok(()) => &mut self.summary.passed,
            Err(Refused::Unequal) => &mut self.summary.unexpected,
            Err(_) => &mut self.summary.unreadable,
        };
        *counter += 1;
        core::ptr::eq(counter, &self.summary.passed)
    }

    fn edit(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        let [heartbeat] = find(message, &[self.heartbeat]).map_err(Refused::Malformed)?;
        let is_heartbeat = heartbeat.is_some_and(|value| !value.is_null());
        if !is_heartbeat && !self.is_expected(message).map_err(Refused::Malformed)? {
            return Err(Refused::Unequal);
        }
        let Ok(()) = self.selection.apply(message)?.write(&self.key, out);
        // A line is a message for those who read it: where JSON has a line break it may have a space.
        out.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        Ok(())
    }

    fn is_expected(&self, message: &[u8]) -> Result<bool, Malformed> {
        let Some((path, text, regex)) = &self.expected else { return Ok(true) };
        let [value] = find(message, core::array::from_ref(path))?;
        let is_equal = text.as_ref().is_none_or(|text| value.is_some_and(|value| !value.is_null() && value.is(text)));
        let matches = regex.as_ref().is_none_or(|regex| regex.is_match(&text_of(value)));
        Ok(is_equal && matches)
    }
}

/// What a regular expression sees of a value; nothing of one that is not there.
fn text_of(value: Option<Value<'_>>) -> String {
    match value {
        Some(value) if !value.is_null() => {
            value.text().map_or_else(|| value.raw().to_owned(), |text| text.chars().collect())
        }
        _ => String::new(),
    }
}
