//! What is looked at, and what keys do to it.

use core::cmp::Reverse;

use super::watched::Watched;

/// The lists that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Topics,
    Queues,
    Gauges,
}

impl List {
    pub(super) const ALL: [Self; 3] = [Self::Topics, Self::Queues, Self::Gauges];

    /// What it can be sorted by.
    pub(super) const fn orders(self) -> &'static [&'static str] {
        match self {
            Self::Topics => &["name", "in/s", "out/s", "subs", "bytes"],
            Self::Queues => &["name", "waiting", "lease", "dead", "oldest", "in/s"],
            Self::Gauges => &["name", "each/s", "missed"],
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Topics => Self::Queues,
            Self::Queues => Self::Gauges,
            Self::Gauges => Self::Topics,
        }
    }
}

/// A key that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    /// To the next list.
    Next,
    /// To the one before.
    Back,
    Enter,
    Escape,
    /// Removes the character that was typed last.
    Erase,
    Char(char),
    /// Control and C.
    Interrupt,
}

/// What follows from a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It is shown.
    Show,
    /// The server is asked at once.
    Ask,
    Quit,
}

/// What is looked at, and how.
#[derive(Debug)]
pub(super) struct View {
    pub(super) list: List,
    /// The name that is looked at in each list, which stays where it is sorted to.
    selected: [Option<String>; 3],
    order: [usize; 3],
    /// Only names that begin so are shown.
    pub(super) prefix: String,
    /// What is typed goes to the prefix.
    pub(super) is_typing: bool,
    /// The server is not asked.
    pub(super) is_held: bool,
    /// The one that is looked at has most of the screen.
    pub(super) is_large: bool,
    pub(super) is_help: bool,
}

/// Rows of a page.
const PAGE: usize = 10;

impl View {
    pub(super) fn new() -> Self {
        Self {
            list: List::Topics,
            selected: [None, None, None],
            order: [0; 3],
            prefix: String::new(),
            is_typing: false,
            is_held: false,
            is_large: false,
            is_help: false,
        }
    }

    /// Does what a key says.
    pub(super) fn press(&mut self, key: Key, watched: &Watched) -> Then {
        if key == Key::Interrupt {
            return Then::Quit;
        }
        if self.is_typing {
            return self.typed(key);
        }
        if std::mem::take(&mut self.is_help) {
            return if key == Key::Char('q') { Then::Quit } else { Then::Show };
        }
        match key {
            Key::Char('q') => return Then::Quit,
            Key::Char('?') => self.is_help = true,
            Key::Char('/') => self.is_typing = true,
            Key::Char('s') => {
                let order = &mut self.order[self.list as usize];
                *order = (*order + 1) % self.list.orders().len();
            }
            Key::Char('p') => {
                self.is_held = !self.is_held;
                return if self.is_held { Then::Show } else { Then::Ask };
            }
            Key::Enter => self.is_large = !self.is_large,
            Key::Escape if self.is_large => self.is_large = false,
            Key::Escape => self.prefix.clear(),
            Key::Next => {
                self.list = self.list.next();
                return Then::Ask;
            }
            Key::Back => {
                self.list = self.list.next().next();
                return Then::Ask;
            }
            Key::Up | Key::Char('k') => return self.go(watched, |at, _| at.saturating_sub(1)),
            Key::Down | Key::Char('j') => return self.go(watched, |at, _| at + 1),
            Key::PageUp => return self.go(watched, |at, _| at.saturating_sub(PAGE)),
            Key::PageDown => return self.go(watched, |at, _| at + PAGE),
            Key::First | Key::Char('g') => return self.go(watched, |_, _| 0),
            Key::Last | Key::Char('G') => return self.go(watched, |_, len| len),
            Key::Erase | Key::Char(_) | Key::Interrupt => {}
        }
        Then::Show
    }

    fn typed(&mut self, key: Key) -> Then {
        match key {
            Key::Char(typed) => self.prefix.push(typed),
            Key::Erase => drop(self.prefix.pop()),
            Key::Enter => self.is_typing = false,
            Key::Escape => {
                self.is_typing = false;
                self.prefix.clear();
            }
            _ => {}
        }
        Then::Ask
    }

    fn go(&mut self, watched: &Watched, to: impl FnOnce(usize, usize) -> usize) -> Then {
        let names = self.names(self.list, watched);
        let Some(last) = names.len().checked_sub(1) else { return Then::Show };
        let at = to(self.at(self.list, &names).unwrap_or(0), last).min(last);
        self.selected[self.list as usize] = Some(names[at].to_owned());
        Then::Ask
    }

    /// The one that is looked at, if there is any.
    pub(super) fn one(&self, watched: &Watched) -> Option<(List, String)> {
        let names = self.names(self.list, watched);
        self.at(self.list, &names).map(|at| (self.list, names[at].to_owned()))
    }

    /// Where it is in a list of these names; the first one where the one that was looked at is gone.
    pub(super) fn at(&self, list: List, names: &[&str]) -> Option<usize> {
        let selected = self.selected[list as usize].as_deref();
        let at = names.iter().position(|name| Some(*name) == selected);
        at.or_else(|| (!names.is_empty()).then_some(0))
    }

