//! Queues, as far as they need more than the engine: what becomes of the items that had to leave.
//!
//! | module | idea |
//! | --- | --- |
//! | `overflow` | the file of the items that had to leave, written by a thread of its own |

mod overflow;

pub(crate) use overflow::OverflowLog;
pub use overflow::{Format, OverflowSettings};
