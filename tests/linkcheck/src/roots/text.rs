//! Query strings, percent-coding, separators, chunks, and heads as they are written.

use crate::given::{answer, bytes, given, keep, storage, text};
use streamgauge_core::connection::Answer;
use streamgauge_core::wire::chunked::{self, Chunked};
use streamgauge_core::wire::http::{HeadWriter, HttpError, reason};
use streamgauge_core::wire::query::{Query, Value, split_target};
use streamgauge_core::wire::{lines, percent, write_json_string};

fn query() -> &'static Query<'static> {
    given()
}

fn value() -> &'static Value<'static> {
    given()
}

type Writer = HeadWriter<&'static mut Answer<'static>>;

fn writer() -> Writer {
    given::<Option<Writer>>().take().unwrap_or_else(|| {
        loop {
            core::hint::spin_loop()
        }
    })
}

roots! {
    json_string => write_json_string(text(), answer());
    percent_decode => percent::decode(bytes(), *given()).for_each(keep);
    percent_decode_size => percent::decode(bytes(), *given()).size_hint();
    percent_encode => percent::encode(bytes(), answer());
    percent_encoded_len => percent::encoded_len(bytes());
    query_split_target => split_target(bytes());
    query_new => Query::new(bytes());
    query_raw => query().raw();
    query_get => query().get(text());
    query_pairs => query().pairs().for_each(keep);
    value_new => Value::new(bytes());
    value_raw => value().raw();
    value_bytes => value().bytes();
    value_len => value().len();
    value_is_empty => value().is_empty();
    value_is_plain => value().is_plain();
    value_copy_to => value().copy_to(storage());
    value_integer => value().integer();
    value_eq => *value() == *bytes();
    value_eq_text => *value() == *text();
    split => lines::split(bytes(), *given()).for_each(keep);
    split_on => lines::split_on(bytes(), bytes()).for_each(keep);
    chunk_write_head => chunked::write_head(*given(), answer());
    chunk_write_tail => chunked::write_tail(answer());
    chunk_write_chunk => chunked::write_chunk(bytes(), answer());
    chunked_new => Chunked::new();
    chunked_is_ended => given::<Chunked>().is_ended();
    chunked_decode => given::<Chunked>().decode(given());
    write_request => HeadWriter::request(answer(), text(), text());
    write_response => HeadWriter::response(answer(), *given());
    write_field => writer().field(text(), bytes());
    write_number => writer().number(text(), *given());
    write_finish => keep(writer().finish());
    reason_of => reason(*given());
    error_status => given::<HttpError>().status();
}

sizes! {
    "wire: Chunked": Chunked;
}
