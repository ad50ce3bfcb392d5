//! Links only if nothing in `roots::change` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::change::ROOTS);
