//! Links only if nothing in `roots::topic` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::topic::ROOTS);
