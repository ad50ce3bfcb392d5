//! Links only if nothing in `roots::engine` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::engine::ROOTS);
