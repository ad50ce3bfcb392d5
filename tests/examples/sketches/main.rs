//! Bytes, time and errors of streamgauge's sketches and of other crates', on the same streams:
//! `cargo run --release -p streamgauge-tests --example sketches`.
//!
//! With a folder as its argument it also writes the streams there, for `tests/references/cost.py` to print the same of
//! libraries for Python.
//!
//! | module | what |
//! | --- | --- |
//! | `cost` | bytes that are held, and nanoseconds of the processor |
//! | `streams` | what is measured |
//! | `table` | how it is printed |
//! | `quantiles`, `distinct`, `frequent` | a table each |

mod cost;
mod distinct;
mod frequent;
mod quantiles;
mod streams;
mod table;

#[global_allocator]
static ALLOCATOR: cost::Counting = cost::Counting;

fn main() -> std::io::Result<()> {
    if let Some(folder) = std::env::args().nth(1) {
        streams::write(folder.as_ref())?;
    }
    quantiles::print();
    distinct::print();
    frequent::print();
    Ok(())
}
