//! Links only if nothing in `roots::stats` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::stats::ROOTS);
