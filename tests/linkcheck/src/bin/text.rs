//! Links only if nothing in `roots::text` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::text::ROOTS);
