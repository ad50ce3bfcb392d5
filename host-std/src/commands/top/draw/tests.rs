//! The whole screen as text: `golden/NAME.txt` is what it has to be, and `STREAMGAUGE_GOLDEN=write` writes it anew.

use core::time::Duration;
use std::collections::BTreeSet;
use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::commands::top::asked::{Answers, Detail, Glance};
use crate::commands::top::view::Key;

fn answers(step: u64) -> Answers {
    let topic = |name: &str, received: u64, sent: u64, subscribers: u64| {
        let counters = json!({"received": received, "sent": sent, "subscribers": subscribers, "messages": 1200 + step,
            "bytes": 250_000, "kicked": 1});
        json!({"name": name, "counters": counters})
    };
    let queue = |name: &str, ready: u64, dead: u64, paused: bool| {
        let counters = json!({"accepted": 1_000 + 12 * step, "delivered": 0, "acked": 10 * step, "ready": ready,
            "delayed": 2, "leased": 3, "dead": dead, "bytes": 4096, "overflow": 0, "paused": paused,
            "oldest": "2026-11-26T13:59:18.500Z"});
        json!({"name": name, "counters": counters})
    };
    Answers {
        overview: json!({"version": "0.1.0", "up": 11_000, "memory": {"bytes": 352_920_336, "budget": 1 << 30},
            "disk": {"bytes": 1_000_000_000, "budget": 1_050_000_000}}),
        ready: json!({"status": "ok", "checks": {}}),
        topics: json!([topic("clicks", 1_500 * step, 4_500 * step, 3), topic("main", 0, 0, 0)]),
        queues: json!([queue("jobs", 40 + step * step, 7, false), queue("letters", 0, 0, true)]),
        gauges: json!([{"name": "latency", "messages": 1_500 * step, "behind": 0, "missed": 0, "bytes": 34_456,
            "definition": {"topic": "clicks", "measure": ["moments", "quantiles"]}}]),
    }
}

/// A server that was watched for some seconds.
fn watched(one: Option<(List, &str, Detail)>) -> Watched {
    let (mut watched, begun) = (Watched::default(), Instant::now());
    for step in 0..8 {
        let one = one.clone().map(|(list, name, detail)| (list, name.to_owned(), detail));
        let (at, time) = (begun + Duration::from_secs(step), "2026-11-26T14:00:00Z".parse().unwrap());
        watched.hear(Glance { answers: answers(step), one, at, time });
    }
    watched
}

fn subscribers() -> Detail {
    let client = |peer: &str, name: &str, lag: u64| {
        json!({"peer": peer, "name": name, "since": "2026-11-26T13:58:00Z", "policy": "kick", "sent": 31_500,
            "lag_messages": lag, "lag_bytes": lag * 200, "missed": 0, "skipped": 4, "blocked": 0.0})
    };
    let away =
        json!({"peer": "10.0.0.9:1", "name": "", "at": "2026-11-26T13:50:00Z", "reason": "too slow", "lag_bytes": 9});
    Detail::Topic(
        json!({"clients": [client("127.0.0.1:49096", "bob", 0), client("[::1]:5", "", 12_000)], "sent_away": [away]}),
    )
}

fn items() -> Detail {
    let item = |state: &str, more: Value| {
        let mut item = json!({"item": 17, "attempt": 2, "state": state, "put": "2026-11-26T13:59:18.500Z"});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    Detail::Queue(vec![
        item("dead", json!({"reason": "no such user", "data": "{\"user\": 1}"})),
        item("leased", json!({"until": "2026-11-26T14:00:20Z", "data": "two\nlines\u{1b}[2J"})),
        item("ready", json!({"data64": "/w=="})),
    ])
}

fn screen(size: (u16, u16), watched: &Watched, view: &View, is_coloured: bool) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let paint = Paint { is_coloured };
    terminal.draw(|frame| all(frame, watched, view, "http://127.0.0.1:8080/", paint)).unwrap();
    terminal
}

