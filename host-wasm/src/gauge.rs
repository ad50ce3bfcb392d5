//! A gauge as a server has it.

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use js_sys::Uint8Array;
use streamgauge_core::gauge::{Definition, Gauge as Core, Json, write_alert, write_json, write_svg};
use streamgauge_core::time::Time;
use wasm_bindgen::prelude::*;

use crate::boxes::Boxes;

/// The most bytes of a gauge that is not told otherwise.
const MOST_BYTES: u32 = 64 << 20;

/// Measures messages as a gauge of a server does: moments, quantiles, distinct and frequent values, histograms, rates,
/// changes, pairs and graphs, grouped by a field, over panes and windows. The same messages at the same times give the
/// same results to the bit, here, on a server and in a firmware.
///
/// Times are milliseconds since 1970, as `Date.now()` tells them. Before each message and whenever time has passed,
/// `close` the panes that are over: those that are not told before the next message is taken are lost, and counted as
/// `untold`.
#[wasm_bindgen]
pub struct Gauge {
    core: Core<Boxes>,
    name: String,
    boxes: Boxes,
}

/// What a gauge has to tell: the reading of a pane that is over, or a rule that begins to hold or has ended.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// JSON, in one line.
    #[wasm_bindgen(readonly)]
    pub line: String,
    /// The topic that the rule names; `undefined` where a server would publish it beside the readings.
    #[wasm_bindgen(readonly)]
    pub to: Option<String>,
}

#[wasm_bindgen]
impl Gauge {
    /// A gauge that has seen nothing. `definition` is JSON, as for `PUT /gauges/NAME`; `name` is what its readings call
    /// it; what it keeps takes at most `maxBytes` (64 MiB if not told otherwise), whatever comes.
    ///
    /// # Errors
    /// There can be no such gauge, and one line says why; or it would take more bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(
        definition: &str,
        name: Option<String>,
        #[wasm_bindgen(js_name = maxBytes)] max_bytes: Option<u32>,
    ) -> Result<Self, JsError> {
        let mut boxes = Boxes::within(max_bytes.unwrap_or(MOST_BYTES).into());
        let core = Core::new(&Definition::from_json(definition.as_bytes())?, &mut boxes)?;
        Ok(Self { core, name: name.unwrap_or_default(), boxes })
    }

    /// Lets it begin at this time, as a server's does when it is set up, and not with the first message: panes in which
    /// nothing comes are told from then on, except where a field tells the time.
    pub fn begin(&mut self, milliseconds: f64) {
        self.core.begin(time(milliseconds));
    }

    /// Measures a message, bytes or a string, that came at this time.
    ///
    /// # Errors
    /// It is neither; nothing has changed.
    pub fn take(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array | string")] message: &JsValue,
        milliseconds: f64,
    ) -> Result<(), JsError> {
        let bytes = match message.as_string() {
            Some(text) => text.into_bytes(),
            None => match message.dyn_ref::<Uint8Array>() {
                Some(bytes) => bytes.to_vec(),
                None => return Err(JsError::new("a message must be a string or a Uint8Array")),
            },
        };
        self.take_bytes(&bytes, milliseconds);
        Ok(())
    }

    /// Whether a pane is over that has not been told.
    #[wasm_bindgen(js_name = isOver)]
    pub fn is_over(&self, milliseconds: f64) -> bool {
        self.core.is_over(time(milliseconds))
    }

    /// When the next pane is over though no message comes; `undefined` if only messages tell that.
    #[wasm_bindgen(getter, js_name = nextOver)]
    pub fn next_over(&self) -> Option<f64> {
        self.core.next_over().map(|time| time.as_millis() as f64)
    }

    /// Closes the panes that are over: their readings, and what the rules have to tell, in their order.
    pub fn close(&mut self, milliseconds: f64) -> Vec<Told> {
        let (now, mut told) = (time(milliseconds), Vec::new());
        while self.core.is_over(now) {
            let reading = written(|line| {
                let mut json = Json::new(&self.name, now, line);
                self.core.close(now, |reading, whose, cell| json.part(reading, whose, cell));
                json.finish()
            });
            told.push(Told { line: reading.trim_end().into(), to: None });
            for alert in self.core.take_alerts() {
                let definition = self.core.definition();
                let line = written(|line| write_alert(&self.name, definition, &alert, now, line));
                let to = definition.rules.get(alert.rule).and_then(|rule| rule.to);
                told.push(Told { line: line.trim_end().into(), to: to.map(|topic| topic.as_str().into()) });
            }
        }
        told
    }

    /// What it measures now, as `json` or `svg`, or its `definition`.
    ///
    /// # Errors
    /// There is no such format.
    pub fn read(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "'json' | 'svg' | 'definition'")] format: &str,
        milliseconds: f64,
    ) -> Result<String, JsError> {
        let now = time(milliseconds);
        // Each by itself: the forms for people and for collectors are a server's, and are left out.
        match format {
            "json" => Ok(written(|out| write_json(&mut self.core, &self.name, now, out))),
            "svg" => Ok(written(|out| write_svg(&mut self.core, &self.name, now, out))),
            "definition" => Ok(written(|out| {
                self.core.definition().write_json(out)?;
                out.push(b'\n');
                Ok(())
            })),
            _ => Err(JsError::new("format must be json, svg or definition")),
        }
    }

    /// All of its state, to be added to another gauge, here or on a server (`POST /gauges/NAME/merge`).
    #[wasm_bindgen(js_name = toBinary)]
    pub fn to_binary(&mut self, milliseconds: f64) -> Vec<u8> {
        let mut out = Vec::new();
        let Ok(()) = self.core.write_binary(time(milliseconds), &mut out) as Result<(), Infallible>;
        out
    }

    /// Adds what another gauge has measured, from its binary form.
    ///
    /// # Errors
    /// It is corrupt, or measures something else; nothing has changed.
    pub fn merge(&mut self, binary: &[u8], milliseconds: f64) -> Result<(), JsError> {
        // At a time it looks at one cell, of which this gauge has one itself at the least.
        Ok(self.core.merge(binary, time(milliseconds), &mut Boxes::within(u64::MAX))?)
    }

    /// Bytes of memory that it keeps.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> f64 {
        self.boxes.held() as f64
    }
}

