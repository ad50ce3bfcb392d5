//! Fields of JSON messages: found, compared, removed, kept alone, replaced by a hash.
//!
//! | what | does |
//! | --- | --- |
//! | [`Path`] | says where a field is: `user.langs[0]` |
//! | [`find`] | the [`Value`]s at some paths, in one go along the message |
//! | [`Selection`] | the rules of a subscriber: `filter=c:de&drop=ip&hash=user.id` |
//! | [`HashKey`] | what the hashes can't be made without |
//!
//! A message is never taken apart: values are spans of it, and what no rule names is written as it came, byte for byte.
//! Nothing is recursive, and nesting ends at [`DEPTH`] levels. What is no JSON is noticed wherever it stands, and said
//! with an error: nothing is read out of it. serde-json-core would be of no use, since it can panic on what it reads.
//!
//! Where a key comes twice in an object the last one counts, as for most readers of JSON; what is removed or hashed is
//! so everywhere, since the next reader may be of the other kind. Keys are compared as they are meant: `"\u0069p"` is
//! `ip`.
//!
//! ```
//! use streamgauge_core::select::{HashKey, Selection};
//! use streamgauge_core::wire::Query;
//!
//! let mut selection: Selection = Selection::parse(&Query::new(b"filter=c:de&drop=ip"))?;
//! let key = HashKey::new(&[7; 32]);
//! let mut out = Vec::new();
//! let message = br#"{"c": "de", "ip": "192.0.2.1", "t": 1.50}"#;
//! selection.apply(message).unwrap().write(&key, &mut out).unwrap();
//! assert_eq!(out, br#"{"c": "de", "t": 1.50}"#);
//! assert!(selection.apply(br#"{"c": "fr"}"#).is_err());
//! assert_eq!(selection.counters().unequal, 1);
//! # Ok::<(), streamgauge_core::select::BadSelection>(())
//! ```

mod edit;
mod find;
mod hash;
mod number;
mod path;
mod rules;
mod selection;
mod value;
mod walk;

pub use crate::wire::json::{DEPTH, Decode};
pub use find::{Malformed, find, find_all};
pub use hash::HashKey;
pub use number::Number;
pub(crate) use number::Worth;
pub use path::{BadPath, MAX_STEPS, Path};
pub use rules::{BadSelection, MAX_RULES, Verb};
pub use selection::{Counters, Refused, Selected, Selection};
pub use value::{Text, Value};
