//! A reader as a Rust program writes it: numbers from a queue, some of them left out, some failing, their moments at
//! the end.
//!
//! ```sh
//! streamgauge generate uniform --count 1000 --seed 1 --queue http://127.0.0.1:8081
//! cargo run --release --example reader -- http://127.0.0.1:8081
//! ```

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamgauge::readers::Reader;
use streamgauge_core::stats::Moments;
use tokio::sync::watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let queue = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8081".to_owned());
    let moments = Arc::new(Mutex::new(Moments::default()));
    let sum = Arc::clone(&moments);
    let reader = Reader::builder(queue.parse()?)
        .name("upper_half")
        // What comes here is JSON; what the task gets is in per cent.
        .preprocess(|message| {
            let per_cent = 100.0 * message.json::<f64>()?;
            Ok(message.with_data(per_cent.to_string()))
        })
        // Whatever is below is dropped, which is a success.
        .validate(|message| Ok(message.json::<f64>()? > 50.0))
        .task("moments", move |message| {
            let sum = Arc::clone(&sum);
            async move {
                let number: f64 = message.json().map_err(|error| error.to_string())?;
                // Now and then something goes wrong, once.
                if (number * 1e6) as u64 % 10 == 7 && message.tries() == 1 {
                    return Err("as one in ten does".to_owned());
                }
                // And some things never work out.
                if (number * 1e6) as u64 % 500 == 253 {
                    return Err("as one in five hundred does".to_owned());
                }
                sum.lock().map_err(|error| error.to_string())?.push(number);
                Ok(())
            }
        })
        .on_giveup(|envelope| println!("given up: {}", String::from_utf8_lossy(envelope)))
        .max_tries(2)
        .requeue_delay(Duration::from_millis(100))
        .requeue_pause(Duration::ZERO)
        .max_backoff(Duration::from_millis(1))
        .drain()
        .build()?;
    let monitor = reader.monitor();
    let stop = watch::Sender::new(false);
    reader.run(stop.subscribe()).await;

    let counters = monitor.status().counters;
    println!("{} finished, {} dropped, {} given up", counters.finished, counters.dropped, counters.given_up);
    println!("{} tries failed", counters.requeued + counters.given_up);
    let moments = moments.lock().map_err(|error| error.to_string())?;
    if let (Some(mean), Some(variance)) = (moments.mean(), moments.sample_variance()) {
        println!("mean {mean:.6}, variance {variance:.6}");
    }
    Ok(())
}
