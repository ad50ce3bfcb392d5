//! Gauges, held against what they should say.

mod counting;
mod definition;
mod definitions;
mod forged;
mod golden;
mod groups;
mod keys;
mod measured;
mod merging;
mod names;
mod rules;
mod served;
mod support;
mod windows;
mod written;
