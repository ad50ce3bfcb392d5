//! What is kept on the disk of one machine.
//!
//! | module | idea |
//! | --- | --- |
//! | `journal` | entries on their way to the disk, and the threads that bring them there |
//! | `checkpoint` | what was so at a place in the log |
//! | `files` | the seam to a disk |
//! | `log` | entries that are there after a crash |

mod checkpoint;
mod files;
mod journal;
mod log;

/// Runs a test for many seeds, or for the one that failed.
#[cfg(test)]
fn seeds(test: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let range = match number("STREAMGAUGE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STREAMGAUGE_SEEDS").unwrap_or(10_000),
    };
    for seed in range {
        if std::panic::catch_unwind(|| test(seed)).is_err() {
            panic!("STREAMGAUGE_SEED={seed} runs it again");
        }
    }
}
