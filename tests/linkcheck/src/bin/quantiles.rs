//! Links only if nothing in `roots::quantiles` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::quantiles::ROOTS);
