//! Links only if nothing in `roots::generate` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::generate::ROOTS);
