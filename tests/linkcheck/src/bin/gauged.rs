//! Links only if nothing in `roots::gauged` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::gauged::ROOTS);
