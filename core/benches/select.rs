//! What it costs to find a field in a message and to read the number there, and to write a number.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use streamgauge_core::select::{Number, Path, find};
use streamgauge_core::wire::decimal::Decimal;

fn main() {
    divan::main();
}

/// A click as 1.usa.gov published them, with a user in it.
const CLICK: &str = r#"{ "a": "Mozilla\/5.0 (Windows NT 6.1; WOW64) AppleWebKit\/535.11 (KHTML, like Gecko) Chrome\/17.0.963.78 Safari\/535.11", "c": "US", "nk": 1, "tz": "America\/New_York", "gr": "MA", "g": "A6qOVH", "h": "wfLQtf", "l": "orofrog", "al": "en-US,en;q=0.8", "hh": "1.usa.gov", "r": "http:\/\/www.facebook.com\/l\/7AQEFzjSi\/1.usa.gov\/wfLQtf", "u": "http:\/\/www.ncbi.nlm.nih.gov\/pubmed\/22415991", "t": 1331923247, "hc": 1331822918, "cy": "Danvers", "ll": [ 42.576698, -70.954903 ] }"#;

#[divan::bench(args = ["t", "ll[0]", "none"], max_time = 0.5)]
fn find_one(bencher: Bencher<'_, '_>, path: &str) {
    let paths = [Path::parse(path).unwrap()];
    bencher.counter(BytesCount::of_str(CLICK)).bench_local(|| find(black_box(CLICK.as_bytes()), &paths));
}

#[divan::bench(max_time = 0.5)]
fn find_three(bencher: Bencher<'_, '_>) {
    let paths = ["c", "t", "ll[0]"].map(|path| Path::parse(path).unwrap());
    bencher.counter(BytesCount::of_str(CLICK)).bench_local(|| find(black_box(CLICK.as_bytes()), &paths));
}

/// Of few digits, of a coordinate, of all that an `f64` needs, one that is in the middle of two, and one of 770 digits
/// that is next to such a middle.
const NUMBERS: [&str; 8] = [
    "350",
    "-70.954903",
    "1331923247.25",
    "0.30000000000000004",
    "1.7976931348623157e308",
    "9007199254740993",
    "1.00000000000000011102230246251565404236316680908203125",
    "longest",
];

fn number(name: &str) -> String {
    if name == "longest" { format!("{:.1074}", f64::MIN_POSITIVE.next_down()) + "1" } else { name.to_owned() }
}

#[divan::bench(args = NUMBERS, max_time = 0.5)]
fn to_f64(bencher: Bencher<'_, '_>, name: &str) {
    let text = number(name);
    let number = Number::parse(&text).unwrap();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(&number).to_f64());
}

#[divan::bench(args = NUMBERS, max_time = 0.5)]
fn to_f64_by_std(bencher: Bencher<'_, '_>, name: &str) {
    let text = number(name);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(text.as_str()).parse::<f64>());
}

const VALUES: [&str; 5] =
    ["350", "-70.954903", "0.30000000000000004", "1.7976931348623157e308", "2.2250738585072014e-308"];

#[divan::bench(args = VALUES, max_time = 0.5)]
fn shortest(bencher: Bencher<'_, '_>, value: &str) {
    let value: f64 = value.parse().unwrap();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| Decimal::shortest(black_box(value)));
}

#[divan::bench(args = VALUES, max_time = 0.5)]
fn rounded_to_ten(bencher: Bencher<'_, '_>, value: &str) {
    let value: f64 = value.parse().unwrap();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| Decimal::rounded(black_box(value), 10));
}
