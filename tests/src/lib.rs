//! What the test binaries of this package share.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
