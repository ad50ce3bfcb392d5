//! ps_to_file from a scripted source.

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use streamgauge::bridges::ps_to_file::{Rolling, run};
use streamgauge::client::Limits;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use crate::source::Source;

async fn holds(path: &Path, text: &str) {
    let waited = timeout(Duration::from_secs(10), async {
        while fs::read_to_string(path).unwrap_or_default() != text {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let read = waited.await;
    assert!(read.is_ok(), "{} holds {:?}", path.display(), fs::read_to_string(path));
}

#[tokio::test]
async fn messages_are_lines_of_a_file_soon_and_in_order_across_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let file = folder.join("out.log");
    fs::write(&file, "before\n").expect("a file");
    let mut source = Source::start(true).await;
    let files = Rolling::new(&format!("{}/out.log", folder.display())).expect("a format");
    let reopen = Arc::new(Notify::new());
    let (stop, stopped) = oneshot::channel::<()>();
    let url = source.url("multipart=0");
    let test = async {
        source.subscribed(1).await;
        source.publish(&["a".into(), "b c".into()]);
        // No more than the second that is promised, and some patience for the machine.
        timeout(Duration::from_secs(3), holds(&file, "before\na\nb c\n")).await.expect("flushed");
        source.stop().await;
        source.publish(&["d".into()]);
        source.restart().await;
        holds(&file, "before\na\nb c\nd\n").await;
        fs::rename(&file, folder.join("old.log")).expect("renamed");
        reopen.notify_one();
        sleep(Duration::from_millis(100)).await;
        source.publish(&["e".into()]);
        holds(&file, "e\n").await;
        source.publish(&["f".into()]);
        sleep(Duration::from_millis(100)).await;
        stop.send(()).expect("it runs");
    };
    let running = run(url, files, Limits::default(), &reopen, async { drop(stopped.await) });
    let (summary, ()) = tokio::join!(running, test);
    let (summary, end) = summary;
    assert!(end.is_ok(), "{end:?}");
    assert_eq!((summary.written, summary.unwritten), (5, 0));
    assert_eq!(fs::read_to_string(&file).expect("a file"), "e\nf\n", "all is written at the end");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_ends_it_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let source = Source::start(true).await;
    let files = Rolling::new(&format!("{}/x", folder.display())).expect("a format");
    fs::create_dir(folder.join("x")).expect("in the way");
    let reopen = Notify::new();
    let publish = async {
        source.subscribed(1).await;
        source.publish(&["a".into()]);
    };
    let running = run(source.url("multipart=0"), files, Limits::default(), &reopen, core::future::pending());
    let (ended, ()) = tokio::join!(timeout(Duration::from_secs(10), running), publish);
    let (summary, end) = ended.expect("in time");
    let error = end.expect_err("a folder is no file").to_string();
    assert!(error.contains("/x: "), "{error}");
    assert_eq!((summary.written, summary.unwritten), (0, 1));
}

#[tokio::test]
async fn what_a_full_disk_does_not_take_is_counted() {
    let source = Source::start(true).await;
    let (files, reopen) = (Rolling::new("/dev/full").expect("a format"), Notify::new());
    let publish = async {
        source.subscribed(1).await;
        source.publish(&["a".into(), "b\nc".into()]);
    };
    let running = run(source.url("multipart=0"), files, Limits::default(), &reopen, core::future::pending());
    let (ended, ()) = tokio::join!(timeout(Duration::from_secs(10), running), publish);
    let (summary, end) = ended.expect("in time");
    assert!(end.is_err() && (summary.written, summary.unwritten) == (0, 2), "{end:?}: {summary}");
    assert!(summary.to_string().ends_with(", not written 2"), "{summary}");
}
