//! The server as a whole.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Paint;
use crate::commands::top::view::View;
use crate::commands::top::watched::{Rate, Watched};
use crate::commands::top::words::{NONE, bytes, count, duration, rate};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, watched: &Watched, view: &View, url: &str, paint: Paint) {
    let width = usize::from(area.width);
    let lines = vec![
        who(watched, view, url, width, paint),
        fitting(bounds(watched, area.width, paint), width),
        fitting(totals(watched, paint), width),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

/// What is told together: all of it, or nothing.
type Told<'v> = Vec<Span<'v>>;

/// What there is room for: half a number would be another one.
fn fitting(told: Vec<Told<'_>>, width: usize) -> Line<'_> {
    let mut line = Line::default();
    for told in told {
        let more = Line::from(told);
        let gap = if line.spans.is_empty() { 0 } else { GAP.len() };
        if line.width() + gap + more.width() <= width {
            line.spans.extend((gap > 0).then(|| Span::raw(GAP)));
            line.spans.extend(more.spans);
        }
    }
    line
}

const GAP: &str = "  ";

/// How the server is stands last, and has its room before all else.
fn who<'v>(watched: &'v Watched, view: &View, url: &'v str, width: usize, paint: Paint) -> Line<'v> {
    let health = watched.health.as_deref().filter(|_| watched.lost.is_none());
    let health = health.map(|health| Span::styled(health, if health == "ok" { paint.well() } else { paint.alarm() }));
    let lost = watched.lost.is_some().then(|| Span::styled("lost", paint.alarm()));
    let held = view.is_held.then(|| Span::styled("held", paint.alarm()));
    let state: Vec<_> = [health, lost, held].into_iter().flatten().collect();
    let taken: usize = state.iter().map(|span| GAP.len() + span.width()).sum();
    let version = watched
        .overview
        .as_ref()
        .map(|overview| Span::raw(format!("version {}  up {}", overview.version, duration(overview.up as f64))));
    let server = [Some(Span::styled("streamgauge", paint.title())), Some(Span::raw(url)), version];
    let mut line = fitting(server.into_iter().flatten().map(|span| vec![span]).collect(), width.saturating_sub(taken));
    line.spans.extend(state.into_iter().flat_map(|span| [Span::raw(GAP), span]));
    line
}

/// How full a budget may be before it stands out.
const HIGH: f64 = 0.9;

fn bounds(watched: &Watched, width: u16, paint: Paint) -> Vec<Told<'static>> {
    let Some(overview) = &watched.overview else { return Vec::new() };
    let mut bounds = Vec::new();
    let bar = usize::from(width / 8);
    for (name, used) in [("memory", Some(overview.memory)), ("disk", overview.disk)] {
        let Some((held, budget)) = used else { continue };
        let part = if budget > 0 { (held as f64 / budget as f64).min(1.0) } else { 0.0 };
        let full = (part * bar as f64).round() as usize;
        let style = if part >= HIGH { paint.alarm() } else { paint.water() };
        bounds.push(vec![
            Span::raw(format!("{name} ")),
            Span::styled("█".repeat(full), style),
            Span::styled("░".repeat(bar - full), paint.quiet()),
            Span::raw(format!(" {} of {}", bytes(held), bytes(budget))),
        ]);
    }
    bounds
}

fn totals(watched: &Watched, paint: Paint) -> Vec<Told<'static>> {
    let sum = |rates: &mut dyn Iterator<Item = &Rate>| {
        rates.filter_map(Rate::last).fold(None, |sum: Option<f64>, rate| Some(sum.unwrap_or(0.0) + rate))
    };
    let (topics, queues) = (&watched.topics, &watched.queues);
    let known = |number: u64| if watched.overview.is_some() { count(number) } else { NONE.to_owned() };
    let told = [
        ("published", rate(sum(&mut topics.values().map(|topic| &topic.into))) + "/s"),
        ("sent", rate(sum(&mut topics.values().map(|topic| &topic.out))) + "/s"),
        ("put", rate(sum(&mut queues.values().map(|queue| &queue.into))) + "/s"),
        ("got", rate(sum(&mut queues.values().map(|queue| &queue.out))) + "/s"),
        ("waiting", known(queues.values().map(|queue| queue.waiting()).sum())),
        ("subscribers", known(topics.values().map(|topic| topic.subscribers).sum())),
    ];
    let told =
        told.into_iter().map(|(name, value)| vec![Span::styled(format!("{name} "), paint.quiet()), value.into()]);
    told.collect()
}
