//! What was sent and may have arrived, or not.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use streamgauge_tests::wait::until;

use crate::support::*;

/// What was said on each connection to Redis.
type Said = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

/// Passes on to Redis, and loses each third answer to a script, with the connection.
fn lossy(redis: u16) -> (SocketAddr, Said) {
    let said = Said::default();
    let connections = Arc::clone(&said);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, redis)).expect("redis");
            let (mut up, mut down) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
            let (mut from_server, mut to_client) = (server, client);
            let words = Arc::new(Mutex::new(Vec::new()));
            connections.lock().expect("no panic").push(Arc::clone(&words));
            thread::spawn(move || {
                let mut scripts = 0;
                let mut buffer = vec![0; 1 << 16];
                while let Ok(length @ 1..) = up.read(&mut buffer) {
                    words.lock().expect("no panic").extend_from_slice(&buffer[..length]);
                    let script = buffer[..length].windows(7).any(|word| word == b"EVALSHA");
                    scripts += u32::from(script);
                    if script && scripts % 3 == 0 {
                        // The request arrives; its answer does not.
                        let _ = up.shutdown(Shutdown::Both);
                    }
                    if down.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = down.shutdown(Shutdown::Write);
            });
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(length @ 1..) = from_server.read(&mut buffer) {
                    if to_client.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = to_client.shutdown(Shutdown::Both);
            });
        }
    });
    (address, said)
}

#[test]
fn a_batch_whose_answer_is_lost_is_recognised() {
    let Some(redis) = Redis::start() else { return };
    let queue = filled_queue();
    let (address, said) = lossy(redis.port);
    let state = format!("redis://{address}/3");
    let notes = ends_well(reader(queue.address, &state, EACH));
    assert!(notes.contains("batches were sent again that had arrived, and recognised"), "{notes}");
    assert!(!notes.contains("; 0 batches were sent again"), "{notes}");
    let once = || {
        assert_eq!(counted_once(&redis).len(), NUMBERS);
    };
    once();
    // All of it arrives again when the reader is gone, as from a network that was slow.
    for words in said.lock().expect("no panic").iter() {
        let mut late = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port)).expect("redis");
        late.write_all(&words.lock().expect("no panic")).expect("redis listens");
        late.shutdown(Shutdown::Write).expect("an end");
        late.read_to_end(&mut Vec::new()).expect("answers");
    }
    once();
}

#[test]
fn a_reset_under_way_is_told() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let mut moments = Fed::start(&["moments", "--json", "--every", "1", "--state", &state, "--key", "k"]);
    for number in 1..=3 {
        moments.feed(&format!("{number}\n"));
        until("it to be added", || (redis.ask(&["HGET", "k", "count"]) == number.to_string()).then_some(()));
    }
    redis.ask(&["FLUSHALL"]);
    moments.feed("4\n");
    let (_, out, err) = moments.end();
    assert!(out.lines().last().unwrap().starts_with("{\"count\":1,\"mean\":4.0"), "{out}");
    assert!(err.contains("3 batches that had been added are no longer in the state"), "{err}");
}
