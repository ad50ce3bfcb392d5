//! Merging from two threads: nothing is left out, nothing is seen half done.

use loom::future::block_on;
use loom::sync::Arc;
use streamgauge_core::shared::{Guarded, Merge, SharedMoments, Slot};

use crate::{Mutex, model, spawn};

/// Count, sum and sum of squares of integers: exact, so any part that goes missing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sums {
    n: u32,
    sum: u32,
    squares: u32,
}

impl Merge for Sums {
    fn merge(&mut self, part: &Self) {
        self.n += part.n;
        self.sum += part.sum;
        self.squares += part.squares;
    }
}

fn of(values: &[u32]) -> Sums {
    let squares = values.iter().map(|x| x * x).sum();
    Sums { n: values.len() as u32, sum: values.iter().sum(), squares }
}

#[test]
fn merges_from_two_threads() {
    model("merges_from_two_threads", Some(4), 6000, || {
        let total = Arc::new(SharedMoments::new(Mutex::new(Guarded::new(of(&[]), [Slot::FREE; 1]))));
        let a = spawn(&total, |total| total.merge(&of(&[1, 2])).unwrap());
        let b = spawn(&total, |total| {
            total.merge(&of(&[3])).unwrap();
            total.merge(&of(&[4, 5])).unwrap();
        });
        let parts = [&[][..], &[1, 2], &[3], &[1, 2, 3], &[3, 4, 5], &[1, 2, 3, 4, 5]];
        let now = total.snapshot();
        assert!(parts.iter().any(|part| of(part) == now), "{now:?}");
        let all = block_on(total.wait_for(|sums| (sums.n >= 5).then(|| sums.clone())));
        assert_eq!(all, Ok(of(&[1, 2, 3, 4, 5])));
        a.join().unwrap();
        b.join().unwrap();
    });
}

#[test]
fn merge_against_close() {
    model("merge_against_close", None, 250, || {
        let total = Arc::new(SharedMoments::new(Mutex::new(Guarded::new(of(&[]), [Slot::FREE; 1]))));
        let merging = spawn(&total, |total| total.merge(&of(&[1])).is_ok());
        let waiting = spawn(&total, |total| block_on(total.wait_for(|sums| (sums.n > 0).then_some(()))).is_ok());
        total.close();
        let (merged, seen) = (merging.join().unwrap(), waiting.join().unwrap());
        assert_eq!(total.snapshot(), if merged { of(&[1]) } else { of(&[]) });
        // Nobody sees what was refused; but one who looked before may miss what was taken.
        assert!(merged || !seen);
    });
}
