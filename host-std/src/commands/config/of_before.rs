//! What is said of names that were there before this process: in a folder, or in the process before this one.

use std::collections::BTreeMap;

use streamgauge_core::engine::Name;

use crate::engine::memory::{self, Inventory};
use crate::operations::configuration::{Configuration, Origin};

/// What becomes of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OfBefore {
    /// Settings to be put, by the path of what has them: what somebody has said, and is not so; and what no limit allows.
    pub(super) puts: BTreeMap<String, Vec<u8>>,
    /// What somebody has said, and can't be so, a line each.
    pub(super) stays: Vec<String>,
    /// What is as it was before, and nobody says so, a line each.
    pub(super) unsaid: Vec<String>,
}

/// Members of settings that are to be other ones, by their names.
#[derive(Default)]
struct Members(Vec<String>);

impl Members {
    fn set(&mut self, member: &str, value: &str) {
        self.0.push(format!("\"{member}\":{value}"));
    }

    fn put(self, path: String, puts: &mut BTreeMap<String, Vec<u8>>) {
        if !self.0.is_empty() {
            puts.insert(path, format!("{{{}}}", self.0.join(",")).into_bytes());
        }
    }
}

impl OfBefore {
    /// What is to be done so that what there is has the settings that somebody has said. Nobody has said the defaults: what
    /// was changed meanwhile stays, as long as it is within the limits of this process.
    pub(super) fn of(configuration: &Configuration, wanted: &memory::Settings, there: &Inventory) -> Self {
        let is_said = |flag: &str| configuration.origin_of(flag) != Origin::Default;
        let is_declared = configuration.puts().any(|declared| declared.target() == "/queues/main");
        let mut it = Self::default();
        let longest = wanted.defaults.queue.max_item_bytes;
        for (name, has) in &there.queues {
            let (mut members, is_main) = (Members::default(), *name == Name::MAIN);
            if let Some(wanted) = wanted.main_queue.filter(|_| is_main) {
                let most = |most: Option<u64>| most.map_or("null".to_owned(), |most| most.to_string());
                let name = |name: Option<Name>| name.map_or("null".to_owned(), |name| format!("\"{name}\""));
                for (flag, member, wanted, has) in [
                    ("max-depth", "max_depth", most(wanted.max_depth), most(has.max_depth)),
                    ("max-bytes", "max_bytes", most(wanted.max_bytes), most(has.max_bytes)),
                    ("no-bridge", "topic", name(wanted.topic), name(has.topic)),
                ] {
                    if wanted != has && is_said(flag) {
                        members.set(member, &wanted);
                    } else if wanted != has && !is_declared {
                        it.unsaid.push(format!("the queue main has {member} {has} from before: --{flag} is not said"));
                    }
                }
                it.keeps_bytes("queue-bytes", "queue", (wanted.bytes, has.bytes), is_said("queue-bytes"));
            }
            let is_other = is_main && is_said("max-item-bytes") && has.max_item_bytes != longest;
            if is_other || has.max_item_bytes > longest {
                members.set("max_item_bytes", &longest.to_string());
            }
            members.put(format!("/queues/{name}"), &mut it.puts);
        }
        let longest = wanted.defaults.topic.max_message_bytes;
        for (name, has) in &there.topics {
            let (mut members, is_main) = (Members::default(), *name == Name::MAIN);
            if let Some(wanted) = wanted.main_topic.filter(|_| is_main) {
                it.keeps_bytes("log-bytes", "topic", (wanted.bytes, has.bytes), is_said("log-bytes"));
            }
            let is_other = is_main && is_said("max-message-bytes") && has.max_message_bytes != longest;
            if is_other || has.max_message_bytes > longest {
                members.set("max_message_bytes", &longest.to_string());
            }
            members.put(format!("/topics/{name}"), &mut it.puts);
        }
        it
    }

