//! The queue with leases.

use crate::given::{Storage, bytes, given, keep, storage};
use core::ops::ControlFlow;
use streamgauge_core::queue::leases::{Counters, Death, Held, Item, LeaseQueue, Letter, Mark, Slot, Token};
use streamgauge_core::time::Time;

type Items = LeaseQueue<Storage, &'static mut [Slot]>;

fn queue() -> &'static mut Items {
    given()
}

fn now() -> Time {
    *given()
}

fn token() -> Token {
    *given()
}

fn each(item: Item<'_>) -> ControlFlow<()> {
    keep(item);
    *given()
}

roots! {
    new => Items::new(storage(), core::mem::take(given::<&'static mut [Slot]>()), *given(), *given());
    starting_at => Items::new(storage(), core::mem::take(given::<&'static mut [Slot]>()), *given(), 0).starting_at(*given());
    next_id => queue().next_id();
    settings => queue().settings();
    set_settings => queue().set_settings(*given());
    ready => queue().ready();
    is_empty => queue().is_empty();
    counters => queue().counters();
    balanced => given::<Counters>().balanced();
    reset_high_water => queue().reset_high_water();
    check => queue().check(*given());
    check_many => queue().check_many(now(), given::<core::slice::Iter<'static, usize>>().clone().copied(), *given());
    count_refused => queue().count_refused(*given());
    put => queue().put(now(), bytes(), |item| keep(item));
    item_held => given::<Item<'static>>().held();
    letter_held => given::<Letter<'static>>().held();
    held_len => given::<Held<'static>>().len();
    held_is_empty => given::<Held<'static>>().is_empty();
    put_away => queue().put_away(now(), *given(), *given(), |item| keep(item));
    put_with => queue().put_with(now(), *given(), *given(), |room| keep(room), |item| keep(item));
    mput => queue().mput(now(), given::<core::slice::Iter<'static, &'static [u8]>>().clone().copied(), |item| keep(item));
    get => queue().get(now(), *given(), each);
    lease => queue().lease(now(), *given(), *given(), || *given(), each);
    ack => queue().ack(now(), token());
    nack => queue().nack(now(), token(), *given(), bytes());
    touch => queue().touch(now(), token(), *given());
    advance => queue().advance(now(), *given());
    next_due => queue().next_due();
    oldest => queue().oldest(now());
    peek => queue().peek(now(), *given(), *given(), each);
    mark => queue().mark();
    dump => queue().dump(given::<Mark>(), each);
    letters => queue().letters(now(), |letter| {
        keep(letter);
        *given()
    });
    item_new => Item::new(*given(), bytes(), now());
    death_new => Death::new(*given(), bytes(), now(), now());
    take_dead => queue().take_dead(now(), *given(), |letter| {
        keep(letter);
        *given()
    });
    drop_letter => queue().drop_letter(now(), *given());
    put_letter => queue().put_letter(now(), given::<Letter<'static>>(), |item| keep(item));
    set_handing => queue().set_handing(*given());
    is_handing => queue().is_handing();
    redrive => queue().redrive(now(), *given());
    purge => queue().purge(now(), *given());
    token_parse => Token::parse(bytes());
    token_show => core::fmt::Write::write_fmt(given::<&mut dyn core::fmt::Write>(), format_args!("{}", token()));
    recycle => given::<streamgauge_core::log::Log<Storage>>().recycle();
}

sizes! {
    "queue: LeaseQueue": Items;
    "queue: an item set aside": Slot;
}
