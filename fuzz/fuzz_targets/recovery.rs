//! A folder that a server has left, with edits: it is read to an end, by a start and by a repair, in no more memory than
//! there may be; and what opens keeps the laws, takes and gives an item, and is the same when it is opened again.
//!
//! The input is a byte that says which folder and edits of it, some of which make the sums right again, as `edits` of
//! `engine::disk::hostile` has them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::hostile_folder::is_read_to_an_end;

fuzz_target!(|data: &[u8]| is_read_to_an_end(data));
