//! Links only if nothing in `roots::rate` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::rate::ROOTS);
