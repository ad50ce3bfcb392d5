//! Whether a server is alive, and whether it takes requests.

use std::fmt::Write as _;

use streamgauge_core::endpoints::{Response, Status};

use crate::server::preferred;
use crate::terminal::json::string;

/// How something is that a server needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Ok,
    /// Some requests are refused for this reason, and the others are served.
    Limited(String),
    /// All requests are refused.
    Failing(String),
}

/// What a server needs, by name.
#[derive(Debug, Default)]
pub(crate) struct Health(Vec<(&'static str, State)>);

impl Health {
    /// Takes note of how something is.
    pub(crate) fn note(&mut self, name: &'static str, state: State) {
        self.0.push((name, state));
    }

    /// Each of them.
    pub(crate) fn checks(&self) -> impl Iterator<Item = (&'static str, &State)> {
        self.0.iter().map(|(name, state)| (*name, state))
    }

    /// Whether a client would rather have JSON than lines.
    pub(crate) fn is_json_wanted(accept: &[u8]) -> bool {
        let types = ["text/plain", "application/json", "application/problem+json"];
        preferred(accept, types, |media_type| media_type).is_some_and(|media_type| media_type != "text/plain")
    }

    /// The answer, and its body: 503 where nothing is served, as whoever shares requests out has to know. A server that
    /// refuses some is not taken out of use: what is got and acknowledged may be what makes room.
    pub(crate) fn answer(&self, json: bool) -> (Response, Vec<u8>) {
        let worst = self.0.iter().map(|(_, state)| state).max().unwrap_or(&State::Ok);
        let status = if let State::Failing(_) = worst { Status::ServiceUnavailable } else { Status::Ok };
        let mut body = String::new();
        if json {
            let _ = write!(body, "{{\"status\":\"{}\",\"checks\":{{", worst.word());
            for (number, (name, state)) in self.0.iter().enumerate() {
                let comma = if number == 0 { "" } else { "," };
                let _ = write!(body, "{comma}\"{name}\":{{\"status\":\"{}\"", state.word());
                if let Some(why) = state.why() {
                    let _ = write!(body, ",\"why\":{}", string(why));
                }
                body.push('}');
            }
            body.push_str("}}\n");
            return (Response { status, ..Response::JSON }, body.into_bytes());
        }
        let _ = writeln!(body, "{}", worst.word());
        for (name, state) in &self.0 {
            let _ = match state.why() {
                Some(why) => writeln!(body, "{name}: {}: {why}", state.word()),
                None => writeln!(body, "{name}: {}", state.word()),
            };
        }
        (Response::text(status), body.into_bytes())
    }
}

impl State {
    const fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited(_) => "limited",
            Self::Failing(_) => "failing",
        }
    }

    fn why(&self) -> Option<&str> {
        match self {
            Self::Ok => None,
            Self::Limited(why) | Self::Failing(why) => Some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_what_counts_and_each_is_named() {
        let mut health = Health::default();
        let text = |health: &Health, json| {
            let (response, body) = health.answer(json);
            (response.status.code(), String::from_utf8(body).unwrap())
        };
        assert_eq!(text(&health, false), (200, "ok\n".to_owned()));
        health.note("disk", State::Limited("it is \"full\"".to_owned()));
        health.note("engine", State::Ok);
        assert_eq!(text(&health, false), (200, "limited\ndisk: limited: it is \"full\"\nengine: ok\n".to_owned()));
        health.note("stop", State::Failing("it ends".to_owned()));
        let json = r#"{"status":"failing","checks":{"disk":{"status":"limited","why":"it is \"full\""},"engine":{"status":"ok"},"stop":{"status":"failing","why":"it ends"}}}"#;
        assert_eq!(text(&health, true), (503, format!("{json}\n")));
    }
}
