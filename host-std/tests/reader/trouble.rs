//! Queues and disks that are slow, full or gone.

use std::collections::HashSet;

use streamgauge::client::Limits;

use super::scripted::{Said, scripted};
use super::*;

/// So long an answer is waited for here.
const IMPATIENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn what_is_put_again_has_the_name_that_it_had() {
    for has_leases in [false, true] {
        let (gets, puts) = (AtomicUsize::new(0), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&puts);
        let queue = scripted(move |target, body| match target.split('?').next().unwrap() {
            "/stats" => Said::standing(),
            "/get" if gets.fetch_add(1, Ordering::SeqCst) < 2 => {
                Said::json("200 OK", gets.load(Ordering::SeqCst).to_string())
            }
            "/mget" if gets.fetch_add(1, Ordering::SeqCst) == 0 => Said::lent(&["1", "2"]),
            "/put" => {
                let id = target.split("id=").nth(1).unwrap_or_default().to_owned();
                let item = body.split(',').next().unwrap().to_owned();
                let mut seen = seen.lock();
                seen.push((item, id));
                if seen.len() % 3 == 0 { Said::json("200 OK", "") } else { Said::Silence }
            }
            "/ack" => Said::json("200 OK", r#"{"over":[],"acked":1}"#),
            _ => Said::nothing(),
        })
        .await;
        let reader = quick(&queue, &folder()).limits(Limits { read: IMPATIENT, ..Limits::default() });
        let reader = if has_leases { reader.lease(PATIENCE) } else { reader };
        let reader = reader.task("sure", async |_: Message| ()).task("bad", async |_: Message| false);
        let reader = Running::start(reader);
        reader.until("put", |_| puts.lock().len() >= 6).await;
        reader.end().await;
        let names: HashSet<_> = puts.lock().iter().cloned().collect();
        let ids: HashSet<_> = names.iter().map(|(_, id)| id.clone()).collect();
        assert!(names.len() == 2 && ids.len() == 2 && !ids.contains(""), "{has_leases}: {names:?}");
    }
}
