//! How much of its bounds a server uses.

use std::time::Duration;

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
}

impl Overview {
    /// It as JSON.
    pub(crate) fn json(&self) -> String {
        let used = |Used { bytes, most }: Used| format!("{{\"bytes\":{bytes},\"budget\":{most}}}");
        let disk = self.disk.map_or_else(|| "null".to_owned(), used);
        let (version, up) = (env!("CARGO_PKG_VERSION"), self.up.as_secs());
        format!("{{\"version\":\"{version}\",\"up\":{up},\"memory\":{},\"disk\":{disk}}}\n", used(self.memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_disk_says_so() {
        let memory = Used { bytes: 1, most: 2 };
        let text = |disk| Overview { up: Duration::from_millis(3_900), memory, disk }.json();
        let version = env!("CARGO_PKG_VERSION");
        let without = format!(r#"{{"version":"{version}","up":3,"memory":{{"bytes":1,"budget":2}},"disk":null}}"#);
        assert_eq!(text(None).trim_end(), without);
        assert!(text(Some(Used { bytes: 3, most: 4 })).contains(r#""disk":{"bytes":3,"budget":4}"#));
    }
}
