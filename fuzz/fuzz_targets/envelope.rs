//! The envelope of a reader's item as serde_json reads it; and what is written for another try reads back as it was.
#![no_main]

use core::time::Duration;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use streamgauge_core::reader::{Envelope, Malformed, Outcome, Policy, Reader, Step, Task};

const NOW: Duration = Duration::from_secs(1_331_923_247);
const DUE: Duration = Duration::new(1_331_923_337, 250_000_000);
const MEMBERS: [&str; 5] = ["data", "tries", "retry_on", "started", "tasks_left"];

fuzz_target!(|data: &[u8]| {
    let ours = Envelope::parse(data, NOW);
    // serde does not look at the text of a string that it ignores.
    let is_json = core::str::from_utf8(data).is_ok() && read::<serde::de::IgnoredAny>(data).is_some();
    assert_eq!(!matches!(ours, Err(Malformed::NotJson)), is_json);
    // Halves of surrogate pairs are JSON, but no text that serde could hold.
    let Some(value) = read::<Value>(data) else { return };
    let model = model(&value);
    let ours = match (ours, model) {
        (Ok(ours), Ok(model)) => {
            assert_eq!(parse(ours.data()), *model.data);
            assert!(model.tries.is_none_or(|tries| is_whole_part(ours.tries(), tries)));
            assert!(model.retry_on.is_none_or(|time| is_near(ours.retry_on().unwrap_or_default(), time)));
            assert!(
                ours.retry_on().is_none_or(|time| !time.is_zero())
                    && (model.retry_on.is_some() || ours.retry_on().is_none())
            );
            match model.started {
                None => assert_eq!(ours.started(), Some(NOW)),
                Some(Value::Number(time)) => assert!(is_near(ours.started().unwrap(), number(time))),
                Some(_) => assert_eq!(ours.started(), None),
            }
            for name in ["a", "b", "c", ""].into_iter().chain(model.left.iter().flatten().copied()) {
                assert_eq!(ours.has_left(name), model.left.as_ref().is_none_or(|left| left.contains(&name)));
            }
            (ours, model)
        }
        (ours, model) => return assert_eq!(ours.err(), model.err()),
    };
    // What would have to be told by the clock of an item that is due in millions of years.
    if ours.0.retry_on().is_none_or(|time| time.as_secs() < 1 << 50) {
        goes_on(data, &value, ours.0.tries(), &ours.1);
    }
});

/// The item after a try in which task `a` was done and task `b` failed.
fn goes_on(item: &[u8], value: &Value, tries: u32, model: &Model<'_>) {
    let (first, second) = (again(item), again(&again(item)));
    let (first, second): (Map<_, _>, Map<_, _>) = (read(&first).unwrap(), read(&second).unwrap());
    assert_eq!(first["data"], *model.data);
    assert_eq!(number_of(&first["tries"]), f64::from(tries.saturating_add(1)));
    assert_eq!(number_of(&first["retry_on"]), DUE.as_secs_f64());
    match model.started {
        Some(started) => assert_eq!(first["started"], *started),
        None => assert!(number_of(&first["started"]) >= NOW.as_secs_f64()),
    }
    let left = match &model.left {
        Some(left) => left.iter().copied().filter(|name| *name != "a").collect(),
        None => vec!["b"],
    };
    assert_eq!(first["tasks_left"], Value::from(left));
    let others = |members: &Map<String, Value>| {
        let mut others = members.clone();
        others.retain(|name, _| !MEMBERS.contains(&name.as_str()));
        others
    };
    let expected = if model.is_envelope { value.as_object().map(others).unwrap_or_default() } else { Map::new() };
    assert_eq!(others(&first), expected);
    // Once it is an envelope nothing but the number of tries changes any more.
    for (name, value) in &second {
        assert!(name == "tries" || first[name] == *value);
    }
    assert_eq!(first.len(), second.len());
}

