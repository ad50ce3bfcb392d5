//! What a subscriber's stream is made of, both directions.

use crate::given::{Storage, answer, bytes, given, storage, text};
use streamgauge_core::wire::lines::Lines;
use streamgauge_core::wire::multipart::Multipart;
use streamgauge_core::wire::sse::{self, Events};
use streamgauge_core::wire::websocket::{self, ClientFrames};
use streamgauge_core::wire::{Framing, Stream};

fn lines() -> &'static mut Lines<Storage> {
    given()
}

fn parts() -> &'static mut Multipart<Storage> {
    given()
}

fn events() -> &'static mut Events<Storage> {
    given()
}

fn client_frames() -> &'static mut ClientFrames {
    given()
}

fn framing() -> Framing {
    *given()
}

fn stream() -> Stream {
    *given()
}

roots! {
    lines_new => Lines::new(storage(), *given());
    lines_subscription => Lines::subscription(storage());
    lines_decode => lines().decode(given());
    lines_finish => lines().finish();
    lines_reset => lines().reset();
    lines_skipped => lines().skipped();
    lines_blank => lines().blank();
    parts_new => Multipart::new(storage(), bytes());
    parts_subscription => Multipart::subscription(storage());
    parts_decode => parts().decode(given());
    parts_reset => parts().reset();
    parts_skipped => parts().skipped();
    parts_malformed => parts().malformed();
    parts_ignored => parts().ignored();
    events_new => Events::new(storage());
    events_decode => events().decode(given());
    events_reset => events().reset();
    events_last_event_id => events().last_event_id();
    events_retry => events().retry();
    events_comments => events().comments();
    events_skipped => events().skipped();
    write_event => sse::write_event(given(), answer());
    write_comment => sse::write_comment(bytes(), answer());
    client_frames_new => ClientFrames::new();
    client_frames_decode => client_frames().decode(given());
    client_frames_skipped => client_frames().skipped();
    websocket_close_code => given::<websocket::Error>().close_code();
    websocket_frame_len => websocket::frame_len(*given());
    websocket_write_message => websocket::write_message(bytes(), answer());
    websocket_write_ping => websocket::write_ping(answer());
    websocket_write_pong => websocket::write_pong(bytes(), answer());
    websocket_write_close => websocket::write_close(*given(), answer());
    websocket_write_close_saying => websocket::write_close_saying(*given(), text(), answer());
    framing_content_type => framing().content_type();
    framing_opening => framing().opening();
    framing_framed_len => framing().framed_len(*given(), bytes());
    framing_encode => framing().encode(*given(), bytes(), answer());
    stream_framed_len => stream().framed_len(*given(), bytes());
    stream_encode => stream().encode(*given(), bytes(), answer());
    stream_opening => stream().opening(answer());
    stream_gap => stream().gap(*given(), answer());
    stream_comment => stream().comment(answer());
    stream_raw => stream().raw(bytes(), answer());
    stream_end => stream().end(answer());
    stream_end_because => stream().end_because(text(), answer());
}

sizes! {
    "wire: Lines": Lines<Storage>;
    "wire: Multipart": Multipart<Storage>;
    "wire: Events": Events<Storage>;
    "wire: ClientFrames": ClientFrames;
}