    /// What a list is sorted by.
    pub(super) fn order(&self, list: List) -> &'static str {
        list.orders().get(self.order[list as usize]).copied().unwrap_or_default()
    }

    /// The names that a list shows, in its order. O(n log n).
    pub(super) fn names<'w>(&self, list: List, watched: &'w Watched) -> Vec<&'w str> {
        let order = self.order(list);
        let rate = |rate: Option<f64>| rate.map_or(0, |rate| (rate * 1000.0) as u64);
        match list {
            List::Topics => self.sorted(&watched.topics, |topic| match order {
                "in/s" => rate(topic.into.last()),
                "out/s" => rate(topic.out.last()),
                "subs" => topic.subscribers,
                "bytes" => topic.bytes,
                _ => 0,
            }),
            List::Queues => self.sorted(&watched.queues, |queue| match order {
                "waiting" => queue.waiting(),
                "lease" => queue.leased,
                "dead" => queue.dead,
                "in/s" => rate(queue.into.last()),
                "oldest" => {
                    super::words::seconds_since(queue.oldest.as_deref(), watched.time).map_or(0, |age| age as u64 + 1)
                }
                _ => 0,
            }),
            List::Gauges => self.sorted(&watched.gauges, |gauge| match order {
                "each/s" => rate(gauge.rate.last()),
                "missed" => gauge.missed,
                _ => 0,
            }),
        }
    }

    /// Names with the prefix, those with the most first, and by name where that is the same.
    fn sorted<'w, T>(
        &self,
        all: &'w std::collections::BTreeMap<String, T>,
        weight: impl Fn(&T) -> u64,
    ) -> Vec<&'w str> {
        let shown = all.iter().filter(|(name, _)| name.starts_with(&self.prefix));
        let mut names: Vec<_> = shown.map(|(name, one)| (Reverse(weight(one)), name.as_str())).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::watched::{Queue, Topic};

    fn watched() -> Watched {
        let mut watched = Watched::default();
        for (name, subscribers) in [("apple", 1), ("banana", 3), ("avocado", 2)] {
            watched.topics.insert(name.to_owned(), Topic { subscribers, ..Topic::default() });
        }
        watched.queues.insert("jobs".to_owned(), Queue::default());
        watched
    }

    fn press(view: &mut View, keys: &[Key]) -> Vec<Then> {
        keys.iter().map(|key| view.press(*key, &watched())).collect()
    }

    fn name(view: &View) -> String {
        view.one(&watched()).map(|(_, name)| name).unwrap_or_default()
    }

    #[test]
    fn arrows_go_and_stop_at_the_ends() {
        let mut view = View::new();
        assert_eq!(name(&view), "apple");
        assert_eq!(press(&mut view, &[Key::Down, Key::Char('j'), Key::Down]), [Then::Ask; 3]);
        assert_eq!(name(&view), "banana");
        press(&mut view, &[Key::Up]);
        assert_eq!(name(&view), "avocado");
        press(&mut view, &[Key::Char('k'), Key::Up, Key::PageUp]);
        assert_eq!(name(&view), "apple");
        press(&mut view, &[Key::Char('G')]);
        assert_eq!(name(&view), "banana");
    }

    #[test]
    fn the_one_that_is_looked_at_stays_so_where_it_is_sorted_to() {
        let mut view = View::new();
        press(&mut view, &[Key::Down, Key::Char('s'), Key::Char('s'), Key::Char('s')]);
        assert_eq!(view.order(List::Topics), "subs");
        assert_eq!(view.names(List::Topics, &watched()), ["banana", "avocado", "apple"]);
        assert_eq!(name(&view), "avocado");
        press(&mut view, &[Key::Up]);
        assert_eq!(name(&view), "banana");
    }

    #[test]
    fn tab_goes_round_the_lists() {
        let mut view = View::new();
        press(&mut view, &[Key::Next]);
        assert_eq!((view.list, name(&view).as_str()), (List::Queues, "jobs"));
        press(&mut view, &[Key::Next, Key::Down]);
        assert_eq!((view.list, view.one(&watched())), (List::Gauges, None));
        press(&mut view, &[Key::Next, Key::Back]);
        assert_eq!(view.list, List::Gauges);
    }

    #[test]
    fn a_prefix_is_typed_until_enter() {
        let mut view = View::new();
        press(&mut view, &[Key::Char('/'), Key::Char('a'), Key::Char('q'), Key::Erase, Key::Char('v')]);
        assert_eq!(view.names(List::Topics, &watched()), ["avocado"]);
        assert_eq!(press(&mut view, &[Key::Enter, Key::Char('q')]), [Then::Ask, Then::Quit]);
        press(&mut view, &[Key::Escape]);
        assert_eq!(view.names(List::Topics, &watched()).len(), 3);
    }

    #[test]
    fn what_is_held_is_asked_for_when_it_goes_on() {
        let mut view = View::new();
        assert_eq!(press(&mut view, &[Key::Char('p'), Key::Char('p')]), [Then::Show, Then::Ask]);
        assert_eq!(press(&mut view, &[Key::Char('?'), Key::Down]), [Then::Show; 2]);
        assert!(!view.is_help && name(&view) == "apple", "any key takes the help away, and does no more");
        press(&mut view, &[Key::Char('/')]);
        assert_eq!(press(&mut view, &[Key::Interrupt]), [Then::Quit]);
    }
}
