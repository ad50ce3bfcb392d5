//! Which endpoints a server has.

/// Which endpoints a server has, and whose `/stats` it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Those of a pubsub alone.
    Pubsub,
    /// Those of a queue alone.
    Simplequeue,
    /// All; `/stats` without a name is that of the topic `main`.
    Everything,
    /// All; `/stats` without a name is that of the queue `main`.
    EverythingQueueFirst,
}

impl Surface {
    /// Whether it has topics.
    pub const fn has_topics(self) -> bool {
        !matches!(self, Self::Simplequeue)
    }

    /// Whether it has queues.
    pub const fn has_queues(self) -> bool {
        !matches!(self, Self::Pubsub)
    }

    /// Whether it has gauges.
    pub const fn has_gauges(self) -> bool {
        matches!(self, Self::Everything | Self::EverythingQueueFirst)
    }

    /// Whose `/stats` it is when none is named: that of a queue.
    pub const fn counts_queues(self) -> bool {
        matches!(self, Self::Simplequeue | Self::EverythingQueueFirst)
    }

    /// The paths of the original tools that are answered. All but the exact ones match by their beginning.
    pub const fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Pubsub => &["/pub*", "/sub*", "/stats*", "/clients"],
            Self::Simplequeue => &["/put*", "/get*", "/mget*", "/mput*", "/dump*", "/stats*", "/exit*"],
            Self::Everything | Self::EverythingQueueFirst => {
                &["/pub*", "/sub*", "/clients", "/put*", "/get*", "/mget*", "/mput*", "/dump*", "/stats*", "/exit*"]
            }
        }
    }
}
