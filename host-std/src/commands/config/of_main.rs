//! What is said of `main`, where that was there before this process: in a folder, or in the process before this one.

use streamgauge_core::engine::Name;

use crate::engine::memory::{self, Inventory};
use crate::operations::configuration::{Configuration, Origin};

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OfMain {
    /// Settings of the queue, to be put: what somebody has said, and is not so.
    pub(super) put: Option<Vec<u8>>,
    /// What can't be so, a line each.
    pub(super) stays: Vec<String>,
}

impl OfMain {
    /// What is to be done so that what there is has the settings that somebody has said. Nobody has said the defaults: what
    /// was changed meanwhile stays.
    pub(super) fn of(configuration: &Configuration, wanted: &memory::Settings, there: &Inventory) -> Self {
        let is_said = |flag: &str| configuration.origin_of(flag) != Origin::Default;
        let main = |name: &Name| *name == Name::MAIN;
        let queue = there.queues.iter().find(|(name, _)| main(name)).map(|(_, settings)| settings);
        let topic = there.topics.iter().find(|(name, _)| main(name)).map(|(_, settings)| settings);
        let (mut members, mut stays) = (Vec::new(), Vec::new());
        if let (Some(wanted), Some(has)) = (&wanted.main_queue, queue) {
            let most = |most: Option<u64>| most.map_or("null".to_owned(), |most| most.to_string());
            let name = |name: Option<Name>| name.map_or("null".to_owned(), |name| format!("\"{name}\""));
            for (flag, member, wanted, has) in [
                ("max-depth", "max_depth", most(wanted.max_depth), most(has.max_depth)),
                ("max-bytes", "max_bytes", most(wanted.max_bytes), most(has.max_bytes)),
                ("no-bridge", "topic", name(wanted.topic), name(has.topic)),
            ] {
                if is_said(flag) && wanted != has {
                    members.push(format!("\"{member}\":{wanted}"));
                }
            }
        }
        let bytes = [
            ("queue-bytes", "queue", wanted.main_queue.zip(queue).map(|(wanted, has)| (wanted.bytes, has.bytes))),
            ("log-bytes", "topic", wanted.main_topic.zip(topic).map(|(wanted, has)| (wanted.bytes, has.bytes))),
        ];
        for (flag, kind, bytes) in bytes {
            if let Some((wanted, has)) = bytes.filter(|(wanted, has)| is_said(flag) && wanted != has) {
                stays.push(format!(
                    "--{flag} {wanted} is for a {kind} that is made: the {kind} main is there, and keeps its {has} bytes \
                     (streamgauge {kind} remove main, and another start, make another one)"
                ));
            }
        }
        let put = (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")).into_bytes());
        Self { put, stays }
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

    #[test]
    fn only_what_somebody_has_said_and_is_not_so_is_put() {
        let queue = QueueSettings { bytes: 1_000, max_depth: Some(3), topic: None, ..QueueSettings::DEFAULT };
        let topic = TopicSettings { bytes: 2_000, ..TopicSettings::DEFAULT };
        let (queues, topics) = (vec![(Name::MAIN, queue)], vec![(Name::MAIN, topic)]);
        let there = Inventory { queues, topics, ..Inventory::default() };
        let of = |file: &str, queue: QueueSettings| {
            let read = Configuration::of::<serve::Options>(&Sources::default(), Some(("f", file.as_bytes())));
            let mut wanted = gateway::Settings::new(Surface::Everything).engine;
            (wanted.main_queue, wanted.main_topic) = (Some(queue), Some(TopicSettings { bytes: 9, ..topic }));
            OfMain::of(&read.unwrap(), &wanted, &there)
        };
        let others = QueueSettings { bytes: 7, max_depth: None, max_bytes: Some(5), topic: Some(Name::MAIN), ..queue };
        assert_eq!(of("", others), OfMain { put: None, stays: Vec::new() });
        let said = "[server]\nmax-depth = 1\nmax-bytes = 1\nno-bridge = true\n";
        assert_eq!(of(said, queue).put, None);
        let put = of(said, others).put.unwrap();
        assert_eq!(String::from_utf8(put).unwrap(), r#"{"max_depth":null,"max_bytes":5,"topic":"main"}"#);
        let stays = of("[server]\nqueue-bytes = 7\nlog-bytes = 9\n", others).stays;
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
}
