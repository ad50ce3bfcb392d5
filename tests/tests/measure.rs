//! `streamgauge moments`, `histogram` and `graph` as they are typed: what they print, to the byte.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use streamgauge_tests::command::{ended, fine, run, streamgauge};
use streamgauge_tests::needs;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

#[test]
fn moments_are_one_object() {
    let json = "{\"count\":4,\"mean\":2.5000000000000000,\"variance\":1.6666666666666667,\
                \"population_variance\":1.2500000000000000,\"stddev\":1.2909944487358056,\
                \"skewness\":0.0000000000000000,\"kurtosis\":-1.3600000000000001,\"min\":1.0000000000000000,\
                \"max\":4.0000000000000000,\"rejected\":{\"not_a_number\":2,\"nan\":1,\"infinite\":2}}\n";
    let input = "1\n2\nx\n\n3\nNaN\n4\n inf \r\n-inf\n0x1";
    assert_eq!(fine(&["moments", "--json"], input), json);
    let nothing = "{\"count\":0,\"mean\":null,\"variance\":null,\"population_variance\":null,\"stddev\":null,\
                   \"skewness\":null,\"kurtosis\":null,\"min\":null,\"max\":null,\
                   \"rejected\":{\"not_a_number\":0,\"nan\":0,\"infinite\":0}}\n";
    assert_eq!(fine(&["moments", "--json"], ""), nothing);
    let records = "{\"a\":{\"b\":[0,1.5]}}\n{}\n{\"a\":{\"b\":[0,-2]}}\n{\"a\"\n";
    let out = fine(&["moments", "--field", "a.b.1"], records);
    let line = "count 2  mean -0.25  variance 6.125  stddev 2.474873734  skewness 0  kurtosis -2  min -2  max 1.5  \
                (2 not a number)\n";
    assert_eq!(out, line);
}

#[test]
fn no_digit_is_made_up() {
    let out = fine(&["moments"], "1331923247123\n1331923247999\n1331923247500\n");
    assert!(out.starts_with("count 3  mean 1.331923248e12  variance 193084.3333  "), "{out}");
    assert!(out.ends_with("  min 1331923247123  max 1331923247999\n"), "{out}");
}

#[test]
fn progress_comes_after_every_so_many() {
    let out = fine(&["moments", "--every", "2", "--count", "5"], "1\n2\n3\n4\n5\n6\n7\n");
    let counts: Vec<_> = out.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(counts, ["count 2", "count 4", "count 5"]);
    assert!(out.ends_with("min 1  max 5\n"), "{out}");
}

#[test]
fn what_was_rejected_first_is_said() {
    let (code, _, err) = run(&["moments", "--field", "x"], "{\"x\":1}\n{\"y\":1}\n{\"z\":1}\n");
    assert_eq!((code, err.as_str()), (0, "rejected: record 2 has no `x`: `{\"y\":1}`\n"));
}

#[test]
fn a_histogram_is_drawn() {
    let input = "0\n0.5\n0.6\n0.7\n0.99\n1\n-3\nx\n";
    let args = ["histogram", "--min", "0", "--max", "1", "--bins", "2"];
    let expected = "\
below  1
    0  1 ▏████████████▎
  0.5  4 ▏█████████████████████████████████████████████████
    1
above  1
7 values, 1 not a number
";
    assert_eq!(fine(&args, input), expected);
    let expected = "\
-1  1 ▏██████████████████████████
 7  2 ▏████████████████████████████████████████████████████
3 values, 1 not whole
";
    assert_eq!(fine(&["histogram", "--integers"], "7\n-1\n7.0\n7.5\n"), expected);
    for args in [&["histogram", "--min", "1", "--max", "0"], &["histogram", "--min", "nan", "--max", "1"]] {
        let (code, _, err) = run(args, "");
        assert_eq!((code, err.lines().count()), (2, 1), "{err}");
    }
}

