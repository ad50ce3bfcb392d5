//! Links only if nothing in `roots::decimal` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::decimal::ROOTS);
