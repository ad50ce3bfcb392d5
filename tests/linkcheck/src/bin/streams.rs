//! Links only if nothing in `roots::streams` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::streams::ROOTS);
