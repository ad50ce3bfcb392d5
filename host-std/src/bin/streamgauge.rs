//! `streamgauge`: serves everything by default.
fn main() {}
