//! The bounded queue.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::boxes::room;
use crate::one_thread::OneThread;

use streamgauge_core::queue::Limits;
use streamgauge_core::shared::{QueueState, SharedQueue, Slot};
use wasm_bindgen::prelude::*;

/// At most so many calls wait at a time for one queue or fan-out.
pub(crate) const WAITING: usize = 256;

/// A bounded first-in first-out queue of bytes. Beyond a limit the oldest items leave and are counted:
/// `accepted == delivered + depth + overflow`, always.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Queue {
    // Calls that wait hold on to it while others put: it is shared, on the one thread that there is.
    queue: SharedQueue<OneThread<State>>,
}

type State = QueueState<Box<[u8]>, Box<[Slot]>>;

#[wasm_bindgen]
impl Queue {
    /// A queue over `capacity` bytes of memory (one to three of them for each item's length), of at most `maxDepth`
    /// items if that isn't 0.
    ///
    /// # Errors
    /// There is no such memory.
    #[wasm_bindgen(constructor)]
    pub fn new(capacity: u32, #[wasm_bindgen(js_name = maxDepth)] max_depth: Option<u32>) -> Result<Self, JsError> {
        let depth = max_depth.filter(|depth| *depth > 0).map(u64::from);
        let storage = vec![0; room::<u8>(capacity)?].into_boxed_slice();
        let slots = vec![Slot::FREE; WAITING].into_boxed_slice();
        let state = State::of(storage, Limits { depth, bytes: None }, slots);
        Ok(Self { queue: SharedQueue::new(OneThread::new(state)) })
    }

    /// Appends an item; the oldest ones leave if it has to be.
    ///
    /// # Errors
    /// If the item doesn't fit into an empty queue, or the queue was closed; nothing has changed.
    pub fn put(&self, item: &[u8]) -> Result<(), JsError> {
        Ok(self.queue.put(item, |_| ())?)
    }

    /// Removes and returns the oldest item; `undefined` when there is none.
    pub fn get(&self) -> Option<Vec<u8>> {
        self.queue.update(|queue| queue.get().map(<[u8]>::to_vec))
    }

    /// Removes and returns the oldest item, as soon as there is one. Calls are served in the order in which they
    /// began to wait.
    ///
    /// # Errors
    /// If the queue is empty and closed, or 256 calls wait for it already.
    #[wasm_bindgen(js_name = getAsync)]
    pub async fn get_async(&self) -> Result<Vec<u8>, JsError> {
        Ok(self.queue.get_with(<[u8]>::to_vec).await?)
    }

    /// Refuses what is put from now on. What is there can still be got; who waits for more is told.
    pub fn close(&self) {
        self.queue.close();
    }

    /// The oldest item, which stays.
    pub fn peek(&self) -> Option<Vec<u8>> {
        self.queue.with(|queue| queue.peek().map(<[u8]>::to_vec))
    }

    /// Items taken by `put`.
    #[wasm_bindgen(getter)]
    pub fn accepted(&self) -> f64 {
        self.queue.counters().accepted as f64
    }

    /// Items given away by `get`.
    #[wasm_bindgen(getter)]
    pub fn delivered(&self) -> f64 {
        self.queue.counters().delivered as f64
    }

    /// Items that left because of a limit.
    #[wasm_bindgen(getter)]
    pub fn overflow(&self) -> f64 {
        self.queue.counters().overflow as f64
    }

    /// Items held now.
    #[wasm_bindgen(getter)]
    pub fn depth(&self) -> f64 {
        self.queue.counters().depth as f64
    }

    /// The largest depth so far.
    #[wasm_bindgen(getter, js_name = highWater)]
    pub fn high_water(&self) -> f64 {
        self.queue.counters().high_water as f64
    }

    /// Payload bytes held now.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> f64 {
        self.queue.counters().bytes as f64
    }
}
