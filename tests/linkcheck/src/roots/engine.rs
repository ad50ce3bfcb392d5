//! The memory engine: topics and queues by their names.

use crate::given::{Storage, answer, bytes, given, keep, storage, text};
use core::ops::ControlFlow;
use core::time::Duration;
use streamgauge_core::dedupe::{Dedupe, Entry};
use streamgauge_core::engine::memory::{Defaults, Few, Fixed, Host, Memory, QueueRoom, Table, TopicRoom};
use streamgauge_core::engine::{
    Allowance, BadName, Command, Data, Dump, Engine, Filter, Id, Kind, Name, Outcome, Part, Piece, Pieces, QueueChange,
    QueueSettings, Refusal, Short, Tokens, TopicChange, TopicSettings,
};
use streamgauge_core::log::Mark;
use streamgauge_core::queue::leases::{Away, Overflow, Slot, State};
use streamgauge_core::time::Time;
use streamgauge_core::topic::Place;
use streamgauge_core::wire::units;

/// The engine, in storage as firmware has it.
pub type Named = Memory<Given>;

type Seen = Dedupe<&'static mut [Entry]>;
type Numbers = Few<u32, 4>;

/// A host of which nothing is known but its types.
#[derive(Debug)]
pub struct Given;

impl Host for Given {
    type Bytes = Storage;
    type Items = Storage;
    type Marks = &'static mut [Mark];
    type Places = &'static mut [Place];
    type Slots = &'static mut [Slot];
    type Seen = &'static mut [Entry];
    type Optional<T> = Option<T>;
    type Table<V> = Few<V, 4>;

    fn table<V>(&mut self, _: Kind) -> Few<V, 4> {
        Few::new()
    }

    fn topic(&mut self, settings: &TopicSettings) -> Result<TopicRoom<Self>, Refusal> {
        keep(settings);
        let (bytes, marks, places, seen) = (storage(), slice(), slice(), slice());
        refused(TopicRoom { bytes, marks, places, seen })
    }

    fn queue(&mut self, settings: &QueueSettings) -> Result<QueueRoom<Self>, Refusal> {
        keep(settings);
        refused(QueueRoom { items: storage(), most: *given(), slots: slice(), seen: slice() })
    }

    fn random(&mut self) -> u64 {
        *given()
    }

    fn place(&mut self) -> Option<u64> {
        *given()
    }

    fn fetch(&mut self, away: &Away) -> Option<&[u8]> {
        keep(away);
        *given()
    }
}

fn slice<T>() -> &'static mut [T] {
    core::mem::take(given::<&'static mut [T]>())
}

/// What was asked for, or why not.
fn refused<T>(value: T) -> Result<T, Refusal> {
    match *given::<Option<Refusal>>() {
        Some(refusal) => Err(refusal),
        None => Ok(value),
    }
}

/// The engine.
pub fn engine() -> &'static mut Named {
    given()
}

fn name() -> &'static Name {
    given()
}

fn time() -> Time {
    *given()
}

fn pieces() -> &'static Pieces<'static> {
    given()
}

fn id() -> &'static Id {
    given()
}

fn seen() -> &'static mut Seen {
    given()
}

fn few() -> &'static mut Numbers {
    given()
}

fn table() -> &'static mut Numbers {
    given()
}

fn sink(part: Part<'_>) -> ControlFlow<()> {
    keep(part);
    *given()
}

