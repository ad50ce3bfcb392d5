//! Links only if nothing in `roots::serve` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::serve::ROOTS);
