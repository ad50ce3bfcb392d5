//! What nobody can guess.

use siphasher::sip::SipHasher24;

/// Random bits from the operating system, some at a time.
#[derive(Debug, Default)]
pub(super) struct Random {
    ready: Vec<u64>,
}

/// Random bits that whoever has the key can draw again: SipHash-2-4 of how many were drawn before, which nobody can
/// foretell who has not (Aumasson and Bernstein 2012).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    key: [u64; 2],
    /// Of what they are drawn for, and how many were.
    count: [u64; 2],
}

impl Drawn {
    /// Of a key, for one thing of many.
    pub(crate) const fn of(key: [u64; 2], number: u64) -> Self {
        Self { key, count: [number, 0] }
    }

    pub(super) fn next(&mut self) -> u64 {
        let [number, count] = self.count;
        self.count = [number, count.wrapping_add(1)];
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..].copy_from_slice(&count.to_le_bytes());
        SipHasher24::new_with_keys(self.key[0], self.key[1]).hash(&bytes)
    }
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