#[test]
fn a_histogram_finds_its_range() {
    let numbers = |from: i32, to: i32| (from..to).map(|number| format!("{number}\n")).collect::<String>();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("numbers");
    std::fs::write(&file, numbers(-100, 2000)).unwrap();
    let bounds = |out: &str| {
        let said: Value = serde_json::from_str(out).unwrap();
        (said["min"].as_f64().unwrap(), said["max"].as_f64().unwrap(), said["overflow"].as_u64().unwrap())
    };
    // A file is read twice, and all of it has a bin.
    let (code, out, err) = run(&["histogram", "--json", "--source", file.to_str().unwrap()], "");
    assert_eq!((code, err.as_str(), bounds(&out)), (0, "", (-200.0, 2000.0, 0)));
    // Of a stream the first thousand numbers say it, or all where there are fewer; it is said which.
    let (_, out, err) = run(&["histogram", "--json"], numbers(-100, 2000));
    assert_eq!(bounds(&out), (-100.0, 900.0, 1100));
    assert_eq!(err, "range -100 to 900 in 20 bins, from the first 1000 numbers (see --min, --max)\n");
    let (_, out, err) = run(&["histogram", "--json", "--min", "0"], numbers(1, 3));
    assert_eq!((bounds(&out).0, bounds(&out).2), (0.0, 0), "{err}");
    // Readers that share have to share the bins.
    let (code, _, err) = run(&["histogram", "--state", "redis://127.0.0.1:1", "--key", "k"], "1\n");
    assert!(code == 2 && err.contains("--min and --max are missing"), "{err}");
}

#[test]
fn progress_is_no_range() {
    let numbers: String = (0..2000).map(|number| format!("{number}\n")).collect();
    let (_, out, err) = run(&["histogram", "--json", "--every", "500"], numbers);
    let shown: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &str| shown.iter().map(|one| one[name].as_f64().expect("a number")).collect::<Vec<_>>();
    // What is held back until the range is known is shown by itself.
    assert_eq!(of("count"), [500.0, 1000.0, 1500.0, 2000.0, 2000.0]);
    assert_eq!(of("max"), [500.0, 1000.0, 1000.0, 1000.0, 1000.0]);
    assert_eq!(err, "range 0 to 1000 in 20 bins, from the first 1000 numbers (see --min, --max)\n");
}

#[test]
fn an_ascii_terminal_gets_ascii() {
    let mut command = streamgauge(&["histogram", "--integers"]);
    let mut child = command.env("LC_ALL", "C").spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"1\n").unwrap();
    let out = ended(child).stdout;
    assert!(out.is_ascii() && out.contains(&b'#'), "{}", String::from_utf8_lossy(&out));
}

#[test]
fn drawings_are_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("drawing.svg");
    fine(&["histogram", "--integers", "--svg", file.to_str().unwrap()], "1\n2\n2\n");
    let svg = std::fs::read_to_string(&file).unwrap();
    assert_eq!(svg.matches("<rect ").count(), 2);
    assert!(svg.contains("<title>2: 2</title></rect>"), "{svg}");
    assert_well_formed(&svg);
    let records = "{\"f\":\"<a&\\\"\",\"t\":\"b\"}\n{\"f\":\"b\",\"t\":\"b\"}\n";
    for format in ["svg", "graphml"] {
        let args = ["graph", "--from", "f", "--to", "t", "--format", format];
        let drawn = fine(&args, records);
        assert_eq!(drawn, fine(&args, records), "the same each time");
        assert!(drawn.contains("&lt;a&amp;"), "{drawn}");
        assert_well_formed(&drawn);
    }
}

#[test]
fn a_drawing_is_there_though_nobody_reads_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("drawing.svg");
    let mut command = streamgauge(&["histogram", "--integers", "--svg", file.to_str().unwrap()]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = command.stdout(full).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"1\n2\n").unwrap();
    let ended = ended(child);
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("</svg>\n"));
}

