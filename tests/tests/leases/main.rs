//! Queues that lend their items, over HTTP: workers that fail on the real clicks, and every call with `curl` alone.
//!
//! | module | idea |
//! | --- | --- |
//! | `workers` | two queues on one topic, six workers that fail one time in five, and each record done once on each |
//! | `curl` | a command line of curl, and its answer |
//! | `resources`, `publishing`, `subscribing`, `lending` | a table of the interface each, call by call |
//! | `refusals` | what is refused, in a line for people and in a problem for programs |

mod curl;
mod lending;
mod publishing;
mod refusals;
mod resources;
mod subscribing;
mod workers;
