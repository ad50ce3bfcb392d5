//! Bytes in any fragmentation in, messages out.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use js_sys::Uint8Array;
use streamgauge_core::wire::{lines, multipart, sse};
use wasm_bindgen::prelude::*;

use crate::boxes::room;

fn storage(longest: u32) -> Result<Box<[u8]>, JsError> {
    Ok(vec![0; room::<u8>(longest)?].into_boxed_slice())
}

/// Decodes messages that end in a newline, as `GET /sub?multipart=0` streams them. Empty ones are skipped.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lines {
    decoder: lines::Lines<Box<[u8]>>,
}

#[wasm_bindgen]
impl Lines {
    /// A decoder for messages of at most `longest` bytes.
    ///
    /// # Errors
    /// There is no memory for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(longest: u32) -> Result<Self, JsError> {
        Ok(Self { decoder: lines::Lines::subscription(storage(longest)?) })
    }

    /// The messages that end in this fragment of the stream.
    pub fn decode(&mut self, mut fragment: &[u8]) -> Vec<Uint8Array> {
        let mut messages = Vec::new();
        while let Some(event) = self.decoder.decode(&mut fragment) {
            if let lines::Event::Line(line) = event {
                messages.push(Uint8Array::from(line));
            }
        }
        messages
    }

    /// Ends the stream: a last message without a newline, if there is one.
    pub fn finish(&mut self) -> Option<Uint8Array> {
        match self.decoder.finish() {
            Some(lines::Event::Line(line)) => Some(Uint8Array::from(line)),
            _ => None,
        }
    }

    /// Messages skipped because they were too long.
    #[wasm_bindgen(getter)]
    pub fn skipped(&self) -> f64 {
        self.decoder.skipped() as f64
    }
}

/// Decodes the parts of a multipart stream, as `GET /sub` streams them. Messages may hold any bytes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Multipart {
    decoder: multipart::Multipart<Box<[u8]>>,
    skipped: u64,
    malformed: u64,
}

#[wasm_bindgen]
impl Multipart {
    /// A decoder for messages of at most `longest` bytes.
    ///
    /// # Errors
    /// There is no memory for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(longest: u32) -> Result<Self, JsError> {
        Ok(Self { decoder: multipart::Multipart::subscription(storage(longest)?), skipped: 0, malformed: 0 })
    }

    /// The messages that end in this fragment of the stream.
    pub fn decode(&mut self, mut fragment: &[u8]) -> Vec<Uint8Array> {
        let mut messages = Vec::new();
        while let Some(event) = self.decoder.decode(&mut fragment) {
            match event {
                multipart::Event::Message(message) => messages.push(Uint8Array::from(message)),
                multipart::Event::TooLong { .. } => self.skipped += 1,
                multipart::Event::Malformed(_) => self.malformed += 1,
                // A gap is told by the numbers of the stream, and the end by the fetch.
                multipart::Event::Gap(_) | multipart::Event::End => {}
            }
        }
        messages
    }

    /// Messages skipped because they were too long.
    #[wasm_bindgen(getter)]
    pub fn skipped(&self) -> f64 {
        self.skipped as f64
    }

    /// Parts that were not as they should be.
    #[wasm_bindgen(getter)]
    pub fn malformed(&self) -> f64 {
        self.malformed as f64
    }
}

/// Decodes server-sent events, as `GET /sub?format=sse` streams them: for `fetch` and workers; a page has
/// `EventSource`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Events {
    decoder: sse::Events<Box<[u8]>>,
}

/// One event.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSentEvent {
    /// The last id that the stream gave.
    #[wasm_bindgen(readonly)]
    pub id: String,
    /// The event's name; empty for `message`.
    #[wasm_bindgen(readonly)]
    pub event: String,
    /// Its data.
    #[wasm_bindgen(readonly)]
    pub data: String,
}

#[wasm_bindgen]
impl Events {
    /// A decoder for data of at most `longest` bytes.
    ///
    /// # Errors
    /// There is no memory for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(longest: u32) -> Result<Self, JsError> {
        Ok(Self { decoder: sse::Events::new(storage(longest)?) })
    }

    /// The events that end in this fragment of the stream.
    pub fn decode(&mut self, mut fragment: &[u8]) -> Vec<ServerSentEvent> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut events = Vec::new();
        while let Some(event) = self.decoder.decode(&mut fragment) {
            if let sse::Event::Message(message) = event {
                let (id, event, data) = (text(message.id), text(message.event), text(message.data));
                events.push(ServerSentEvent { id, event, data });
            }
        }
        events
    }

    /// What to send as `Last-Event-ID` when connecting again.
    #[wasm_bindgen(getter, js_name = lastEventId)]
    pub fn last_event_id(&self) -> String {
        String::from_utf8_lossy(self.decoder.last_event_id()).into_owned()
    }

    /// Events skipped because a field was too long.
    #[wasm_bindgen(getter)]
    pub fn skipped(&self) -> f64 {
        self.decoder.skipped() as f64
    }
}
