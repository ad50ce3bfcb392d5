//! Links only if nothing in `roots::journal` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::journal::ROOTS);
