//! Links only if nothing in `roots::select` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::select::ROOTS);
