//! Links only if nothing in `roots::reader` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::reader::ROOTS);