    fn keeps_bytes(&mut self, flag: &str, kind: &str, (wanted, has): (u64, u64), is_said: bool) {
        if is_said && wanted != has {
            self.stays.push(format!(
                "--{flag} {wanted} is for a {kind} that is made: the {kind} main is there, and keeps its {has} bytes \
                 (streamgauge {kind} remove main, and another start, make another one)"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use streamgauge_core::endpoints::Surface;
    use streamgauge_core::engine::{QueueSettings, TopicSettings};

    use super::*;
    use crate::commands::serve;
    use crate::gateway;
    use crate::operations::configuration::Sources;

    fn said(file: &str, queue: QueueSettings, there: &Inventory) -> OfBefore {
        let read = Configuration::of::<serve::Options>(&Sources::default(), Some(("f", file.as_bytes())));
        let mut wanted = gateway::Settings::new(Surface::Everything).engine;
        let topic = TopicSettings { bytes: 9, ..TopicSettings::DEFAULT };
        (wanted.main_queue, wanted.main_topic) = (Some(queue), Some(topic));
        (wanted.defaults.queue.max_item_bytes, wanted.defaults.topic.max_message_bytes) = (1 << 20, 1 << 20);
        OfBefore::of(&read.unwrap(), &wanted, there)
    }

    fn texts(puts: &BTreeMap<String, Vec<u8>>) -> Vec<(&str, &str)> {
        puts.iter().map(|(path, body)| (&**path, std::str::from_utf8(body).unwrap())).collect()
    }

    #[test]
    fn only_what_somebody_has_said_and_is_not_so_is_put() {
        let queue = QueueSettings { bytes: 1_000, max_depth: Some(3), topic: None, ..QueueSettings::DEFAULT };
        let topic = TopicSettings { bytes: 2_000, ..TopicSettings::DEFAULT };
        let (queues, topics) = (vec![(Name::MAIN, queue)], vec![(Name::MAIN, topic)]);
        let there = Inventory { queues, topics, ..Inventory::default() };
        let others = QueueSettings { bytes: 7, max_depth: None, max_bytes: Some(5), topic: Some(Name::MAIN), ..queue };
        let unsaid = said("", others, &there);
        assert_eq!((texts(&unsaid.puts), unsaid.stays), (Vec::new(), Vec::new()));
        assert_eq!(unsaid.unsaid[0], "the queue main has max_depth 3 from before: --max-depth is not said");
        assert_eq!(unsaid.unsaid.len(), 3);
        assert_eq!(said("[queues.main]\nmax_depth = 3\n", others, &there).unsaid, [""; 0]);
        let all = "[server]\nmax-depth = 1\nmax-bytes = 1\nno-bridge = true\n";
        assert_eq!(said(all, queue, &there), OfBefore::default());
        let of_all = said(all, others, &there);
        assert_eq!(texts(&of_all.puts), [("/queues/main", r#"{"max_depth":null,"max_bytes":5,"topic":"main"}"#)]);
        let stays = said("[server]\nqueue-bytes = 7\nlog-bytes = 9\n", others, &there).stays;
        let [queue, topic] = &*stays else { panic!("{stays:?}") };
        assert!(
            queue.starts_with(
                "--queue-bytes 7 is for a queue that is made: the queue main is there, and keeps its 1000"
            )
        );
        assert!(
            topic.starts_with("--log-bytes 9 ")
                && topic.contains("keeps its 2000 bytes (streamgauge topic remove main")
        );
    }

    /// The longest item and message are limits of the process: what was there may have less, and `main` what is said.
    #[test]
    fn nothing_is_over_a_limit_of_this_process() {
        let queue = |most| QueueSettings { topic: Some(Name::MAIN), max_item_bytes: most, ..QueueSettings::DEFAULT };
        let topic = |most| TopicSettings { max_message_bytes: most, ..TopicSettings::DEFAULT };
        let (other, small) = (Name::new(b"other").unwrap(), Name::new(b"small").unwrap());
        let there = Inventory {
            queues: vec![(Name::MAIN, queue(1_000)), (other, queue(2 << 20)), (small, queue(5))],
            topics: vec![(Name::MAIN, topic(2 << 20)), (small, topic(5))],
            ..Inventory::default()
        };
        let unsaid = said("", queue(1_000), &there).puts;
        let lowered =
            [("/queues/other", r#"{"max_item_bytes":1048576}"#), ("/topics/main", r#"{"max_message_bytes":1048576}"#)];
        assert_eq!(texts(&unsaid), lowered);
        let of_said = said("[server]\nmax-item-bytes = '1MiB'\n", queue(1_000), &there).puts;
        assert_eq!(texts(&of_said)[0], ("/queues/main", r#"{"max_item_bytes":1048576}"#));
    }
}
