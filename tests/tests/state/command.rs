//! `streamgauge state`, and what is refused.

use crate::support::*;

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let (code, out, err) = run(&["moments", "--state", "redis://127.0.0.1:1/", "--key", "k"], b"1\n");
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.contains("127.0.0.1:1") && err.contains("refused") && err.lines().count() == 1, "{err}");
    fine(&["histogram", "--min", "0", "--max", "1", "--state", &state, "--key", "k"], b"0.5\n");
    for args in [&["moments"][..], &["histogram", "--min", "0", "--max", "2"], &["histogram", "--integers"]] {
        let (code, _, err) = run(&[args, &["--state", &state, "--key", "k"]].concat(), b"1\n");
        assert_eq!(code, 3, "{err}");
        assert!(err.contains("holds histogram (range 0 1 20)") && err.lines().count() == 1, "{err}");
    }
    redis.ask(&["SET", "s", "x"]);
    // Before anything is read.
    let (code, _, err) = run(&["moments", "--state", &state, "--key", "s"], b"");
    assert_eq!((code, err.as_str()), (3, "error: --key s: there is something else: s is a string\n"));
    assert_eq!(redis.ask(&["GET", "s"]), "x");
    // What is of the right kind is still somebody else's.
    redis.ask(&["HSET", "h", "5", "100"]);
    for args in [&["moments"][..], &["histogram", "--integers"]] {
        let (code, _, err) = run(&[args, &["--state", &state, "--key", "h"]].concat(), b"5\n");
        assert!(code == 3 && err.contains("h is a hash, and not of this state"), "{err}");
    }
    assert_eq!(redis.ask(&["HGET", "h", "5"]), "100");
    for (args, word) in [
        (&["moments", "--state", &state][..], "--key NAME is missing"),
        (&["moments", "--key", "k"], "--key, --expire and --nodes-db need --state"),
        (&["moments", "--state", "redis:/", "--key", "k"], "--state redis:/"),
        (&["moments", "--state", &state, "--key", "a:b"], "without a colon"),
    ] {
        let (code, _, err) = run(args, b"");
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(word), "{args:?}: {err}");
    }
    let (code, _, err) = run(&["state", "show", "--state", &state, "--key", "none"], b"");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("there is no such state"), "{err}");
}

#[test]
fn what_redis_evicts_is_told() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    let add = |command: &[&str], input: &str| run(&[command, &["--state", &state, "--key", "k"]].concat(), input);
    let graph = ["graph", "--from", "f", "--to", "t"];
    for (kind, input, data) in [
        (&["moments"][..], "1\n", "k"),
        (&["histogram", "--integers"], "1\n", "k"),
        (&graph, "{\"f\":\"a\",\"t\":\"b\"}\n", "streamgauge:k:nodes"),
    ] {
        assert_eq!(add(kind, input).0, 0, "{kind:?}");
        let (code, _, err) = add(kind, input);
        assert_eq!((code, err.as_str()), (0, ""), "{kind:?}");
        // One of the two keys goes.
        redis.ask(&["DEL", data, "k:a"]);
        let (code, out, err) = add(&["state", "show"], "");
        assert_eq!((code, out.as_str()), (3, ""), "{kind:?}: {err}");
        assert!(err.contains("--key k: Redis has lost its data"), "{kind:?}: {err}");
        let (code, _, err) = add(kind, input);
        assert!(code == 0 && err.contains("what had been added before was no longer in the state"), "{kind:?}: {err}");
        let (code, _, err) = add(kind, input);
        assert_eq!((code, err.as_str()), (0, ""), "{kind:?}");
        // Or the other one.
        redis.ask(&["DEL", "streamgauge:k"]);
        let (code, _, err) = add(kind, input);
        let rest = format!("{data} is a ");
        assert!(
            code == 3 && err.contains(&rest) && err.contains("that Redis has evicted, remove it"),
            "{kind:?}: {err}"
        );
        redis.ask(&["FLUSHALL"]);
    }
    // A node of a graph by itself.
    let records = "{\"f\":\"a\",\"t\":\"b\"}\n{\"f\":\"c\",\"t\":\"b\"}\n";
    assert_eq!(add(&graph, records).0, 0);
    redis.ask(&["DEL", "k:a"]);
    let (code, _, err) = add(&graph, records);
    assert!(code == 0 && err.contains("all or a part of it"), "{err}");
}

#[test]
fn a_full_redis_can_be_read() {
    let Some(redis) = Redis::start() else { return };
    let state = redis.url();
    fine(&["moments", "--state", &state, "--key", "m"], b"1\n");
    fine(&["histogram", "--integers", "--state", &state, "--key", "h"], b"1\n");
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    for key in ["m", "h"] {
        fine(&["state", "show", "--state", &state, "--key", key], b"");
    }
}

#[test]
fn a_state_is_shown_exported_and_removed() {
    let Some(mut redis) = Redis::start() else { return };
    let state = redis.url();
    let of = |action: &str, key: &str| run(&["state", action, "--state", &state, "--key", key], b"");
    let out = fine(&["histogram", "--integers", "--json", "--state", &state, "--key", "k"], b"3\n3\n4\n");
    assert_eq!(of("export", "k"), (0, out, String::new()));
    assert!(of("show", "k").1.ends_with("3 values\n"), "{:?}", of("show", "k"));
    // What is not ours stays.
    redis.ask(&["SET", "mine", "x"]);
    let (code, _, err) = of("reset", "mine");
    assert_eq!((code, err.as_str()), (1, "error: --key mine: there is no such state\n"));
    assert_eq!(of("reset", "k").1, "removed 2 keys\n");
    assert_eq!((redis.ask(&["DBSIZE"]), redis.ask(&["GET", "mine"])), ("1".to_owned(), "x".to_owned()));
    redis.kill();
    for action in ["show", "export", "reset"] {
        let (code, out, err) = of(action, "k");
        assert_eq!((code, out.as_str(), err.lines().count()), (3, "", 1), "{err}");
        assert!(err.contains("refused"), "{err}");
    }
}
