//! One method of one path.

use serde_json::{Map, Value, json};
use streamgauge_core::endpoints::Method;

use super::{Access, Row, refusals};

/// What a method does, from its short description; `is_first` is whether no other with the same one has its name.
pub(super) fn describe(row: &Row, method: Method, is_first: bool, short: &Value) -> Value {
    let mut operation = Map::new();
    let mut insert = |name: &str, value: Value| operation.insert(name.to_owned(), value);
    let id = short["id"].as_str().unwrap_or_default();
    insert("operationId", if is_first { id.into() } else { format!("{id}_by_{}", super::key(method)).into() });
    insert("summary", short["summary"].clone());
    let parameters = items(&short["parameters"]).map(|name| reference("parameters", name));
    insert("parameters", parameters.collect());
    if let (Method::Post | Method::Put, Some(body)) = (method, short.get("body")) {
        insert("requestBody", json!({ "content": content(body) }));
    }
    insert("responses", responses(row, method, short));
    let looks = row.only_shows && matches!(method, Method::Get | Method::Head);
    let access = if matches!(method, Method::Get | Method::Head) { row.to_look } else { row.to_change };
    let (bearer, ticket, nothing) = (json!({ "bearer": [] }), json!({ "ticket": [] }), json!({}));
    insert(
        "security",
        match access {
            Access::Public => json!([]),
            _ if looks => json!([bearer, ticket, nothing]),
            _ => json!([bearer, nothing]),
        },
    );
    match access {
        Access::Right(right) => drop(insert("x-right", right.name().into())),
        Access::Any => drop(insert("x-right", "any".into())),
        Access::Public | Access::Known => {}
    }
    if row.by_beginning {
        insert("x-by-beginning", true.into());
    }
    operation.into()
}

/// What it answers: what is described of it, and what any request may be answered with.
fn responses(row: &Row, method: Method, short: &Value) -> Value {
    let mut responses = Map::new();
    if method == Method::Head && !row.heads {
        responses.insert("200".to_owned(), json!({ "description": "Nothing is looked at." }));
    } else {
        // A WebSocket begins with GET, whatever else is taken.
        let is_of_sockets = |status: &str| matches!(status, "101" | "426");
        for (status, answer) in
            members(&short["answers"]).filter(|(status, _)| method == Method::Get || !is_of_sockets(status))
        {
            responses.insert(status.clone(), response(method, answer));
        }
        for status in short["refuses"].as_array().into_iter().flatten().filter_map(Value::as_u64) {
            responses.insert(status.to_string(), refusals::response(status, method));
        }
    }
    for status in refusals::OF_ANY {
        responses.entry(status.to_string()).or_insert_with(|| refusals::response(status, method));
    }
    responses.into()
}

fn response(method: Method, answer: &Value) -> Value {
    let mut response = Map::from_iter([("description".to_owned(), answer["description"].clone())]);
    if let Some(headers) = answer.get("headers").filter(|_| method != Method::Head) {
        let headers = items(headers).map(|name| (name.to_owned(), reference("headers", name)));
        response.insert("headers".to_owned(), headers.collect());
    }
    if let Some(body) = answer.get("content").filter(|_| method != Method::Head) {
        response.insert("content".to_owned(), content(body));
    }
    response.into()
}

/// Media types, each with its schema.
fn content(body: &Value) -> Value {
    let schema = |schema: &Value| json!({ "schema": reference("schemas", schema.as_str().unwrap_or_default()) });
    members(body).map(|(media_type, named)| (media_type.clone(), schema(named))).collect()
}

pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn items(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
