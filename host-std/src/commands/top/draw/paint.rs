//! How things are told apart.

use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::Block;

/// With colours, or without: then bold, dim and reversed say the same.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Paint {
    pub(in super::super) is_coloured: bool,
}

impl Paint {
    fn of(self, colour: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        if self.is_coloured { style.fg(colour) } else { style }
    }

    /// What is only there to find other things.
    pub(super) fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The title of the list that keys go to.
    pub(super) fn focused(self) -> Style {
        self.of(Color::Cyan, Modifier::BOLD.union(Modifier::UNDERLINED))
    }

    pub(super) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// How something flows.
    pub(super) fn water(self) -> Style {
        self.of(Color::Cyan, Modifier::empty())
    }

    /// What somebody should look at.
    pub(super) fn alarm(self) -> Style {
        self.of(Color::Red, Modifier::BOLD)
    }

    pub(super) fn well(self) -> Style {
        self.of(Color::Green, Modifier::empty())
    }

    pub(super) fn frame(self, title: &str) -> Block<'_> {
        Block::bordered().title(title).border_style(self.quiet()).title_style(self.title())
    }
}
