//! The terminal: it is taken as a whole, and given back in any case.

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::view::Key;
use crate::terminal::exit::{Failure, STDOUT};

/// A terminal that is drawn on; at the end, also that of a panic, it is as it was before.
pub(super) struct Screen {
    pub(super) terminal: DefaultTerminal,
}

/// What somebody does at a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Pressed(Key),
    /// Another size, or back from somewhere else.
    Changed,
}

impl Screen {
    /// Takes the terminal that stdin and stdout are.
    ///
    /// # Errors
    /// It is none that this could be done to.
    pub(super) fn take() -> Result<Self, Failure> {
        // It sets a hook too, so that what a panic says is read on the screen that was there before.
        let terminal = ratatui::try_init().map_err(|error| Failure::io(STDOUT, &error));
        terminal.map(|terminal| Self { terminal }).inspect_err(|_| ratatui::restore())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.show_cursor();
        // A panic has done it already; once more, and the cursor would be where it was before its message.
        if !std::thread::panicking() {
            ratatui::restore();
        }
    }
}

/// What is done, as it comes. `None` when there is no terminal any more.
pub(super) fn acts() -> UnboundedReceiver<Act> {
    let (sender, acts) = unbounded_channel();
    // It ends with the process: nothing wakes who waits for a key.
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if act(&event).is_some_and(|act| sender.send(act).is_err()) {
                break;
            }
        }
    });
    acts
}

fn act(event: &Event) -> Option<Act> {
    match event {
        Event::Key(event) => key(event).map(Act::Pressed),
        Event::Resize(..) | Event::FocusGained => Some(Act::Changed),
        _ => None,
    }
}

fn key(event: &KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let is_control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match event.code {
        KeyCode::Char('c') if is_control => Key::Interrupt,
        KeyCode::Char(typed) if !is_control && !event.modifiers.contains(KeyModifiers::ALT) => Key::Char(typed),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::First,
        KeyCode::End => Key::Last,
        KeyCode::Tab => Key::Next,
        KeyCode::BackTab => Key::Back,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Erase,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_they_say() {
        let pressed = |code, modifiers| act(&Event::Key(KeyEvent::new(code, modifiers)));
        let plain = KeyModifiers::NONE;
        assert_eq!(pressed(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Act::Pressed(Key::Interrupt)));
        assert_eq!(pressed(KeyCode::Char('c'), plain), Some(Act::Pressed(Key::Char('c'))));
        assert_eq!(pressed(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Act::Pressed(Key::Char('G'))));
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Act::Pressed(Key::Back)));
        assert_eq!(pressed(KeyCode::Char('z'), KeyModifiers::CONTROL), None);
        assert_eq!(pressed(KeyCode::F(1), plain), None);
        assert_eq!(act(&Event::Resize(80, 24)), Some(Act::Changed));
    }
}
