//! Records of a real stream.

use std::fs;
use std::path::PathBuf;

use crate::needs;

/// Half an hour's clicks on short links to US government sites, or something like them.
///
/// # Panics
/// Where [`needs::data`] does, or the file can't be read.
pub fn clicks() -> Vec<String> {
    let text = file().map_or_else(generated, |file| fs::read_to_string(file).expect("clicks"));
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The file that has the real ones, where it is.
///
/// # Panics
/// Where [`needs::data`] does.
pub fn file() -> Option<PathBuf> {
    needs::data().map(|folder| folder.join("usagov-clicks.jsonl"))
}

fn generated() -> String {
    let click = |i: usize| {
        let agent =
            ["Mozilla\\/5.0 (Windows NT 6.1; WOW64)", "GoogleMaps\\/RochesterNY", "ünïcode + 100% & \\\"more\\\""]
                [i % 3];
        format!(
            "{{ \"a\": \"{agent}\", \"nk\": {}, \"t\": {}, \"ll\": [ 42.576698, -{i}.954903 ] }}\n",
            i % 2,
            1_331_923_247 + i
        )
    };
    (0..1800).map(click).collect()
}
