//! What a task is given, and what it gives back.

use core::fmt::{self, Display};
use core::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use streamgauge_core::reader::Outcome;

/// The data of an item, on its way through the tasks. Cloning it copies no data.
#[derive(Debug, Clone)]
pub struct Message {
    data: Bytes,
    tries: u32,
    started: Option<Duration>,
}

impl Message {
    pub(super) const fn new(data: Bytes, tries: u32, started: Option<Duration>) -> Self {
        Self { data, tries, started }
    }

    /// Its text: valid JSON, unless preprocessing made something else of it.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// What its JSON says.
    ///
    /// # Errors
    /// It says something else.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.data)
    }

    /// How often it has been tried, this time included.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// When it was taken for the first time, since the Unix epoch.
    #[must_use]
    pub const fn started(&self) -> Option<Duration> {
        self.started
    }

    /// The same with other data.
    #[must_use]
    pub fn with_data(self, data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), ..self }
    }
}

/// How a task has ended, and why.
#[derive(Debug)]
pub struct Report {
    /// What follows from it.
    pub outcome: Outcome,
    /// What was wrong, for the log.
    pub reason: Option<String>,
}

impl Report {
    pub(super) const fn failed(reason: String) -> Self {
        Self { outcome: Outcome::Failed, reason: Some(reason) }
    }
}

/// What a task may return: `()` and true are success, false and an error are failure, and an [`Outcome`] says
/// it all.
pub trait IntoReport {
    /// What it means.
    fn into_report(self) -> Report;
}

impl IntoReport for Report {
    fn into_report(self) -> Report {
        self
    }
}

impl IntoReport for Outcome {
    fn into_report(self) -> Report {
        Report { outcome: self, reason: None }
    }
}

impl IntoReport for () {
    fn into_report(self) -> Report {
        Outcome::Done.into_report()
    }
}

impl IntoReport for bool {
    fn into_report(self) -> Report {
        if self { Outcome::Done } else { Outcome::Failed }.into_report()
    }
}

impl<T: IntoReport, E: Display> IntoReport for Result<T, E> {
    fn into_report(self) -> Report {
        self.map_or_else(|error| Report::failed(error.to_string()), T::into_report)
    }
}

/// What preprocessing and validation say of data that they can't judge.
#[derive(Debug)]
pub struct Refusal(String);

impl<E: Display> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Refusal {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// The text of a panic.
pub(super) struct Panicked(pub(super) Box<dyn core::any::Any + Send>);

impl Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.downcast_ref::<&str>().copied();
        let text = text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str));
        write!(f, "panicked: {}", text.unwrap_or("no text"))
    }
}
