//! Files of settings: what is refused has a line for each thing that is wrong, with its place; what is taken is shown as a
//! file that is taken as well, and says the same.
//!
//! The settings are those of `serve`: `commands::config::readback` has what must be so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::commands::config::readback::is_read_and_shown;

fuzz_target!(|data: &[u8]| is_read_and_shown(data));
