//! Gauges, held against what they should say.

mod counting;
mod definition;
mod definitions;
mod groups;
mod merging;
mod rules;
mod served;
mod support;
mod windows;
mod written;
