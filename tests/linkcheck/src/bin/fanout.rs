//! Links only if nothing in `roots::fanout` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::fanout::ROOTS);
