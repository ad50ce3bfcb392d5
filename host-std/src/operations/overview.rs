//! How much of its bounds a server uses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::server::Refused;
use crate::terminal::json;

/// Something that has a bound, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) bytes: u64,
    pub(crate) most: u64,
}

/// What can be said of a server as a whole in a few numbers.
#[derive(Debug)]
pub(crate) struct Overview {
    /// Since it began.
    pub(crate) up: Duration,
    /// What topics, queues and gauges hold of `--memory`.
    pub(crate) memory: Used,
    /// What is kept, of `--disk`; `None` if nothing is.
    pub(crate) disk: Option<Used>,
    /// How many requests were refused, by their reasons.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// The last of them, the latest first.
    pub(crate) refusals: Vec<Refused>,
}

impl Overview {
    /// It as JSON.
    pub(crate) fn json(&self) -> String {
        let used = |Used { bytes, most }: Used| format!("{{\"bytes\":{bytes},\"budget\":{most}}}");
        let disk = self.disk.map_or_else(|| "null".to_owned(), used);
        let (version, up) = (env!("CARGO_PKG_VERSION"), self.up.as_secs());
        let mut out = format!(
            "{{\"version\":\"{version}\",\"up\":{up},\"memory\":{},\"disk\":{disk},\"refused\":{{",
            used(self.memory)
        );
        for (number, (reason, count)) in self.refused.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let _ = write!(out, "{comma}\"{reason}\":{count}");
        }
        out.push_str("},\"refusals\":[");
        for (number, refusal) in self.refusals.iter().enumerate() {
            out.push_str(if number > 0 { ",\n " } else { "" });
            out.push_str(&told(refusal));
        }
        out.push_str("]}\n");
        out
    }
}

fn told(refusal: &Refused) -> String {
    let Refused { time, peer, method, path, status, reason, .. } = refusal;
    let (method, path, line) = (json::string(method), json::string(path), json::string(&refusal.line()));
    format!(
        "{{\"time\":\"{time:.3}\",\"peer\":\"{peer}\",\"method\":{method},\"path\":{path},\"status\":{status},\
         \"reason\":\"{reason}\",\"line\":{line}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_disk_says_so() {
        let memory = Used { bytes: 1, most: 2 };
        let (refused, up) = (BTreeMap::from([("busy", 2), ("forbidden", 1)]), Duration::from_millis(3_900));
        let text = |disk| Overview { up, memory, disk, refused: refused.clone(), refusals: Vec::new() }.json();
        let version = env!("CARGO_PKG_VERSION");
        let without = format!(r#"{{"version":"{version}","up":3,"memory":{{"bytes":1,"budget":2}},"disk":null,"#)
            + r#""refused":{"busy":2,"forbidden":1},"refusals":[]}"#;
        assert_eq!(text(None).trim_end(), without);
        assert!(text(Some(Used { bytes: 3, most: 4 })).contains(r#""disk":{"bytes":3,"budget":4}"#));
    }
}