/// Every element is closed by its own name, and no attribute or text has what XML forbids.
#[track_caller]
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some((text, tag)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a bare > in {text}");
        let mut quoted = false;
        let end = tag.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let (tag, behind) = tag.split_at(end.expect("an end of the tag"));
        rest = &behind[1..];
        let name = |tag: &str| tag.split([' ', '/', '\n']).next().unwrap().to_owned();
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
            None if tag.ends_with('/') || tag.starts_with('?') => {}
            None => open.push(name(tag)),
        }
        assert!(!tag.contains('<'), "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
    let entities = ["amp;", "lt;", "gt;", "quot;", "#"];
    assert!(xml.split('&').skip(1).all(|rest| entities.iter().any(|entity| rest.starts_with(entity))));
}

/// The graph of these records, counted the plain way.
fn counted(clicks: &str, directed: bool) -> (HashMap<(String, String), u64>, u64) {
    let mut edges = HashMap::new();
    let mut heartbeats = 0;
    for line in clicks.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record.get("_heartbeat_").is_some() {
            heartbeats += 1;
            continue;
        }
        let (mut from, mut to) = (record["r"].as_str().unwrap(), record["u"].as_str().unwrap());
        if !directed && to < from {
            std::mem::swap(&mut from, &mut to);
        }
        *edges.entry((from.to_owned(), to.to_owned())).or_insert(0) += 1;
    }
    (edges, heartbeats)
}

#[test]
fn the_graph_of_real_clicks_is_what_an_independent_count_says() {
    let Some(data) = needs::data() else { return };
    let clicks = std::fs::read_to_string(data.join("usagov-clicks.jsonl")).expect("clicks");
    let graph = ["graph", "--from", "r", "--to", "u"];
    for directed in [true, false] {
        let (edges, heartbeats) = counted(&clicks, directed);
        let mut sorted: Vec<_> = edges.iter().collect();
        sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let expected: String = sorted.iter().map(|((from, to), weight)| format!("{from}\t{to}\t{weight}\n")).collect();
        let kind: &[&str] = if directed { &[] } else { &["--undirected"] };
        assert_eq!(fine(&[&graph, kind, &["--format", "edges"]].concat(), &clicks), expected);
        let json = fine(&[&graph, kind, &["--format", "json"]].concat(), &clicks);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["directed"], directed);
        assert_eq!(json["graph"]["heartbeats"], heartbeats);
        let links = json["links"].as_array().unwrap();
        assert_eq!(links.len(), edges.len());
        for link in links {
            let edge = (link["source"].as_str().unwrap().to_owned(), link["target"].as_str().unwrap().to_owned());
            assert_eq!(link["weight"], edges[&edge]);
        }
    }
    // Half as many slots as edges: the true weight lies between weight - error and weight.
    let (edges, _) = counted(&clicks, true);
    let most = (edges.len() / 2).to_string();
    let out = fine(&[&graph[..], &["--format", "edges", "--max-edges", &most]].concat(), &clicks);
    assert_eq!(out.lines().count(), edges.len() / 2);
    for line in out.lines() {
        let [from, to, weight, error] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (weight, error): (u64, u64) = (weight.parse().unwrap(), error.parse().unwrap());
        let exact = edges[&(from.to_owned(), to.to_owned())];
        assert!(exact <= weight && exact >= weight - error, "{line}: {exact}");
    }
}

#[test]
fn a_graph_counts_what_it_leaves_out() {
    let records = "{\"f\":\"a\",\"t\":1}\n{\"f\":\"a\"}\n{\"_heartbeat_\":1}\n{\n\n{\"f\":null,\"t\":\"b\"}\n{\"f\":\"a\",\"t\":1}\n";
    let out = fine(&["graph", "--from", "f", "--to", "t"], records);
    let expected = "weight  from -> to\n     2  a -> 1\n\
                    1 edges of 6 records, 1 heartbeats, 2 without one of the fields, 1 no JSON\n";
    assert_eq!(out, expected);
    assert_eq!(
        fine(&["graph", "--from", "f", "--to", "t", "--format", "dot"], records),
        "digraph {\n  \"a\" -> \"1\" [weight=2, label=\"2\"];\n}\n"
    );
    let json = |flags: &[&str]| fine(&[&["graph", "--from", "f", "--to", "t"], flags].concat(), records);
    assert_eq!(json(&["--json"]), json(&["--format", "json"]));
}

