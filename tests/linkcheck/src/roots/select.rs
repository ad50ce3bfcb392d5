//! Fields of JSON messages.

use crate::given::{answer, bytes, given, keep, text};
use streamgauge_core::select::{HashKey, Number, Path, Selected, Selection, Text, Value, find, find_all};

type Found = &'static mut [Option<Value<'static>>];

fn path() -> &'static Path<&'static str> {
    given()
}

fn value() -> &'static Value<'static> {
    given()
}

fn selection() -> &'static mut Selection {
    given()
}

fn selected() -> &'static Selected<'static> {
    given()
}

roots! {
    path_parse => Path::parse(text());
    path_key => Path::key(text());
    path_text => path().text();
    path_steps => path().steps().for_each(keep);
    find_four => find(bytes(), given::<[Path<&'static str>; 4]>());
    find_any => find_all(bytes(), given::<&'static [Path<&'static str>]>(), core::mem::take(given::<Found>()));
    value_raw => value().raw();
    value_is_null => value().is_null();
    value_boolean => value().boolean();
    value_number => value().number();
    value_text => value().text();
    value_is_object => value().is_object();
    value_is_array => value().is_array();
    value_is => value().is(text());
    text_raw => given::<Text<'static>>().raw();
    text_chars => given::<Text<'static>>().chars().for_each(keep);
    text_plain => given::<Text<'static>>().plain();
    text_eq => *given::<Text<'static>>() == *text();
    number_parse => Number::parse(text());
    number_raw => given::<Number<'static>>().raw();
    number_to_f64 => given::<Number<'static>>().to_f64();
    number_to_u64 => given::<Number<'static>>().to_u64();
    number_to_i64 => given::<Number<'static>>().to_i64();
    number_eq => *given::<Number<'static>>() == *given::<Number<'static>>();
    key_new => HashKey::new(given());
    key_hash => given::<HashKey>().hash(*value());
    selection_new => Selection::<8, 256>::new();
    selection_parse => Selection::<8, 256>::parse(given());
    selection_add => selection().add(*given(), text());
    selection_add_path => selection().add_path(*given(), path(), text());
    selection_is_empty => selection().is_empty();
    selection_counters => selection().counters();
    selection_apply => keep(selection().apply(bytes()));
    selected_unchanged => selected().unchanged();
    selected_write => selected().write(given(), answer());
}

sizes! {
    "select: Path<&str>": Path<&'static str>;
    "select: Selection of 8 rules": Selection;
    "select: HashKey": HashKey;
}
