//! The fan-out.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use streamgauge_core::shared::{FanoutState, Received, SharedFanout, Slot};
use streamgauge_core::topic::{Delivery as CoreDelivery, Fanout as Core, Id, Place, Unsubscribed};
use wasm_bindgen::prelude::*;

use crate::boxes::room;
use crate::one_thread::OneThread;
use crate::queue::WAITING;

/// Every subscriber sees every message, from one log of bounded size: a slow one costs nothing but its own lag. For
/// each subscriber `received + lagged + pending == published`, always.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Fanout {
    // Calls that wait hold on to it while others publish: it is shared, on the one thread that there is.
    fanout: SharedFanout<OneThread<State>>,
    ids: RefCell<Ids>,
}

type State = FanoutState<Box<[u8]>, Box<[Place]>, Box<[Slot]>>;

/// Subscribers by number.
#[derive(Debug, Default)]
struct Ids {
    of: Vec<(u32, Id)>,
    next: u32,
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

impl From<Received<Vec<u8>>> for Message {
    fn from(received: Received<Vec<u8>>) -> Self {
        match received {
            Received::Message(message) => Self { bytes: Some(message), lagged: 0 },
            Received::Lagged(missed) => Self { bytes: None, lagged: u32::try_from(missed).unwrap_or(u32::MAX) },
        }
    }
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
    ///
    /// # Errors
    /// There is no such memory.
    #[wasm_bindgen(constructor)]
    pub fn new(capacity: u32, #[wasm_bindgen(js_name = maxSubscribers)] max_subscribers: u32) -> Result<Self, JsError> {
        let places = vec![Place::FREE; room::<Place>(max_subscribers)?].into_boxed_slice();
        let storage = vec![0; room::<u8>(capacity)?].into_boxed_slice();
        let slots = vec![Slot::FREE; WAITING].into_boxed_slice();
        let fanout = SharedFanout::new(OneThread::new(State::of(storage, places, slots)));
        Ok(Self { fanout, ids: RefCell::default() })
    }

    /// A new subscriber, who will see what is published from now on: its number.
    ///
    /// # Errors
    /// If there are as many as there can be.
    pub fn subscribe(&self) -> Result<u32, JsError> {
        let id = self.fanout.subscribe()?;
        let mut ids = self.ids.borrow_mut();
        let number = ids.next;
        ids.next = number.wrapping_add(1);
        ids.of.push((number, id));
        Ok(number)
    }

    /// Ends a subscription and returns its final account.
    ///
    /// # Errors
    /// If it had ended before.
    pub fn unsubscribe(&self, subscriber: u32) -> Result<Delivery, JsError> {
        let id = self.id(subscriber)?;
        self.ids.borrow_mut().of.retain(|(number, _)| *number != subscriber);
        Ok(self.fanout.unsubscribe(id)?.into())
    }

    /// Makes `message` the newest one. The oldest ones leave if it has to be, whoever has yet to read them.
    ///
    /// # Errors
    /// If the message doesn't fit into an empty log, or the fan-out was closed; nothing has changed.
    pub fn publish(&self, message: &[u8]) -> Result<f64, JsError> {
        Ok(self.fanout.publish(message)? as f64)
    }

    /// What there is for a subscriber; `undefined` when it has seen everything.
    ///
    /// # Errors
    /// If the subscription has ended.
    pub fn next(&self, subscriber: u32) -> Result<Option<Message>, JsError> {
        let next = self.fanout.try_next_with(self.id(subscriber)?, <[u8]>::to_vec)?;
        Ok(next.map(Message::from))
    }

    /// What there is for a subscriber, as soon as there is something.
    ///
    /// # Errors
    /// If the subscription has ended, or it has seen everything and the fan-out is closed, or 256 calls wait already.
    #[wasm_bindgen(js_name = nextAsync)]
    pub async fn next_async(&self, subscriber: u32) -> Result<Message, JsError> {
        let next = self.fanout.next_with(self.id(subscriber)?, <[u8]>::to_vec).await?;
        Ok(next.into())
    }

    /// Refuses what is published from now on. Subscribers still get what they have not seen.
    pub fn close(&self) {
        self.fanout.close();
    }

    /// A subscriber's account.
    ///
    /// # Errors
    /// If the subscription has ended.
    pub fn delivery(&self, subscriber: u32) -> Result<Delivery, JsError> {
        Ok(self.fanout.delivery(self.id(subscriber)?)?.into())
    }

    /// Messages published so far.
    #[wasm_bindgen(getter)]
    pub fn published(&self) -> f64 {
        self.fanout.with(Core::published) as f64
    }

    /// Number of subscribers.
    #[wasm_bindgen(getter)]
    pub fn subscribers(&self) -> u32 {
        self.fanout.with(Core::subscribers) as u32
    }

    fn id(&self, subscriber: u32) -> Result<Id, Unsubscribed> {
        let ids = self.ids.borrow();
        ids.of.iter().find(|(number, _)| *number == subscriber).map(|(_, id)| *id).ok_or(Unsubscribed)
    }
}
