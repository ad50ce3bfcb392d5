//! Links only if nothing in `roots::distinct` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::distinct::ROOTS);
