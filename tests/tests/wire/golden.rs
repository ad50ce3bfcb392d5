//! Every row of PROTOCOL.md as a transcript: `tests/golden/*.txt`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use streamgauge_tests::transcript::play;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

macro_rules! transcripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                play(&folder().join(concat!(stringify!($name), ".txt")));
            }
        )*

        #[test]
        fn every_transcript_is_played() {
            let played: BTreeSet<_> = [$(concat!(stringify!($name), ".txt")),*].map(PathBuf::from).into();
            let files = std::fs::read_dir(folder()).expect("the folder of transcripts");
            let files: BTreeSet<_> =
                files.map(|file| PathBuf::from(file.expect("a file").file_name())).collect();
            assert_eq!(files, played);
        }
    };
}

transcripts! {
    pubsub_clients
    pubsub_cors
    pubsub_events
    pubsub_gap
    pubsub_head
    pubsub_http10
    pubsub_lines
    pubsub_multipart
    pubsub_pipelined
    pubsub_publish
    pubsub_stats
    pubsub_unknown
    pubsub_websocket
    queue_bytes
    queue_cors
    queue_depth
    queue_dump
    queue_exit
    queue_http10
    queue_mget
    queue_mput
    queue_pipelined
    queue_put_get
    queue_query
    queue_separators
    queue_stats
    queue_unknown
}
