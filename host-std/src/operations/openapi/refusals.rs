//! What is answered to requests that are refused, all alike.

use serde_json::{Value, json};
use streamgauge_core::endpoints::Method;

use super::operation::reference;

/// Those that any request may be answered with.
pub(super) const OF_ANY: [u64; 11] = [400, 401, 403, 408, 413, 414, 429, 431, 501, 503, 505];

/// Status, what it says, and a header that belongs to it.
const REFUSALS: [(u64, &str, Option<&str>); 14] = [
    (400, "It is not understood: what is said tells why.", None),
    (401, "With tokens: it has none, or none that counts.", Some("WWW-Authenticate")),
    (403, "With tokens: what it has does not give the right. Or it comes from a page of another origin.", None),
    (404, "There is nothing of that name.", None),
    (408, "Its head or its body took too long.", None),
    (409, "It contradicts what there is.", None),
    (413, "A message, an item or the body is over a limit.", None),
    (414, "Its target is too long.", None),
    (429, "With tokens: a quota is used up.", Some("Retry-After")),
    (431, "Its head is over a limit.", None),
    (501, "This server does not do it.", None),
    (503, "A limit of the server is reached, or something that it needs is away.", Some("Retry-After")),
    (505, "It speaks another version of HTTP.", None),
    (507, "There is no room for it, in memory or on the disk.", None),
];

/// A status as a response of an operation; the answer to HEAD has no body.
pub(super) fn response(status: u64, method: Method) -> Value {
    if method == Method::Head { without_body(status) } else { reference("responses", &status.to_string()) }
}

/// All of them, as components.
pub(super) fn components() -> Value {
    let with_body = |(status, ..): &(u64, &str, Option<&str>)| {
        let mut response = without_body(*status);
        response["content"] = json!({
            "text/plain": { "schema": reference("schemas", "Text") },
            "application/problem+json": { "schema": reference("schemas", "Problem") },
        });
        (status.to_string(), response)
    };
    REFUSALS.iter().map(with_body).collect()
}

fn without_body(status: u64) -> Value {
    let known = REFUSALS.iter().find(|(known, ..)| *known == status);
    let (description, header) = known.map_or(("", None), |(_, description, header)| (*description, *header));
    match header {
        Some(name) => json!({ "description": description, "headers": { name: reference("headers", name) } }),
        None => json!({ "description": description }),
    }
}
