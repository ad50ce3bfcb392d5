//! Windows of messages: what rolls along.

use crate::streams;
use crate::support::{gauge, json, take};
use crate::values::{assert_digits, values, whole};

#[test]
fn panes_add_up_to_the_windows_of_river() {
    let Some(values) = values() else { return };
    let reference = &values["windows"];
    let (size, every) = (whole(reference, "size"), whole(reference, "every"));
    let mut gauge = gauge(&format!(r#"{{"measure":"moments","every":"{every} messages","last":"{size} messages"}}"#));
    let mut told = reference["told"].as_array().expect("a list").iter();
    for (number, x) in (1..=2_000_u64).zip(streams::named("bell")) {
        take(&mut gauge, format!("{x:?}"), 0);
        // Only where a pane has just been filled, the window is as long as it says.
        if number >= size && number % every == 0 {
            let reading = json(&mut gauge, 0);
            assert_eq!(whole(&reading, "count"), size);
            // River takes values out again, which leaves what was lost when they came.
            assert_digits(&format!("after {number}"), &reading, told.next().expect("as many windows"), 11.0);
        }
    }
    assert_eq!(told.next(), None);
}
