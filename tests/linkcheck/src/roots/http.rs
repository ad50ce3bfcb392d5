//! Heads of HTTP/1.1, as they are read.

use crate::given::{Storage, answer, bytes, given, keep, text};
use streamgauge_core::wire::http::{FIELD_ROOM, HeadWriter, RequestHead, ResponseHead, Responses};

fn responses() -> &'static mut Responses<Storage> {
    given()
}

fn head() -> &'static ResponseHead<'static> {
    given()
}

roots! {
    head_writer_shown => HeadWriter::response(answer(), *given()).map(|head| head.shown(text(), given::<u64>()).is_ok());
    request_parse => keep(RequestHead::parse(bytes(), &mut [FIELD_ROOM; 32], *given(), *given()));
    request_field => given::<RequestHead<'static, 'static>>().field(text());
    responses_new => Responses::<Storage>::new(crate::given::storage());
    responses_reset => responses().reset();
    responses_is_idle => responses().is_idle();
    responses_decode => responses().decode(given(), *given());
    responses_finish => responses().finish();
    response_field => head().field(text());
    response_number => head().number(text());
    response_fields => head().fields().for_each(keep);
}

sizes! {
    "wire: Responses": Responses<Storage>;
}
