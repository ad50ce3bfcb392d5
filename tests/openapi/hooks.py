"""What schemathesis has to keep to: requests that end, and answers that it can read."""

import itertools
import json

import schemathesis

# What is refused, and what several verbs answer, has two forms.
ACCEPT = itertools.cycle(["*/*", "application/json"])


@schemathesis.hook
def before_call(context, case, kwargs):
    query = dict(case.query or {})
    if case.path == "/sub":
        # A stream that nobody follows ends, unless the times between its messages are kept.
        query["follow"] = "0"
        query.pop("speed", None)
        # Lines are no JSON, whatever the original calls them.
        query.pop("multipart", None)
    if "wait" in query:
        query["wait"] = "0.01"
    case.query = query
    case.headers = {**(case.headers or {}), "Accept": next(ACCEPT)}


@schemathesis.deserializer("application/x-ndjson")
def lines_of_json(context, response):
    return [json.loads(line) for line in response.content.splitlines()]


@schemathesis.deserializer("text/event-stream")
def events(context, response):
    # Messages may be any bytes.
    return response.content.decode(errors="replace")
