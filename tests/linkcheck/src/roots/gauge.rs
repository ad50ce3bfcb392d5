//! Gauges: what they take, tell and are read as.

use streamgauge_core::gauge::{
    Bar, Described, Format, Gauge, Group, Json, Key, Measured, Named, Pane, Reading, Span, Storage, readings, render,
    whose_readings, write_alert, write_histogram, write_json, write_svg,
};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving::Slot;

use crate::given::{answer, bytes, given, keep, text};

/// Storage as firmware has it: pieces of what it owns.
pub struct Pieces;

impl Storage for Pieces {
    type Bins = &'static mut [u32];
    type Registers = &'static mut [u8];
    type Counts = &'static mut [u64];
    type Slots = &'static mut [Slot<Key>];
    type Edges = &'static mut [Slot<Edge<Key>>];
    type Cells = &'static mut [Measured<Self>];
    type Panes = &'static mut [Pane];
    type Groups = &'static mut [Group];

    fn bins(&mut self, _: usize) -> Option<Self::Bins> {
        given::<Option<Self::Bins>>().take()
    }

    fn registers(&mut self, _: usize) -> Option<Self::Registers> {
        given::<Option<Self::Registers>>().take()
    }

    fn counts(&mut self, _: usize) -> Option<Self::Counts> {
        given::<Option<Self::Counts>>().take()
    }

    fn slots(&mut self, _: usize) -> Option<Self::Slots> {
        given::<Option<Self::Slots>>().take()
    }

    fn edges(&mut self, _: usize) -> Option<Self::Edges> {
        given::<Option<Self::Edges>>().take()
    }

    fn cells(
        &mut self,
        len: usize,
        mut make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells> {
        let cells = given::<Option<Self::Cells>>().take()?;
        for (number, cell) in cells.iter_mut().enumerate().take(len) {
            *cell = make(self, number)?;
        }
        Some(cells)
    }

    fn panes(&mut self, _: usize) -> Option<Self::Panes> {
        given::<Option<Self::Panes>>().take()
    }

    fn groups(&mut self, _: usize) -> Option<Self::Groups> {
        given::<Option<Self::Groups>>().take()
    }
}

fn gauge() -> &'static mut Gauge<Pieces> {
    given()
}

fn json() -> &'static mut Json<'static, streamgauge_core::connection::Answer<'static>> {
    given()
}

roots! {
    new => Gauge::new(given(), &mut Pieces);
    definition => keep(gauge().definition());
    counters => keep(gauge().counters());
    is_pending => gauge().is_pending();
    room => keep(Gauge::<Pieces>::room(given()));
    room_to_merge => keep(Gauge::<Pieces>::room_to_merge(given()));
    miss => gauge().miss(*given());
    untell => gauge().untell(*given());
    as_of => keep(given::<Reading<'_>>().as_of(*given()));
    take => gauge().take(bytes(), *given());
    take_numbers => gauge().take_numbers(given::<[f64; 9]>(), *given());
    measured => keep(gauge().measured().map(<[_]>::len));
    begin => gauge().begin(*given());
    is_over => gauge().is_over(*given());
    next_over => gauge().next_over();
    close => gauge().close(*given(), |reading, whose, cell| json().part(reading, whose, cell));
    take_alerts => gauge().take_alerts();
    read => gauge().read(*given::<Span>(), *given(), |reading, whose, cell| json().part(reading, whose, cell));
    read_panes => gauge().read_panes(*given(), |messages, cell| keep((messages, cell.len())));
    merge => gauge().merge(bytes(), *given(), &mut Pieces);
    write_binary => gauge().write_binary(*given(), answer());
    described => Described::of(bytes());
    json_new => Json::new(text(), *given(), answer());
    json_finish => given::<Option<Json<'_, streamgauge_core::connection::Answer<'_>>>>().take().map(Json::finish);
    alert => write_alert(text(), given(), given(), *given(), answer());
    json_written => write_json(gauge(), text(), *given(), answer());
    svg_written => write_svg(gauge(), text(), *given(), answer());
    rendered => render(gauge(), text(), *given::<Format>(), *given(), answer());
    histogram => write_histogram(text(), given::<[Bar; 9]>(), *given(), answer());
    readings_of => readings(given());
    readings_whose => whose_readings(given());
    media_type => given::<Format>().media_type();
    key_of => Key::of(given());
    key_of_number => Key::of_number(given());
    key_of_float => Key::of_float(*given());
    key_of_text => Key::of_text(text());
    key_hash => given::<Key>().hash();
    key_shown => keep(given::<Key>().shown());
    key_name => given::<Key>().name();
    named_key => given::<Named<'_>>().key().hash();
    named_name => given::<Named<'_>>().name();
    key_is_text => given::<Key>().is_text();
    key_is_whole => given::<Key>().is_whole();
}

sizes! {
    "gauge: Gauge": Gauge<Pieces>;
    "gauge: Measured": Measured<Pieces>;
    "gauge: Key": Key;
}
