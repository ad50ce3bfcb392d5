//! Settings of topics, queues and gauges by their names, which the core knows only one at a time.

use serde_json::Value;

use super::read;
use crate::terminal::meant::{meant, nearest};

/// What has settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingsOf {
    Topic,
    Queue,
    Gauge,
}

impl SettingsOf {
    const fn schema(self) -> &'static str {
        match self {
            Self::Topic => "TopicSettings",
            Self::Queue => "QueueSettings",
            Self::Gauge => "GaugeDefinition",
        }
    }

    /// The end of a line that says that there is no setting of some name: which one may have been meant. Nothing behind
    /// other lines.
    pub(crate) fn meant(self, line: &str) -> String {
        let unknown = line.split_once("there is no setting \"").and_then(|(_, rest)| rest.split_once('"'));
        let Some((unknown, within)) = unknown else { return String::new() };
        let components = read(include_str!("components.json"));
        let pointer = match within.trim_end().strip_prefix(" in ") {
            None => format!("/{}", self.schema()),
            Some("when") => "/Rule".to_owned(),
            Some(object) => format!("/{}/properties/{object}", self.schema()),
        };
        let schema = components.get("schemas").and_then(|schemas| schemas.pointer(&pointer));
        meant(nearest(unknown, schema.map(members).unwrap_or_default().into_iter()))
    }
}

/// The members of what a schema describes, whichever form of it they are in.
fn members(schema: &Value) -> Vec<&str> {
    let forms = schema.get("anyOf").and_then(Value::as_array);
    let each = forms.map_or(std::slice::from_ref(schema), Vec::as_slice).iter();
    let each = each.filter_map(|form| form.get("properties")?.as_object());
    each.flat_map(|members| members.keys().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_named_wherever_the_line_stands() {
        for (settings, line, end) in [
            (SettingsOf::Queue, "there is no setting \"leas\"", ": did you mean lease?"),
            (
                SettingsOf::Queue,
                "http://a/queues/b answered 400: there is no setting \"max_dept\"",
                ": did you mean max_depth?",
            ),
            (SettingsOf::Topic, "there is no setting \"byte\"\n", ": did you mean bytes?"),
            (SettingsOf::Topic, "there is no setting \"leas\"", ""),
            (SettingsOf::Gauge, "there is no setting \"measur\"", ": did you mean measure?"),
            (SettingsOf::Gauge, "there is no setting \"bin\" in histogram", ": did you mean bins?"),
            (SettingsOf::Gauge, "there is no setting \"treshold\" in change", ": did you mean threshold?"),
            (SettingsOf::Gauge, "there is no setting \"unti\" in when", ": did you mean until?"),
            (SettingsOf::Gauge, "field must be a path", ""),
        ] {
            assert_eq!(settings.meant(line), end, "{line}");
        }
    }
}
