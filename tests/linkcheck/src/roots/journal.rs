//! What is kept of an engine: executed commands, and all that it holds.

use super::engine::{Given, Named, engine};
use crate::given::{answer, bytes, given, keep};
use streamgauge_core::engine::journal::{
    Call, Entry, Letters, Message, Moved, Moves, NotAnEntry, Numbers, Retold, Watched, items_in,
};
use streamgauge_core::engine::memory::{Defaults, Diverged, RestoreError};
use streamgauge_core::engine::{Command, Outcome, Part, Sink};
use streamgauge_core::time::Time;

/// A reader of which nothing is known but that it is one.
struct Anything;

impl embedded_io::ErrorType for Anything {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Read for Anything {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, embedded_io::ErrorKind> {
        keep(room.first_mut());
        *given()
    }
}

/// A sink of which nothing is known but that it is one.
struct Any;

impl Sink for Any {
    fn take(&mut self, part: Part<'_>) -> core::ops::ControlFlow<()> {
        keep(part);
        *given()
    }
}

fn entry() -> &'static Entry<'static> {
    given()
}

fn time() -> Time {
    *given()
}

fn write(what: core::fmt::Arguments<'_>) -> core::fmt::Result {
    core::fmt::Write::write_fmt(given::<&mut dyn core::fmt::Write>(), what)
}

roots! {
    entry_encode => entry().encode(time(), answer()).is_ok();
    entry_encoded_len => entry().encoded_len(time());
    entry_decode => Entry::decode(bytes(), time());
    entry_items_in => items_in(bytes()).for_each(keep);
    not_an_entry => write(format_args!("{}", given::<NotAnEntry>()));
    call_of => Call::of(given::<Command<'static>>(), given::<Outcome>(), *given(), *given());
    numbers_of => Numbers::of(given::<[u64; 4]>());
    numbers_len => given::<Numbers<'static>>().len();
    numbers_is_empty => given::<Numbers<'static>>().is_empty();
    numbers_iter => given::<Numbers<'static>>().iter().for_each(keep);
    moves_of => Moves::of(given::<[Moved<'static>; 4]>());
    moves_iter => given::<Moves<'static>>().iter().for_each(keep);
    moves_len => given::<Moves<'static>>().encoded_len();
    retold_of => Retold::of(*given(), *given(), given::<[Message<'static>; 4]>());
    retold_iter => given::<Retold<'static>>().iter().for_each(keep);
    retold_len => given::<Retold<'static>>().encoded_len();
    letters_of => Letters::of(given::<[(Time, u64); 4]>());
    letters_iter => given::<Letters<'static>>().iter().for_each(keep);
    watched_new => keep(Watched::new(given::<Any>()));
    watched_take => given::<Watched<'static>>().take(*given::<Part<'static>>());
    watched_taken => given::<Watched<'static>>().taken();
    replay => engine().replay(entry());
    diverged => write(format_args!("{Diverged}"));
    save => engine().save(answer()).is_ok();
    saved_len => engine().saved_len();
    restore => Named::restore(Given, &mut Anything).is_ok();
    restore_error => write(format_args!("{}", given::<RestoreError<embedded_io::ErrorKind>>()));
    defaults => engine().defaults();
    set_defaults => engine().set_defaults(*given::<Defaults>());
}

sizes! {
    "journal: Entry": Entry<'static>;
}
