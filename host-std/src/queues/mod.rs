//! Queues, as far as they need more than the engine: what becomes of the items that had to leave.
//!
//! | module | idea |
//! | --- | --- |
//! | `overflow` | the file of the items that had to leave, written by a thread of its own |
//! | `rest` | what is still queued when the server ends |

mod overflow;
mod rest;

pub(crate) use overflow::OverflowLog;
pub use overflow::{Format, OverflowSettings};
pub(crate) use rest::leave;
