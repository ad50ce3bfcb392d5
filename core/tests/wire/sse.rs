//! Server-sent events by the letter of the standard.

use streamgauge_core::wire::sse;

use crate::decoded::{Found, read_events};
use crate::fragments;

#[test]
fn server_sent_events_follow_the_standard() {
    let event = |id: &str, event: &str, data: &str| Found::Event {
        id: id.into(),
        event: event.into(),
        data: data.into(),
        retry: None,
    };
    let cases: [(&str, Vec<Found>); 10] = [
        ("data: a\r\ndata: b\r\n\r\n", vec![event("", "", "a\nb")]),
        ("data\n\ndata\ndata\n\ndata:", vec![event("", "", ""), event("", "", "\n")]),
        ("data:test\r\rdata:  two\r\n\r\n", vec![event("", "", "test"), event("", "", " two")]),
        ("id: 1\ndata: a\n\nid\ndata: b\n\n", vec![event("1", "", "a"), event("", "", "b")]),
        ("id: 1\n\nid: 2\0\ndata: a\n\n", vec![event("1", "", "a")]),
        ("event: e\n\ndata: a\n\n", vec![event("", "", "a")]),
        ("event: e\ndata: a\n\ndata: b\n\n", vec![event("", "e", "a"), event("", "", "b")]),
        ("retry: x\nretry\nDATA: no\ndatax: no\ndata: a\n\n", vec![event("", "", "a")]),
        ("\u{feff}\u{feff}data: no\n\u{feff}data: no\ndata: a\n\n", vec![event("", "", "a")]),
        ("\u{feff}data: a\n\n", vec![event("", "", "a")]),
    ];
    for (stream, expected) in cases {
        for sizes in [vec![], vec![1], vec![3, 2]] {
            let (found, _) = read_events(&fragments(stream.as_bytes(), &sizes), 16);
            assert_eq!(found, expected, "{stream:?}");
        }
    }
}

#[test]
fn an_id_or_a_name_can_add_no_field() {
    let mut sent = Vec::new();
    let message = sse::Message { id: b"1\n2", event: b"a\r\nb\0c", data: b"x", retry: None };
    sse::write_event(&message, &mut sent).unwrap();
    assert_eq!(sent, b"id: 1 2\nevent: a  b c\ndata: x\n\n");
}

#[test]
fn an_event_cut_off_does_not_move_the_last_id() {
    let mut events = sse::Events::new([0; 8]);
    let mut input = &b"id: 1\ndata: a\n\nid: 2\ndata: b\n"[..];
    assert!(events.decode(&mut input).is_some());
    assert!(events.decode(&mut input).is_none());
    assert!(events.reset());
    assert_eq!(events.last_event_id(), b"1");
    assert!(events.decode(&mut &b"\xef\xbb\xbfdata: c\n\n"[..]).is_some());
    assert_eq!(events.last_event_id(), b"1");
}

#[test]
fn what_is_dropped_is_told_and_what_the_next_request_needs_stays() {
    let mut events = sse::Events::new([0; 8]);
    assert!(!events.reset());
    for cut in ["ev", "ev:", "data: a\n", ": comment", "id: 3\ndata"] {
        assert!(events.decode(&mut cut.as_bytes()).is_none());
        assert!(events.reset(), "{cut:?}");
        assert!(!events.reset(), "{cut:?}");
    }
    assert_eq!((events.comments(), events.retry()), (1, None));
    assert!(events.decode(&mut &b": 1\nretry: 250\n: 2\nid: 4\n\n"[..]).is_none());
    events.reset();
    assert_eq!((events.comments(), events.retry(), events.last_event_id()), (3, Some(250), &b"4"[..]));
}

#[test]
fn a_field_too_long_skips_its_event_only() {
    let long = "x".repeat(sse::MAX_FIELD + 1);
    for name in ["id", "event"] {
        let stream = format!("id: 1\ndata: a\n\n{name}: {long}\ndata: b\n\ndata: c\n\n");
        let (found, _) = read_events(&[stream.as_bytes()], 8);
        assert_eq!(found[1], Found::TooLong(65));
        assert!(matches!(&found[2], Found::Event { id, data, .. } if id == b"1" && data == b"c"));
    }
}
