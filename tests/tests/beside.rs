//! The measurement beside other servers, in little: that it works, and not what it finds.
#![cfg(target_os = "linux")]

use streamgauge_tests::beside::{Options, engine, run};
use streamgauge_tests::needs;

#[test]
fn every_server_says_that_it_took_what_it_holds() {
    let missing = run(&Options::quick(env!("CARGO_TARGET_TMPDIR").into())).expect("a folder on a disk");
    for program in missing {
        needs::without(&format!("{program} is not on this machine"), "tests/run installs it");
    }
}

#[test]
fn gateways_and_the_engine_itself_hold_and_deliver_what_they_have_said_they_took() {
    engine::run(&engine::Options::quick());
}
