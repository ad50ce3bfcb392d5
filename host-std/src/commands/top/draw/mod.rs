//! What is known, as characters.
//!
//! | module | idea |
//! | --- | --- |
//! | here | what stands where |
//! | `paint` | how it is told apart, with colours and without |
//! | `head` | the server as a whole |
//! | `lists` | topics, queues and gauges, a row each |
//! | `columns` | which columns there are, and how wide they are |
//! | `detail` | the one that is looked at |

mod columns;
mod detail;
mod head;
mod lists;
mod paint;

pub(super) use columns::columns;
pub(super) use lists::cell;
pub(super) use paint::Paint;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::view::{List, View};
use super::watched::Watched;

/// Lines that no list has.
const HEAD: u16 = 3;
const FOOT: u16 = 1;
/// Lines of a list beside its rows.
const HEADING: u16 = 1;
/// Lines of all lists with a row each.
const LISTS: u16 = 3 * (HEADING + 1);
/// Lines of what is shown in detail, at least, where lists have theirs.
const DETAIL: u16 = 5;
/// Lines of the list that is left where one has most of the screen.
const LARGE: u16 = 5;

const KEYS: &str = "arrows move  Tab list  Enter detail  s sort  / filter  p hold  ? help  q quit";

const HELP: [&str; 11] = [
    "arrows, j and k     up and down; page, g and G: further",
    "Tab, Shift-Tab      the next list, the one before",
    "Enter               more or less of the one that is looked at",
    "s                   sort the list by something else",
    "/                   only names that begin so; Enter ends it",
    "Esc                 less detail; all names again",
    "p                   hold: the server is not asked any more",
    "q, Ctrl-C           quit",
    "",
    "in/s, out/s: of a topic what is published and sent, of a",
    "queue what is accepted, and acknowledged or given away.",
];

/// Draws everything.
pub(super) fn all(frame: &mut Frame<'_>, watched: &Watched, view: &View, url: &str, paint: Paint) {
    let area = frame.area();
    let rows = |y: u16, height: u16| Rect::new(0, y, area.width, height).intersection(area);
    head::draw(frame, rows(0, HEAD), watched, view, url, paint);
    frame.render_widget(foot(watched, view, paint), rows(area.height.saturating_sub(FOOT), FOOT));
    let body = area.height.saturating_sub(HEAD + FOOT);
    if watched.overview.is_none() && watched.topics.is_empty() && watched.queues.is_empty() {
        let text = watched.lost.as_ref().map_or("asking the server …", |_| "No server has answered yet.");
        frame.render_widget(Paragraph::new(text).centered(), rows(HEAD + body / 2, 1));
    } else {
        let detail = if view.is_large {
            body.saturating_sub(LARGE)
        } else {
            (body / 3).max(DETAIL).min(body.saturating_sub(LISTS))
        };
        let mut y = HEAD;
        for (list, height) in List::ALL.into_iter().zip(shares(body - detail, watched, view)) {
            lists::draw(frame, rows(y, height), list, watched, view, paint);
            y += height;
        }
        // What lists don't need is there for the one that is looked at.
        detail::draw(frame, rows(y, (HEAD + body).saturating_sub(y)), watched, view, paint);
    }
    if view.is_help {
        help(frame, area, paint);
    }
}

/// How many lines each list gets of so many: all that it needs where that is there, and the same else. Where one has most
/// of the screen, or there is no room for a row of each, only the list that is looked at.
fn shares(lines: u16, watched: &Watched, view: &View) -> [u16; 3] {
    let wants = List::ALL.map(|list| {
        if (view.is_large || lines < LISTS) && list != view.list {
            return 0;
        }
        let rows = view.names(list, watched).len().max(1);
        u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(HEADING)
    });
    let mut shares = [0; 3];
    let mut left = lines;
    while left > 0 {
        let open: Vec<usize> = (0..3).filter(|at| shares[*at] < wants[*at]).collect();
        if open.is_empty() {
            break;
        }
        // What can't be shared out is of the list that is looked at.
        let each = left / open.len() as u16;
        for at in &open {
            let more = each.min(wants[*at] - shares[*at]);
            (shares[*at], left) = (shares[*at] + more, left - more);
        }
        if each == 0 {
            let at = if open.contains(&(view.list as usize)) { view.list as usize } else { open[0] };
            let more = left.min(wants[at] - shares[at]);
            (shares[at], left) = (shares[at] + more, left - more);
        }
    }
    shares
}

fn foot<'v>(watched: &'v Watched, view: &'v View, paint: Paint) -> Line<'v> {
    if view.is_typing {
        return Line::from(vec![
            Span::styled("names that begin with: ", paint.quiet()),
            Span::raw(&view.prefix),
            Span::raw("▏"),
        ]);
    }
    match &watched.lost {
        Some(why) => Line::styled(format!("trying again: {why}"), paint.alarm()),
        None => Line::styled(KEYS, paint.quiet()),
    }
}

fn help(frame: &mut Frame<'_>, area: Rect, paint: Paint) {
    let (width, height) = (66, HELP.len() as u16 + 2);
    let [x, y] = [(area.width.saturating_sub(width)) / 2, (area.height.saturating_sub(height)) / 2];
    let area = Rect::new(x, y, width, height).intersection(area);
    frame.render_widget(Clear, area);
    let lines: Vec<_> = HELP.into_iter().map(Line::raw).collect();
    frame.render_widget(Paragraph::new(lines).block(paint.frame(" keys ")), area);
}

#[cfg(test)]
mod tests;
