//! The time as answers tell it, written out once a second.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LEN: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();

thread_local! {
    /// A second since 1970, and what it is called.
    static LATEST: RefCell<(u64, [u8; LEN])> = const { RefCell::new((u64::MAX, [0; LEN])) };
}

/// Appends the value of a `date` field.
pub(super) fn write(out: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LATEST.with_borrow_mut(|(second, text)| {
        if *second != now {
            *second = now;
            let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(now)).to_string();
            if date.len() == LEN {
                text.copy_from_slice(date.as_bytes());
            }
        }
        out.extend_from_slice(text);
    });
}
