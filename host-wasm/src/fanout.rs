//! The fan-out.

use std::collections::BTreeMap;

use streamgauge_core::fanout::{Cursor, Delivery as CoreDelivery, Fanout as Core, Id, Next, Unsubscribed};
use wasm_bindgen::prelude::*;

/// Every subscriber sees every message, from one log of bounded size: a slow one costs nothing but its own lag. For
/// each subscriber `received + lagged + pending == published`, always.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Fanout {
    fanout: Core<Box<[u8]>, Box<[Cursor]>>,
    ids: BTreeMap<u32, Id>,
    next_id: u32,
}

/// What there is for a subscriber: either a message, or how many it has missed.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message; `undefined` if some were missed.
    #[wasm_bindgen(readonly)]
    pub bytes: Option<Vec<u8>>,
    /// So many messages left before the subscriber read them.
    #[wasm_bindgen(readonly)]
    pub lagged: u32,
}

/// A subscriber's account.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delivery {
    /// Messages published since it subscribed.
    #[wasm_bindgen(readonly)]
    pub published: f64,
    /// Messages handed to it.
    #[wasm_bindgen(readonly)]
    pub received: f64,
    /// Messages that left before it read them.
    #[wasm_bindgen(readonly)]
    pub lagged: f64,
    /// Messages that it has yet to read.
    #[wasm_bindgen(readonly)]
    pub pending: f64,
    /// Bytes published that it has neither read nor been told it lost.
    #[wasm_bindgen(readonly, js_name = bytesBehind)]
    pub bytes_behind: f64,
}

impl From<CoreDelivery> for Delivery {
    fn from(delivery: CoreDelivery) -> Self {
        Self {
            published: delivery.published as f64,
            received: delivery.received as f64,
            lagged: delivery.lagged as f64,
            pending: delivery.pending as f64,
            bytes_behind: delivery.bytes_behind as f64,
        }
    }
}

#[wasm_bindgen]
impl Fanout {
    /// A fan-out with `capacity` bytes for messages, for at most `maxSubscribers`.
    #[wasm_bindgen(constructor)]
    pub fn new(capacity: u32, max_subscribers: u32) -> Self {
        let cursors = vec![Cursor::FREE; max_subscribers as usize].into_boxed_slice();
        let fanout = Core::new(vec![0; capacity as usize].into_boxed_slice(), cursors);
        Self { fanout, ids: BTreeMap::new(), next_id: 0 }
    }

    /// A new subscriber, who will see what is published from now on: its number.
    ///
    /// # Errors
    /// If there are as many as there can be.
    pub fn subscribe(&mut self) -> Result<u32, JsError> {
        let id = self.fanout.subscribe()?;
        let number = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.ids.insert(number, id);
        Ok(number)
    }

    /// Ends a subscription and returns its final account.
    ///
    /// # Errors
    /// If it had ended before.
    pub fn unsubscribe(&mut self, subscriber: u32) -> Result<Delivery, JsError> {
        let id = self.ids.remove(&subscriber).ok_or(Unsubscribed)?;
        Ok(self.fanout.unsubscribe(id)?.into())
    }

    /// Makes `message` the newest one. The oldest ones leave if it has to be, whoever has yet to read them.
    ///
    /// # Errors
    /// If the message doesn't fit into an empty log; nothing has changed.
    pub fn publish(&mut self, message: &[u8]) -> Result<f64, JsError> {
        Ok(self.fanout.publish(message)? as f64)
    }

    /// What there is for a subscriber; `undefined` when it has seen everything.
    ///
    /// # Errors
    /// If the subscription has ended.
    pub fn next(&mut self, subscriber: u32) -> Result<Option<Message>, JsError> {
        let id = *self.ids.get(&subscriber).ok_or(Unsubscribed)?;
        Ok(match self.fanout.next(id)? {
            Next::Message(message) => Some(Message { bytes: Some(message.to_vec()), lagged: 0 }),
            Next::Lagged(missed) => Some(Message { bytes: None, lagged: u32::try_from(missed).unwrap_or(u32::MAX) }),
            Next::Empty => None,
        })
    }

    /// A subscriber's account.
    ///
    /// # Errors
    /// If the subscription has ended.
    pub fn delivery(&self, subscriber: u32) -> Result<Delivery, JsError> {
        Ok(self.fanout.delivery(*self.ids.get(&subscriber).ok_or(Unsubscribed)?)?.into())
    }

    /// Messages published so far.
    #[wasm_bindgen(getter)]
    pub fn published(&self) -> f64 {
        self.fanout.published() as f64
    }

    /// Number of subscribers.
    #[wasm_bindgen(getter)]
    pub fn subscribers(&self) -> u32 {
        self.fanout.subscribers() as u32
    }
}