#[test]
fn a_queue_is_taken_from_and_no_more_than_asked_for() {
    let queue = Server::start("simplequeue", [""; 0]);
    let numbers: String = (1..=3000).map(|number| format!("{number}\n")).collect();
    let mut client = queue.connect();
    assert_eq!(client.post("/mput", &numbers).status, 200);
    // An item with a newline in it stays one record.
    assert_eq!(client.post("/put", "{\"x\":\n3001}").status, 200);
    let source = format!("http://{}/get", queue.address);
    let out = fine(&["moments", "--source", &source, "--count", "1500"], "");
    assert!(out.starts_with("count 1500  mean 750.5 "), "{out}");
    assert_eq!(queue.counter("depth"), 1501);
    let out = fine(&["moments", "--source", &source, "--drain", "--field", "x"], "");
    assert!(out.starts_with("count 1  mean 3001 ") && out.contains("(1500 not a number)"), "{out}");
    assert_eq!(queue.counter("depth"), 0);
}

#[test]
fn a_signal_shows_the_result_of_a_pubsub() {
    let pubsub = Server::start("pubsub", [""; 0]);
    let source = format!("http://{}/sub?multipart=0", pubsub.address);
    let mut child = streamgauge(&["moments", "--source", &source, "--every", "2"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut publisher = pubsub.connect();
    until("a subscriber", || (!publisher.post("/pub", "").text().contains("to 0 clients")).then_some(()));
    publisher.post("/pub", "1\n2\n3\n");
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("count 2 "), "{line}");
    // The third message is behind the second in the same block.
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    line.clear();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("count 3  mean 2 "), "{line}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_before_anything_came_is_no_result() {
    let mut child = streamgauge(&["moments"]).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    // Signals are caught before anything else is done.
    let status = format!("/proc/{}/status", child.id());
    let catches = |line: &str| {
        u64::from_str_radix(line.trim(), 16).is_ok_and(|mask| mask & (1 << (Signal::SIGINT as u32 - 1)) != 0)
    };
    until("signals to be caught", || {
        let status = std::fs::read_to_string(&status).ok()?;
        status.lines().find_map(|line| line.strip_prefix("SigCgt:")).filter(|mask| catches(mask)).map(drop)
    });
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let ended = ended(child);
    drop(stdin);
    assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(130), &b""[..]));
}

#[test]
fn edges_that_there_is_no_memory_for_are_refused() {
    let graph = streamgauge(&["graph", "--from", "f", "--to", "t", "--max-edges", "100000000"]);
    let mut shell = std::process::Command::new("sh");
    // KiB: enough for everything else.
    shell.args(["-c", "ulimit -v 2000000; exec \"$@\"", "sh"]).arg(graph.get_program()).args(graph.get_args());
    let output = shell.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert_eq!(err, "error: --max-edges 100000000: there is no memory for so many\n");
}

#[test]
fn mistakes_take_one_line() {
    for (args, code, word) in [
        (&["moments", "--source", "/nonexistent"][..], 2, "--source /nonexistent: No such file"),
        (&["moments", "--source", "/"], 2, "is a folder"),
        (&["moments", "--source", "http://a/pub"], 2, "neither a pubsub"),
        (&["moments", "--drain"], 2, "--drain: stdin is no queue"),
        (&["moments", "--field", "a..b"], 2, "a path with an empty key"),
        (&["graph", "--from", "r"], 2, "--to"),
        (&["histogram", "--integers", "--svg", "/nonexistent/x"], 2, "--svg /nonexistent/x"),
        (&["histogram", "--integers", "--svg", "/dev/null/x"], 2, "--svg /dev/null/x"),
        (&["histogram", "--integers", "--svg", "/"], 2, "--svg /: "),
    ] {
        let (found, _, err) = run(args, "");
        assert_eq!(found, code, "{args:?}: {err}");
        assert!(err.contains(word) && err.lines().count() == 1, "{args:?}: {err}");
    }
}
