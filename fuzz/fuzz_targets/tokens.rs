//! The file of tokens: it is read to its end or refused, and what is read is written as it would be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::hostile_rights::tokens_are_read_again;

fuzz_target!(|text: &str| tokens_are_read_again(text));
