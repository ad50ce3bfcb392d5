//! Links only if nothing in `roots::shared` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::shared::ROOTS);
