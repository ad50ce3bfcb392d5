//! Links only if nothing in `roots::endpoints` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::endpoints::ROOTS);
