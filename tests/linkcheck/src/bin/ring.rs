//! Links only if nothing in `roots::ring` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::ring::ROOTS);
