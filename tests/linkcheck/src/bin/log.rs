//! Links only if nothing in `roots::log` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::log::ROOTS);
