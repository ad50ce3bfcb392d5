//! One message after another, the same ones from the same seed.

use std::io::Write as _;

use streamgauge_core::generate::{Distribution, Rng, Zipf};

use super::Clicks;

/// A stream of messages. It never ends.
#[derive(Debug)]
pub struct Source {
    rng: Rng,
    what: What,
    /// What stands before and behind each number.
    frame: (Vec<u8>, &'static [u8]),
}

#[derive(Debug)]
enum What {
    /// Wider than what the first may be, so that the next is always one more.
    Count(i128),
    Numbers(Distribution),
    Clicks(Box<Clicks>),
    Graph(Zipf),
}

impl Source {
    pub(super) fn count(first: i64, field: Option<&str>) -> Self {
        Self { frame: frame(field), ..Self::new(0, What::Count(first.into())) }
    }

    pub(super) fn numbers(seed: u64, distribution: Distribution, field: Option<&str>) -> Self {
        Self { frame: frame(field), ..Self::new(seed, What::Numbers(distribution)) }
    }

    pub(super) fn clicks(clicks: Clicks) -> Self {
        Self::new(0, What::Clicks(Box::new(clicks)))
    }

    pub(super) fn graph(seed: u64, nodes: u64, exponent: f64) -> Self {
        Self::new(seed, What::Graph(Zipf::new(nodes, exponent)))
    }

    fn new(seed: u64, what: What) -> Self {
        Self { rng: Rng::new(seed), what, frame: frame(None) }
    }

    /// Appends the next message to `out`, without a newline.
    ///
    /// Numbers are as short as they can be without losing a bit.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        let (before, behind) = &self.frame;
        out.extend_from_slice(before);
        // Writing into a `Vec` does not fail.
        let _ = match &mut self.what {
            What::Count(next) => {
                let number = *next;
                *next += 1;
                write!(out, "{number}")
            }
            What::Numbers(distribution) => match distribution.sample_integer(&mut self.rng) {
                Some(integer) => write!(out, "{integer}"),
                None => {
                    let number = distribution.sample(&mut self.rng);
                    // JSON has no infinity, into which a heavy tail may overflow.
                    write!(out, "{}", Shortest(number.clamp(f64::MIN, f64::MAX)))
                }
            },
            What::Clicks(clicks) => {
                clicks.write(out);
                Ok(())
            }
            What::Graph(nodes) => {
                let (from, to) = (nodes.sample(&mut self.rng), nodes.sample(&mut self.rng));
                write!(out, "{{\"from\": \"n{from}\", \"to\": \"n{to}\"}}")
            }
        };
        out.extend_from_slice(behind);
    }
}

fn frame(field: Option<&str>) -> (Vec<u8>, &'static [u8]) {
    match field {
        Some(name) => (format!("{{{}: ", serde_json::Value::from(name)).into_bytes(), b"}"),
        None => (Vec::new(), b""),
    }
}

/// A finite number as JSON, with an exponent where its digits would be many zeros.
struct Shortest(f64);

impl core::fmt::Display for Shortest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0.abs() {
            0.0 | 1e-5..1e17 => write!(f, "{}", self.0),
            _ => write!(f, "{:e}", self.0),
        }
    }
}
