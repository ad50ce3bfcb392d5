//! The core of streamgauge in a browser.
