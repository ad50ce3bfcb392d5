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
    let lines = vec![who(watched, view, url, paint), bounds(watched, area.width, paint), totals(watched, paint)];
    frame.render_widget(Paragraph::new(lines), area);
}

fn who<'v>(watched: &'v Watched, view: &'v View, url: &'v str, paint: Paint) -> Line<'v> {
    let mut line = vec![Span::styled("streamgauge", paint.title()), Span::raw(format!("  {url}"))];
    if let Some(overview) = &watched.overview {
        let up = duration(overview.up as f64);
        line.push(Span::raw(format!("  version {}  up {up}", overview.version)));
    }
    if let Some(health) = watched.health.as_deref().filter(|_| watched.lost.is_none()) {
        line.push(Span::raw("  "));
        line.push(Span::styled(health, if health == "ok" { paint.well() } else { paint.alarm() }));
    }
    if watched.lost.is_some() {
        line.push(Span::styled("  lost", paint.alarm()));
    }
    if view.is_held {
        line.push(Span::styled("  held", paint.alarm()));
    }
    Line::from(line)
}

/// How full a budget may be before it stands out.
const HIGH: f64 = 0.9;

fn bounds(watched: &Watched, width: u16, paint: Paint) -> Line<'static> {
    let Some(overview) = &watched.overview else { return Line::default() };
    let mut line = Vec::new();
    let bar = usize::from(width / 8);
    for (name, used) in [("memory", Some(overview.memory)), ("disk", overview.disk)] {
        let Some((held, budget)) = used else { continue };
        let part = if budget > 0 { (held as f64 / budget as f64).min(1.0) } else { 0.0 };
        let full = (part * bar as f64).round() as usize;
        let style = if part >= HIGH { paint.alarm() } else { paint.water() };
        line.push(Span::raw(format!("{name} ")));
        line.push(Span::styled("█".repeat(full), style));
        line.push(Span::styled("░".repeat(bar - full), paint.quiet()));
        line.push(Span::raw(format!(" {} of {}  ", bytes(held), bytes(budget))));
    }
    Line::from(line)
}

fn totals(watched: &Watched, paint: Paint) -> Line<'static> {
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
    let told = told
        .into_iter()
        .flat_map(|(name, value)| [Span::styled(format!("{name} "), paint.quiet()), Span::raw(format!("{value}  "))]);
    Line::from(told.collect::<Vec<_>>())
}
