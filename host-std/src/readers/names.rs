//! Names for what is put.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Gives names: a queue that remembers them takes what has the same once, however often it is sent.
#[derive(Debug)]
pub(super) struct Names {
    random: u64,
    given: u64,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { random: RandomState::new().build_hasher().finish(), given: 0 }
    }

    /// One that nothing else has.
    pub(super) fn give(&mut self) -> String {
        self.given += 1;
        format!("{:016x}-{}", self.random, self.given)
    }
}