fn again(item: &[u8]) -> Vec<u8> {
    let mut reader: Reader<_, &str> = Reader::new(Policy::default(), [Task::new("a"), Task::new("b")]).unwrap();
    let due = match reader.handle_item(item, NOW).unwrap() {
        Step::Waiting(due) => due,
        Step::Attempt(_) => NOW,
    };
    let Step::Attempt(mut attempt) = reader.handle_item(item, due).unwrap() else { panic!("it is due") };
    reader.handle_ready(&mut attempt);
    while let Some(task) = reader.poll_task(&attempt) {
        reader.handle_outcome(&mut attempt, task, [Outcome::Done, Outcome::Failed][task]);
    }
    let mut out = Vec::new();
    reader.write(&attempt, Some(DUE), &mut out).unwrap();
    assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
    out
}

struct Model<'a> {
    is_envelope: bool,
    data: &'a Value,
    tries: Option<f64>,
    retry_on: Option<f64>,
    started: Option<&'a Value>,
    left: Option<Vec<&'a str>>,
}

fn model(value: &Value) -> Result<Model<'_>, Malformed> {
    let [data, tries, retry_on, started, tasks_left] = MEMBERS.map(|name| value.as_object()?.get(name));
    let has_all = tries.is_some() && retry_on.is_some() && started.is_some() && tasks_left.is_some();
    let Some(data) = data.filter(|data| has_all || is_truthy(data)) else {
        return Ok(Model {
            is_envelope: false,
            data: value,
            tries: Some(0.0),
            retry_on: None,
            started: None,
            left: None,
        });
    };
    let tries = match tries {
        None => Some(0.0),
        Some(Value::Number(tries)) if !tries.as_str().starts_with('-') => Some(number(tries)),
        Some(_) => return Err(Malformed::BadMember("tries")),
    };
    let retry_on = match retry_on {
        None | Some(Value::Null | Value::Bool(false)) => None,
        Some(Value::Number(time)) => Some(number(time)),
        Some(_) => return Err(Malformed::BadMember("retry_on")),
    };
    let left = match tasks_left {
        None => None,
        Some(Value::Array(names)) => match names.iter().map(Value::as_str).collect() {
            Some(names) => Some(names),
            None => return Err(Malformed::BadMember("tasks_left")),
        },
        Some(_) => return Err(Malformed::BadMember("tasks_left")),
    };
    Ok(Model { is_envelope: true, data, tries, retry_on, started, left })
}

/// What Python takes for true, but that a number counts as it is written: 1e-400 is not 0 here.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(value) => {
            value.as_str().split(['e', 'E']).next().unwrap().contains(|digit| ('1'..='9').contains(&digit))
        }
        Value::String(value) => !value.is_empty(),
        Value::Array(value) => !value.is_empty(),
        Value::Object(value) => !value.is_empty(),
    }
}

/// JSON of any depth; `None` if it isn't, or doesn't fit a `T`.
fn read<'a, T: serde::Deserialize<'a>>(text: &'a [u8]) -> Option<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.disable_recursion_limit();
    let value = T::deserialize(&mut deserializer).ok()?;
    deserializer.end().ok().map(|()| value)
}

fn parse(text: &str) -> Value {
    read(text.as_bytes()).unwrap()
}

fn number(number: &serde_json::Number) -> f64 {
    number.as_str().parse().unwrap()
}

fn number_of(value: &Value) -> f64 {
    value.as_number().map(number).unwrap()
}

/// Whether `ours` is `number` without what is behind the point, where f64 may have rounded up to the next one.
fn is_whole_part(ours: u32, number: f64) -> bool {
    ours == number as u32 || number.fract() == 0.0 && f64::from(ours) + 1.0 == number
}

/// Whether `ours` is that many seconds to the nanosecond, as far as f64 goes; none that are negative.
fn is_near(ours: Duration, seconds: f64) -> bool {
    let most = Duration::MAX.as_secs_f64();
    (ours.as_secs_f64() - seconds.clamp(0.0, most)).abs() <= 2e-9 + seconds.clamp(0.0, most) * 1e-15
}
