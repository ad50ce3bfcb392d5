//! Signed tokens, and files of keys: no text is a good token where nobody has the keys' other halves.
//!
//! The input is a token; or a line that is a file of keys, and then a token for these.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::hostile_rights::no_text_is_a_good_token;

fuzz_target!(|text: &[u8]| no_text_is_a_good_token(text));
