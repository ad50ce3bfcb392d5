//! What a server answers, described as OpenAPI 3.1 has it.
//!
//! Paths, methods and rights are those of the tables that requests are routed by. What people have to be told beside is in
//! `paths.json`, in a short form, and `components.json`: each method of each path has a description there, and no other
//! has.

mod operation;
mod refusals;
mod settings;

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde_json::{Map, Value, json};
use streamgauge_core::endpoints::{Method, Need, Request, Right, Route, Surface, needs, routes};

pub(crate) use settings::SettingsOf;

use super::Place;
use crate::server::Body;

/// The description, as an answer. It is the same as long as the process is.
pub(crate) fn response() -> Response<Body> {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| (build().0.to_string() + "\n").into());
    let mut response = Response::new(Body::Whole(text.clone()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Where the files of the page are.
const FILES: &str = "/dashboard/";

/// What answers at a path, as the tables have it.
struct Row {
    path: &'static str,
    methods: &'static [Method],
    by_beginning: bool,
    /// Whether HEAD is answered as GET is, but for the body.
    heads: bool,
    /// What who only looks needs, and all others.
    to_look: Access,
    to_change: Access,
    /// Whether GET and HEAD only look.
    only_shows: bool,
}

/// What whoever asks must be allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Public,
    Known,
    Any,
    Right(Right),
}

impl Access {
    const fn of(need: Need) -> Self {
        match need {
            Need::Nothing => Self::Public,
            Need::Known => Self::Known,
            Need::Any(_) => Self::Any,
            Need::Right(right, _) => Self::Right(right),
        }
    }
}

impl Row {
    fn of_route(route: &'static Route) -> Self {
        let &Route { path, methods, by_beginning, heads, only_shows, .. } = route;
        let target = path.replace("{name}", "a");
        let access =
            |method| Access::of(needs(&Request { method, ..Request::new(target.as_bytes()) }, Surface::Everything));
        let (to_look, to_change) = (access(Method::Get), access(Method::Post));
        Self { path, methods, by_beginning, heads, to_look, to_change, only_shows }
    }

    fn of_place((path, place): (&'static str, Place)) -> Self {
        let access = Access::of(place.need());
        let (methods, to_look, to_change) = (place.methods(), access, access);
        let only_shows = methods.contains(&Method::Get);
        Self { path, methods, by_beginning: false, heads: true, to_look, to_change, only_shows }
    }

    /// Where it is described: the files of the page are all alike.
    fn described_at(&self) -> &'static str {
        if self.path.starts_with(FILES) { "/dashboard/{file}" } else { self.path }
    }
}

/// All that is answered.
fn rows() -> impl Iterator<Item = Row> {
    routes(Surface::Everything).map(Row::of_route).chain(Place::all().map(Row::of_place))
}

/// The document, and what does not fit: what is answered and not described, or described and not answered.
fn build() -> (Value, Vec<String>) {
    let (paths, wrong) = paths();
    let mut components = read(include_str!("components.json"));
    components.insert("responses".to_owned(), refusals::components());
    let file = components.get_mut("parameters").and_then(|parameters| parameters.pointer_mut("/file/schema"));
    if let Some(Value::Object(schema)) = file {
        let files = rows().filter_map(|row| row.path.strip_prefix(FILES));
        schema.insert("enum".to_owned(), files.collect());
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "streamgauge",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Realtime streams over plain HTTP, measured as they flow.",
            "description": "Verbs of bitly's simplehttp match by the beginning of the path (`x-by-beginning`), and take GET \
                            and POST alike. Rights (`x-right`) are needed where the server was started with tokens only. \
                            Methods that a path does not have are answered with 405 and `Allow`.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": components,
    });
    (document, wrong)
}

/// What is answered at each path, and what does not fit.
fn paths() -> (Map<String, Value>, Vec<String>) {
    let described = read(include_str!("paths.json"));
    let (mut paths, mut wrong) = (Map::new(), Vec::new());
    for row in rows() {
        let path = row.described_at();
        if paths.contains_key(path) {
            continue;
        }
        let mut item = Map::new();
        for method in row.methods {
            // HEAD is GET, without what is in its answer.
            let named = if *method == Method::Head { Method::Get } else { *method };
            let operation = described.get(path).and_then(Value::as_object).and_then(|by| find(by, named));
            match operation {
                Some((first, short)) => {
                    item.insert(key(*method), operation::describe(&row, *method, named == *method && first, short));
                }
                None => wrong.push(format!("{} {path} is answered, and not described", method.name())),
            }
        }
        for methods in described.get(path).and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            for method in methods.split(',').filter(|method| !item.contains_key(*method)) {
                wrong.push(format!("{method} {path} is described, and not answered"));
            }
        }
        paths.insert(path.to_owned(), item.into());
    }
    for path in described.keys().filter(|path| !paths.contains_key(*path)) {
        wrong.push(format!("{path} is described, and not answered"));
    }
    (paths, wrong)
}

/// What is described for a method, and whether that is the first of several that are alike.
fn find(by_methods: &Map<String, Value>, method: Method) -> Option<(bool, &Value)> {
    let name = key(method);
    by_methods.iter().find_map(|(methods, short)| {
        let at = methods.split(',').position(|one| one == name)?;
        Some((at == 0, short))
    })
}

fn key(method: Method) -> String {
    method.name().to_ascii_lowercase()
}

/// One of the files beside this one, which a test reads too.
fn read(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_answered_is_described_and_nothing_else() {
        let (document, wrong) = build();
        assert_eq!(wrong, [""; 0]);
        let operations = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
        assert_eq!(operations.count(), 85);
    }

    #[test]
    fn what_is_referred_to_is_there_and_all_that_is_there_is_referred_to() {
        let (document, _) = build();
        let mut named = std::collections::BTreeSet::new();
        each_reference(&document, &mut |reference| {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            named.insert(reference.to_owned());
        });
        for kind in ["parameters", "responses", "schemas", "headers"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                let reference = format!("#/components/{kind}/{name}");
                assert!(named.contains(&reference), "{reference} is of no use");
            }
        }
    }

    fn each_reference(value: &Value, each: &mut impl FnMut(&str)) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    each(reference);
                }
                members.values().for_each(|value| each_reference(value, each));
            }
            Value::Array(values) => values.iter().for_each(|value| each_reference(value, each)),
            _ => {}
        }
    }

    #[test]
    fn a_web_socket_is_asked_for_with_get_and_a_topic_may_be_missing_whatever_asks() {
        let (document, _) = build();
        for method in ["get", "post", "head"] {
            let has = |path: &str, status: &str| document["paths"][path][method]["responses"].get(status).is_some();
            assert_eq!([has("/sub", "101"), has("/sub", "426")], [method == "get"; 2], "{method}");
            assert!(has("/sub", "404") && has("/clients", "404"), "{method}");
        }
    }

    #[test]
    fn rights_are_those_of_the_table() {
        let (document, _) = build();
        let right = |path: &str, method: &str| document["paths"][path][method]["x-right"].clone();
        assert_eq!(right("/pub", "post"), "pub");
        assert_eq!(right("/queues/{name}", "get"), "any");
        assert_eq!(right("/queues/{name}", "put"), "admin");
        assert_eq!((right("/stats", "get"), right("/stats", "post")), ("any".into(), "any".into()));
        assert_eq!(right("/livez", "get"), Value::Null);
        let ticket = json!({ "ticket": [] });
        let security = |path: &str| document["paths"][path]["get"]["security"].as_array().unwrap().clone();
        assert!(security("/sub").contains(&ticket) && !security("/get").contains(&ticket));
        assert!(security("/livez").is_empty());
    }
}
