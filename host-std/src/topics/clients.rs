//! Who subscribes to a topic, and who was sent away, told.

use std::io::Write as _;

use streamgauge_core::engine::{Name, Refusal, Short};
use streamgauge_core::topic::OnLag;

use super::Hub;

impl Hub {
    /// A line for each subscriber of a topic, as the original has it; or what is known of each, as JSON.
    ///
    /// # Errors
    /// There is no such topic, and nobody who uses it makes it.
    pub(crate) fn list_clients(&self, topic: &Name, json: bool) -> Result<Vec<u8>, Refusal> {
        self.shard.may_use(topic)?;
        Ok(if json { self.clients_as_json(topic) } else { self.clients_as_lines(topic) })
    }

    fn clients_as_lines(&self, topic: &Name) -> Vec<u8> {
        let mut text = Vec::new();
        self.for_each_client(topic, |subscriber, account| {
            let unsent = account.unwrap_or_default().bytes_behind;
            let (peer, state) = (subscriber.client.peer, subscriber.state_number());
            let since = subscriber.client.since.strftime("%Y-%m-%d %H:%M:%S");
            let _ = writeln!(text, "{peer} connected at {since}. output buffer size:{unsent} state:{state}");
        });
        if text.is_empty() {
            text.extend_from_slice(b"no /sub connections\n");
        }
        text
    }

    fn clients_as_json(&self, topic: &Name) -> Vec<u8> {
        let mut text = b"{\"clients\":[".to_vec();
        let mut before = "";
        self.for_each_client(topic, |subscriber, account| {
            // Who was sent away is no subscriber any more, though its last words may be on their way.
            let Some(account) = account else { return };
            let (peer, name) = (subscriber.client.peer, escaped(&subscriber.name()));
            let since = subscriber.client.since.strftime(TIME);
            let plan = subscriber.plan.as_ref();
            let policy = match plan.map_or(OnLag::Kick, |plan| plan.on_lag) {
                OnLag::Kick => "kick",
                OnLag::Skip => "skip",
                OnLag::Latest => "latest",
                OnLag::Block(_) => "block",
            };
            let blocked = plan.map_or(0.0, |plan| plan.blocked());
            let _ = write!(
                text,
                "{before}{{\"peer\":\"{peer}\",\"name\":\"{name}\",\"since\":\"{since}\",\"policy\":\"{policy}\",\
                 \"published\":{},\"sent\":{},\"lag_messages\":{},\"lag_bytes\":{},\"missed\":{},\"skipped\":{},\
                 \"sampled\":{},\"filtered\":{},\"blocked\":{blocked:.3}}}",
                account.published,
                account.received,
                account.pending,
                account.bytes_behind,
                account.lagged,
                account.skipped,
                account.sampled_out,
                account.filtered,
            );
            before = ",\n";
        });
        text.extend_from_slice(b"],\n\"sent_away\":[");
        before = "";
        self.for_each_sent_away(topic, |one| {
            let (peer, name, at, pending) = (one.peer, escaped(&one.name), one.at.strftime(TIME), one.pending);
            let _ = write!(
                text,
                "{before}{{\"peer\":\"{peer}\",\"name\":\"{name}\",\"at\":\"{at}\",\"reason\":\"too slow\",\
                 \"lag_bytes\":{pending}}}"
            );
            before = ",\n";
        });
        text.extend_from_slice(b"]}\n");
        text
    }
}

const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

/// What a client calls itself, for the inside of a JSON string.
fn escaped(name: &Short<64>) -> String {
    let mut text = String::new();
    for char in String::from_utf8_lossy(name.as_bytes()).chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            char if char.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => text.push(char),
        }
    }
    text
}
