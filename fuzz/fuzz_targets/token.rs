//! Tokens of leases: what is one reads back as itself, and none but the one that was given ends a lease.
#![no_main]

use core::ops::ControlFlow;
use core::time::Duration;

use libfuzzer_sys::fuzz_target;
use streamgauge_core::queue::leases::{LeaseQueue, Settings, Slot, Token};
use streamgauge_core::time::Time;

fuzz_target!(|data: &[u8]| {
    let Some((&random, text)) = data.split_first_chunk::<8>() else { return };
    let random = u64::from_le_bytes(random);
    let mut queue = LeaseQueue::new([0; 64], [Slot::FREE; 2], Settings::DEFAULT, 0);
    queue.put(Time::ZERO, b"item", |_| ()).unwrap();
    let mut given = None;
    let lent = queue.lease(
        Time::ZERO,
        1,
        Duration::from_secs(1),
        || random,
        |item| {
            given = item.token;
            ControlFlow::Continue(())
        },
    );
    let given = given.filter(|_| lent == Ok(1)).expect("a token").to_string();
    assert_eq!(given.len(), Token::LEN);
    assert_eq!(Token::parse(given.as_bytes()).map(|token| token.to_string()), Some(given.clone()));
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let parsed = Token::parse(text);
    let is_one = text.len() == Token::LEN && text.iter().all(is_hex) && text[8..].iter().any(|byte| *byte != b'0');
    assert_eq!(parsed.is_some(), is_one);
    if let Some(token) = parsed {
        assert_eq!(token.to_string().as_bytes(), text);
        assert_eq!(queue.ack(Time::ZERO, token).is_ok(), text == given.as_bytes());
    }
    // One bit off is another one; the right one is so once.
    let mut wrong = given.clone().into_bytes();
    let at = usize::from(random as u8) % wrong.len();
    wrong[at] ^= 1;
    let still = queue.counters().leased == 1;
    assert!(Token::parse(&wrong).is_none_or(|token| queue.ack(Time::ZERO, token).is_err()));
    let token = Token::parse(given.as_bytes()).unwrap();
    assert_eq!(queue.ack(Time::ZERO, token).is_ok(), still);
    assert!(queue.ack(Time::ZERO, token).is_err());
    assert!(queue.counters().balanced() && queue.counters().acked == 1);
});
