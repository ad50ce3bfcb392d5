//! What nobody can guess.

/// Random bits from the operating system, some at a time.
#[derive(Debug, Default)]
pub(super) struct Random {
    ready: Vec<u64>,
}

impl Random {
    /// These first, the last of them before the others.
    #[cfg(any(test, fuzzing))]
    pub(super) fn these(ready: Vec<u64>) -> Self {
        Self { ready }
    }

    pub(super) fn next(&mut self) -> u64 {
        loop {
            if let Some(bits) = self.ready.pop() {
                return bits;
            }
            let mut bytes = [0; 512];
            if let Err(error) = getrandom::fill(&mut bytes) {
                // Nothing that could be guessed is ever given out: whoever asks waits, as for a lock.
                tracing::error!(%error, "the operating system gives no random numbers");
                std::thread::sleep(std::time::Duration::from_millis(100));
                continue;
            }
            self.ready.extend(bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes)));
        }
    }
}
