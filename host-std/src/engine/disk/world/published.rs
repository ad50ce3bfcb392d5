//! What was published, and has to be there still.

use std::collections::BTreeMap;
use std::time::Duration;

use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;

use super::DEFAULTS;
use crate::engine::disk::files::Folder;
use crate::engine::disk::files::simulated::Simulated;
use crate::engine::disk::history::{Histories, History, Reader};

/// What was published, by topic.
#[derive(Default)]
pub(super) struct Published(BTreeMap<Name, Vec<Message>>);

/// A message that was published, and whether it may have left because of its age.
#[derive(Debug)]
struct Message {
    number: u64,
    at: Time,
    text: Vec<u8>,
    is_old: bool,
}

/// What something did to a topic.
pub(super) enum Change {
    /// It has these messages more, from that number on; and what was as old as it keeps any may have left.
    Changed { topic: Name, first: u64, texts: Vec<String>, at: Time, max_age: Option<Duration> },
    /// It has none any more.
    Removed(Name),
}

impl Published {
    pub(super) fn take(&mut self, change: Change) {
        match change {
            Change::Changed { topic, first, texts, at, max_age } => {
                let messages = self.0.entry(topic).or_default();
                let message = |(number, text): (u64, String)| Message { number, at, text: text.into(), is_old: false };
                messages.extend((first..).zip(texts).map(message));
                let is_old = |message: &Message| max_age.is_some_and(|age| message.at.after(age) <= at);
                messages.iter_mut().for_each(|message| message.is_old |= is_old(message));
            }
            Change::Removed(topic) => drop(self.0.remove(&topic)),
        }
    }

    /// What is kept is the end of what was published, and as much of it as there has to be.
    pub(super) fn is_kept(&self, histories: &Histories, disk: &Simulated) {
        let limit = DEFAULTS.topic.bytes;
        for (topic, published) in &self.0 {
            let Some(history) = histories.of(topic) else {
                assert!(published.iter().all(|message| message.is_old), "{topic}: nothing is kept of {published:?}");
                continue;
            };
            let kept = read(disk, *topic, history);
            let left = published.len().checked_sub(kept.len()).expect("nothing is kept twice");
            let expected: Vec<_> = published[left..].iter().map(|it| (it.number, it.at, it.text.clone())).collect();
            assert_eq!(kept, expected, "{topic}");
            let behind: u64 = expected.iter().map(|(.., text)| text.len() as u64).sum();
            let has_enough = behind >= limit || published[..left].iter().all(|message| message.is_old);
            assert!(has_enough, "{topic}: {left} of {} have left", published.len());
            let oldest = history.extents().next().map_or(0, |extent| extent.bytes);
            assert!(behind - oldest < limit, "{topic}: {behind} bytes are kept");
            let counted: u64 = history.extents().map(|extent| extent.count).sum();
            assert_eq!((counted, history.first()), (kept.len() as u64, kept[0].0));
        }
        assert!(histories.topics().all(|topic| self.0.contains_key(topic)), "what is removed has no history");
    }
}

/// All messages of a topic that are on the disk.
pub(in super::super) fn read(disk: &impl Folder, topic: Name, history: &History) -> Vec<(u64, Time, Vec<u8>)> {
    let (mut reader, mut all) = (Reader::new(topic, history.first()), Vec::new());
    while let Some(extent) = history.at(reader.next()) {
        let chunk = reader.read(disk, &extent, u64::MAX, Time::ZERO);
        let mut number = chunk.first;
        while let Some((at, text)) = chunk.get((number - chunk.first) as usize) {
            all.push((number, at, text.to_vec()));
            number += 1;
        }
    }
    all
}