fn text(size: (u16, u16), watched: &Watched, view: &View) -> String {
    let terminal = screen(size, watched, view, true);
    let buffer = terminal.backend().buffer();
    let lines = buffer.content().chunks(usize::from(size.0)).map(|row| {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

#[track_caller]
fn golden(name: &str, size: (u16, u16), watched: &Watched, view: &View) {
    let text = text(size, watched, view);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/top/draw/golden").join(format!("{name}.txt"));
    if std::env::var_os("STREAMGAUGE_GOLDEN").is_some_and(|what| what == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} is not what it has to be:\n{text}");
}

fn pressed(keys: &[Key], watched: &Watched) -> View {
    let mut view = View::new();
    for key in keys {
        view.press(*key, watched);
    }
    view
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);

#[test]
fn topics_and_their_subscribers() {
    let watched = watched(Some((List::Topics, "clicks", subscribers())));
    golden("topics_80x24", SMALL, &watched, &View::new());
    golden("topics_120x40", LARGE, &watched, &View::new());
}

#[test]
fn a_narrow_screen_has_fewer_columns() {
    let watched = watched(Some((List::Topics, "clicks", subscribers())));
    for size in [(60, 24), (40, 24), (30, 12)] {
        golden(&format!("narrow_{}x{}", size.0, size.1), size, &watched, &View::new());
    }
}

#[test]
fn no_number_is_another_one_on_a_narrow_screen() {
    let watched = watched(Some((List::Topics, "clicks", subscribers())));
    let words = |width: u16| -> BTreeSet<String> {
        let text = text((width, 24), &watched, &View::new());
        // The last line of what is shown in detail is a sentence.
        let lines = text.lines().filter(|line| !line.starts_with("sent away"));
        let words = lines.flat_map(str::split_whitespace).filter(|word| word.contains(|c: char| c.is_ascii_digit()));
        words.map(str::to_owned).collect()
    };
    let all = words(200);
    // As wide as the first column of what is shown in detail.
    for width in 15..200 {
        let narrow = words(width);
        assert!(narrow.is_subset(&all), "{width}: {:?}", narrow.difference(&all));
    }
}

#[test]
fn a_row_has_room_before_a_heading_of_another_list() {
    let watched = watched(None);
    for (height, keys) in (6..24).flat_map(|height| [(height, &[][..]), (height, &[Key::Next]), (height, &[Key::Back])])
    {
        let shown = text((30, height), &watched, &pressed(keys, &watched));
        assert!(shown.contains("\n› "), "{height} lines, {keys:?}:\n{shown}");
    }
}

#[test]
fn one_is_not_many() {
    let shown = text(SMALL, &watched(None), &View::new());
    assert!(shown.contains("  1 gauge  ") && shown.contains("  2 topics  "), "{shown}");
}

#[test]
fn a_queue_and_its_items() {
    let watched = watched(Some((List::Queues, "jobs", items())));
    golden("queue_80x24", SMALL, &watched, &pressed(&[Key::Next], &watched));
    golden("queue_large_80x24", SMALL, &watched, &pressed(&[Key::Next, Key::Enter], &watched));
}

#[test]
fn a_gauge_and_what_it_measures() {
    let reading = "latency  topic clicks  messages 3\n  count 3  mean 2\n";
    let watched = watched(Some((List::Gauges, "latency", Detail::Gauge(reading.to_owned()))));
    golden("gauge_120x40", LARGE, &watched, &pressed(&[Key::Back], &watched));
}

#[test]
fn a_server_that_never_answered() {
    let mut watched = Watched::default();
    watched.lost = Some("http://127.0.0.1:8080/topics: can't connect: refused".to_owned());
    golden("no_server_80x24", SMALL, &watched, &View::new());
}

#[test]
fn a_server_with_nothing() {
    let mut watched = Watched::default();
    let answers = Answers { topics: json!([]), queues: json!([]), gauges: json!([]), ..answers(0) };
    let time = "2026-11-26T14:00:00Z".parse().unwrap();
    watched.hear(Glance { answers, one: None, at: Instant::now(), time });
    golden("nothing_80x24", SMALL, &watched, &View::new());
}

#[test]
fn a_server_that_is_lost_is_said_and_what_was_known_stays() {
    let mut watched = watched(None);
    watched.lost = Some("connection failed".to_owned());
    let shown = text(SMALL, &watched, &pressed(&[Key::Char('p')], &watched));
    assert!(shown.contains("lost  held") && shown.contains("trying again: connection failed"), "{shown}");
    assert!(shown.contains("clicks") && !shown.contains("  ok"), "{shown}");
}

#[test]
fn a_long_list_shows_where_one_is() {
    let mut watched = watched(None);
    for number in 0..1_000 {
        watched.topics.insert(format!("topic-{number:03}"), Default::default());
    }
    let end = pressed(&[Key::Last], &watched);
    let shown = text(SMALL, &watched, &end);
    assert!(
        shown.contains("› topic-999") && shown.contains("\n  topic-998") && shown.contains("1,002 topics"),
        "{shown}"
    );
    let up = text(SMALL, &watched, &pressed(&[Key::Last, Key::PageUp, Key::PageUp], &watched));
    assert!(up.contains("› topic-979") && up.contains("\n  topic-980"), "{up}");
}

#[test]
fn help_stands_over_it() {
    let watched = watched(None);
    golden("help_80x24", SMALL, &watched, &pressed(&[Key::Char('?')], &watched));
}

#[test]
fn a_prefix_is_shown_and_leaves_names_out() {
    let watched = watched(None);
    let shown = text(SMALL, &watched, &pressed(&[Key::Char('/'), Key::Char('l')], &watched));
    assert!(shown.contains("names that begin with: l▏") && shown.contains("1 of 2 queues"), "{shown}");
    assert!(shown.contains("none whose name begins so") && !shown.contains("\n› clicks"), "{shown}");
}

#[test]
fn without_colours_the_same_is_told_apart() {
    let watched = watched(None);
    for is_coloured in [true, false] {
        let terminal = screen(SMALL, &watched, &View::new(), is_coloured);
        let cells = terminal.backend().buffer().content();
        let coloured = cells.iter().any(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset));
        assert_eq!(coloured, is_coloured);
        for kind in [Modifier::REVERSED, Modifier::BOLD, Modifier::DIM, Modifier::UNDERLINED] {
            assert!(cells.iter().any(|cell| cell.modifier.contains(kind)), "{kind:?}");
        }
    }
}

#[test]
fn no_screen_is_too_small() {
    let watched = watched(Some((List::Topics, "clicks", subscribers())));
    for (width, height) in [(1, 1), (3, 2), (10, 4), (20, 5), (40, 9), (80, 12), (500, 100)] {
        for keys in [&[][..], &[Key::Enter], &[Key::Char('?')], &[Key::Char('/'), Key::Char('z')]] {
            text((width, height), &watched, &pressed(keys, &watched));
        }
    }
}
