//! Links only if nothing in `roots::gauge` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::gauge::ROOTS);
