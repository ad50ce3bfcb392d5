//! The record log.

use crate::given::{Storage, given, keep, storage};
use streamgauge_core::log::{Index, Iter, Log, Mark, Position, prefix_len, write_prefix};

type Records = Log<Storage>;
type Marks = Index<&'static mut [Mark]>;

fn index() -> &'static mut Marks {
    given()
}

fn log() -> &'static mut Records {
    given()
}

fn position() -> &'static mut Position {
    given()
}

roots! {
    new => Log::new(storage());
    starting_at => Log::starting_at(storage(), *given());
    len => log().len();
    is_empty => log().is_empty();
    bytes => log().bytes();
    start => log().start();
    end => log().end();
    missed => log().missed(position());
    pending => log().pending(position());
    bytes_behind => log().bytes_behind(position());
    capacity => log().capacity();
    can_hold => log().can_hold(*given());
    front => log().front();
    read => log().read(position());
    seek => log().seek(*given());
    iter => log().iter(*position()).for_each(keep);
    iter_position => Iter::position(given::<Iter<'static, Storage>>());
    iter_size => given::<Iter<'static, Storage>>().size_hint();
    pop => log().pop();
    append => log().append(*given(), |room| keep(room));
    sequence => position().sequence();
    index_new => Index::new(core::mem::take(given::<&'static mut [Mark]>()));
    index_note => index().note(log(), *position(), *given());
    index_forget => index().forget(log());
    index_seek => index().seek(log(), *given());
    length_of_prefix => prefix_len(*given());
    prefix => write_prefix(*given(), storage());
}

sizes! {
    "log: Log": Records;
    "log: Index": Marks;
    "log: Position": Position;
}
