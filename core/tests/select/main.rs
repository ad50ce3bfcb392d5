//! Fields of JSON: found, compared, removed and hashed, against a model of JSON text and against serde_json.

mod cases;
mod generated;
mod text;

use streamgauge_core::select::{HashKey, Path, Refused, Selection, find};
use streamgauge_core::wire::Query;

type Rules = Selection<8, 256>;

fn rules(query: &str) -> Rules {
    Selection::parse(&Query::new(query.as_bytes())).unwrap()
}

fn key() -> HashKey {
    HashKey::new(b"a key of 32 bytes, as it has to.")
}

/// What a subscriber with these rules gets of a message.
fn edited(message: &str, query: &str) -> Result<String, Refused> {
    let mut out = Vec::new();
    rules(query).apply(message.as_bytes())?.write(&key(), &mut out).unwrap();
    Ok(String::from_utf8(out).unwrap())
}

/// What is found at a path.
fn at(message: &str, path: &str) -> Option<String> {
    let [value] = find(message.as_bytes(), &[Path::parse(path).unwrap()]).ok()?;
    value.map(|value| value.raw().to_owned())
}