impl Gauge {
    /// Measures a message that came at this time, in milliseconds.
    pub fn take_bytes(&mut self, message: &[u8], milliseconds: f64) {
        self.core.take(message, time(milliseconds));
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Parts of a millisecond are left out; before 1970 nothing has been.
fn time(milliseconds: f64) -> Time {
    Time::from_millis(milliseconds as u64)
}

/// What `write` writes, which is text.
fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Infallible>) -> String {
    let mut out = Vec::new();
    let Ok(()) = write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::Gauge;

    fn gauge(definition: &str) -> Gauge {
        Gauge::new(definition, Some(String::from("g")), None).unwrap()
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let definition = r#"{"field":"x","measure":["moments","distinct","quantiles"]}"#;
        let [mut whole, mut left, mut right] = [(); 3].map(|()| gauge(definition));
        for x in 0..100_u8 {
            let message = [b"{\"x\":".as_slice(), &[b'0' + x % 10], b"}"].concat();
            whole.take_bytes(&message, 5.0);
            if x < 50 { &mut left } else { &mut right }.take_bytes(&message, 5.0);
        }
        let other = right.to_binary(9.0);
        left.merge(&other, 9.0).unwrap();
        assert_eq!(left.read("json", 9.0).unwrap(), whole.read("json", 9.0).unwrap());
    }

    #[test]
    fn panes_are_told_once_and_what_is_not_told_is_counted() {
        let mut gauge = gauge(r#"{"measure":"rate","every":"1s"}"#);
        let messages =
            |gauge: &mut Gauge, at| -> Vec<String> { gauge.close(at).into_iter().map(|told| told.line).collect() };
        gauge.take_bytes(b"a", 1_000.7);
        assert!(!gauge.is_over(1_999.9) && gauge.is_over(2_000.0));
        assert_eq!(gauge.next_over(), Some(2_000.0));
        let told = messages(&mut gauge, 2_500.0);
        assert!(told.len() == 1 && told[0].contains("\"messages\":1,") && !told[0].ends_with('\n'), "{told:?}");
        assert_eq!(messages(&mut gauge, 2_500.0).len(), 0);
        gauge.take_bytes(b"b", 2_600.0);
        gauge.take_bytes(b"c", 9_000.0);
        assert!(gauge.read("json", 9_000.0).unwrap().contains("\"untold\":1,"));
        assert_eq!(gauge.bytes(), gauge.boxes.held() as f64);
    }

    #[test]
    fn it_may_begin_before_anything_comes() {
        let mut gauge = gauge(r#"{"measure":"rate","every":"1s"}"#);
        assert_eq!(gauge.next_over(), None);
        gauge.begin(1_200.0);
        assert_eq!(gauge.next_over(), Some(2_000.0));
        let told = gauge.close(2_000.0);
        assert!(told.len() == 1 && told[0].line.contains("\"messages\":0,"), "{told:?}");
    }

    #[test]
    fn what_it_keeps_is_within_its_bound() {
        let definition = r#"{"measure":"distinct","precision":10}"#;
        let held = gauge(definition).bytes() as u32;
        assert!(held > 1024);
        assert!(
            super::Core::new(
                &super::Definition::from_json(definition.as_bytes()).unwrap(),
                &mut super::Boxes::within(u64::from(held) - 1)
            )
            .is_err()
        );
        assert!(Gauge::new(definition, None, Some(held)).is_ok());
    }
}