roots! {
    new => Memory::new(Given);
    with_defaults => Memory::with_defaults(Given, *given::<Defaults>());
    default_defaults => Defaults::default();
    host => engine().host();
    host_mut => engine().host_mut();
    advance => engine().advance(*given(), name(), time());
    is_due => engine().is_due(*given(), name(), time());
    is_due_for => engine().is_due_for(given::<Command<'static>>(), time());
    make_topic => engine().make_topic(name(), *given());
    make_queue => engine().make_queue(name(), *given(), time());
    execute => engine().execute(given::<Command<'static>>(), time(), &mut sink);
    dump => Engine::dump(engine(), given::<Dump>(), |item| {
        keep(item);
        *given()
    });
    subscribe => engine().subscribe(name(), *given(), time());
    topic => engine().topic(name());
    topic_mut => engine().topic_mut(name());
    topic_settings => engine().topic_settings(name());
    queue_settings => engine().queue_settings(name());
    count_kicked => engine().count_kicked(name(), *given());
    has => engine().has(*given(), name());
    letters => engine().letters(name(), time(), |letter| {
        keep(letter);
        *given()
    });
    put_letter => engine().put_letter(name(), given(), time());
    elsewhere => engine().elsewhere(|queue, record, away| keep((*queue, record, away)));
    count_refused => engine().count_refused(given::<Command<'static>>());
    has_elsewhere => engine().has_elsewhere(name());
    skip_numbers => engine().skip_numbers(*given());
    forget_deliveries => engine().forget_deliveries();
    upcoming => engine().upcoming(name(), *given(), |len, away| {
        keep((len, away));
        *given()
    });
    relocate => engine().relocate(name(), given());
    lose => engine().lose(name(), *given(), time());
    set_handing => engine().set_handing(name(), *given());
    is_handing => engine().is_handing(name());
    has_to_wait => engine().has_to_wait(name(), pieces());
    has_to_wait_to_feed => engine().has_to_wait_to_feed(name(), pieces());
    first_item => engine().first_item();
    raise_first_item => engine().raise_first_item(*given());
    drop_letters => engine().drop_letters(name(), *given::<[(Time, u64); 4]>());
    move_queue => engine().detach_queue(name()).map(|queue| engine().attach_queue(name(), queue, time()).is_ok());
    queue_names => engine().queue_names().count();
    fixed_seeded => keep(Fixed::<4, 64, 4>::seeded(*given()));
    fixed_topic => given::<Fixed<4, 64, 4>>().topic(given());
    fixed_queue => given::<Fixed<4, 64, 4>>().queue(given());
    fixed_random => given::<Fixed<4, 64, 4>>().random();
    few_new => Numbers::new();
    few_get => few().get(name()).copied();
    few_get_mut => few().get_mut(name());
    few_insert => few().insert(*name(), *given());
    few_remove => few().remove(name());
    few_len => table().len();
    few_is_empty => table().is_empty();
    few_limit => table().limit();
    few_names => table().names();
    kind_as_str => given::<Kind>().as_str();
    state_as_str => given::<State>().as_str();
    overflow_as_str => given::<Overflow>().as_str();
    tokens_new => Tokens::new(bytes());
    tokens_written => given::<Tokens<'static>>().written();
    allowance_cost => given::<Allowance>().cost(*given());
    allowance_takes_first => given::<Allowance>().takes_first(bytes());
    tokens_iter => given::<Tokens<'static>>().iter().for_each(keep);
    name_new => Name::new(bytes());
    name_of => Name::of(bytes().iter().copied());
    name_as_bytes => name().as_bytes();
    name_as_str => name().as_str();
    name_show => core::fmt::Write::write_fmt(given::<&mut dyn core::fmt::Write>(), format_args!("{}{BadName}", name()));
    short_of => Short::<16>::of(bytes().iter().copied());
    short_cut => Short::<16>::cut(bytes());
    short_as_bytes => id().as_bytes();
    short_is_empty => id().is_empty();
    filter_and => given::<Filter>().and(text());
    filter_is_none => given::<Filter>().is_none();
    filter_rules => given::<Filter>().rules().for_each(keep);
    filter_selection => given::<Filter>().selection();
    data_len => given::<Data<'static>>().len();
    data_is_empty => given::<Data<'static>>().is_empty();
    piece_len => given::<Piece<'static>>().len();
    piece_is_empty => given::<Piece<'static>>().is_empty();
    piece_copy_to => given::<Piece<'static>>().clone().copy_to(storage());
    pieces_whole => Pieces::whole(*given());
    pieces_none => Pieces::none();
    pieces_split => Pieces::split(*given(), bytes());
    pieces_prefixed => Pieces::prefixed(bytes());
    pieces_are_bare => pieces().are_bare();
    pieces_count => pieces().count();
    pieces_longest => pieces().longest();
    pieces_most_encoded_len => pieces().most_encoded_len();
    pieces_iter => pieces().iter().for_each(keep);
    outcome_has_more => given::<Outcome>().has_more();
    outcome_after => given::<Outcome>().after(given());
    refusal_problem => given::<Refusal>().problem();
    refusal_limit => given::<Refusal>().limit();
    refusal_show => core::fmt::Write::write_fmt(
        given::<&mut dyn core::fmt::Write>(),
        format_args!("{}", given::<Refusal>()),
    );
    topic_change => given::<TopicChange>().applied_to(given());
    queue_change => given::<QueueChange>().applied_to(given());
    seen_new => Seen::new(slice(), *given(), *given::<Duration>());
    seen_check => seen().check(bytes(), time());
    seen_remember => seen().remember(bytes(), time(), *given());
    seen_counters => seen().counters();
    seen_window => seen().window();
    seen_forget => seen().forget(bytes(), time());
    seen_set_window => seen().set_window(*given());
    duration => units::duration(bytes());
    size => units::size(bytes());
    write_decimal => units::write_decimal(*given(), answer()).is_ok();
    rfc3339 => units::rfc3339(bytes());
    rfc3339_show => core::fmt::Write::write_fmt(
        given::<&mut dyn core::fmt::Write>(),
        format_args!("{}", units::Rfc3339(time())),
    );
}

sizes! {
    "engine: Memory of 4 names": Named;
    "engine: Command": Command<'static>;
    "engine: a remembered id": Entry;
}
