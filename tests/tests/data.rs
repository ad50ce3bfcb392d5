//! What a server keeps in a folder: checked, told, damaged and repaired.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use streamgauge_tests::build::tool;
use streamgauge_tests::kept::{damage, data, killed, log_with, logs, newest_log, serve, text};
use streamgauge_tests::process::{Process, Server};
use tempfile::TempDir;

/// A folder with some items, which nobody has closed.
fn used() -> TempDir {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    for number in 0..20 {
        server.get(&format!("/put?queue=jobs&data=item-{number:02}"));
    }
    assert_eq!(server.get("/get?queue=jobs"), "item-00");
    server.connect().post("/pub?topic=news", "H3110");
    server.connect().post("/put?queue=bytes", "\u{e9}");
    killed(server);
    folder
}

fn serve_fails(folder: &Path) -> String {
    let ports = ["serve", "--pubsub-port=0", "--queue-port=0", "--data-dir", text(folder)];
    let mut start = Process::start("streamgauge", ports);
    assert_eq!(start.exit_code(), 2);
    start.stderr()
}

#[test]
fn what_is_whole_is_well_and_stays_as_it_is() {
    let folder = used();
    let before = fs::read(newest_log(folder.path())).unwrap();
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("it was not closed") && said.contains("a server starts with all of it"), "{said}");
    let row = said.lines().find(|line| line.starts_with("jobs ")).expect("a row of the queue");
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[..8], ["jobs", "19", "0", "0", "0", "20", "0", "1"], "{said}");
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert!(code == 0 && said.contains("nothing was changed"), "{said}");
    assert_eq!(fs::read(newest_log(folder.path())).unwrap(), before);

    let server = serve(folder.path(), &[]);
    assert_eq!(server.stop(), 0);
    let (code, said) = data("check", folder.path(), &[]);
    assert!(code == 0 && said.contains("it was closed"), "{said}");
}

#[test]
fn a_server_that_runs_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let _server = serve(folder.path(), &[]);
    for action in ["check", "dump", "repair"] {
        let (code, said) = data(action, folder.path(), &[]);
        assert!(code == 2 && said.contains("another server has this folder"), "{action}: {said}");
    }
    for (path, why) in [(folder.path().join("none"), "no such folder"), (std::env::temp_dir(), "nothing is kept there")]
    {
        let (code, said) = data("check", &path, &[]);
        assert!(code == 2 && said.contains(why), "{said}");
    }
    assert!(!std::env::temp_dir().join("lock").exists());
}

#[test]
fn a_dump_is_json_that_names_what_was_put() {
    let folder = used();
    let (code, said) = data("dump", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines[0]["kind"], "checkpoint");
    assert!(lines[0]["queues"].is_array() && lines[0]["topics"].is_array() && lines[0]["notes"].is_array());
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let put = of("put");
    assert_eq!(put.len(), 21);
    assert_eq!((&put[3]["queue"], &put[3]["items"][0]["data"]), (&"jobs".into(), &"item-03".into()));
    assert!(put[3]["file"].as_str().unwrap().ends_with(".log") && put[3]["byte"].as_u64() > Some(0));
    assert!(put[3]["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(of("get")[0]["count"], 1);
    assert_eq!(of("publish")[0]["messages"][0]["data"], "H3110");
    assert_eq!(lines.last().unwrap()["kind"], "end");
    // All of it is in the checkpoint that a server makes at its end.
    let server = serve(folder.path(), &[]);
    server.connect().post("/put?queue=bytes", "\u{fffd}").text();
    assert_eq!(server.stop(), 0);
    let (_, said) = data("dump", folder.path(), &["--items"]);
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let items: Vec<_> = lines.iter().filter(|line| line["kind"] == "item" && line["queue"] == "jobs").collect();
    assert_eq!((items.len(), &items[0]["data"]), (19, &"item-01".into()));
    assert!(lines.iter().any(|line| line["kind"] == "message" && line["data"] == "H3110"), "{said}");
    assert!(lines[0]["queues"].as_array().unwrap().iter().any(|queue| queue["name"] == "jobs"));
}

#[test]
fn an_entry_that_is_lost_is_named_and_only_that_is_lost() {
    let folder = used();
    let log = newest_log(folder.path());
    damage(&log, "item-07");
    let file = log.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read(&log).unwrap();

    let (code, said) = data("check", folder.path(), &[]);
    assert!(code == 1 && said.contains(&file) && said.contains("bytes are not what was written"), "{said}");
    let failed = serve_fails(folder.path());
    assert!(failed.contains(&format!("streamgauge data repair {}", text(folder.path()))), "{failed}");
    let (code, dump) = data("dump", folder.path(), &[]);
    assert!(code == 1 && dump.contains(r#""kind":"damage""#), "{dump}");
    // Nobody says yes.
    let (code, said) = data("repair", folder.path(), &[]);
    assert!(code == 1 && said.contains("nothing was changed"), "{said}");
    assert_eq!(fs::read(&log).unwrap(), whole);

    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("lost: {file} at byte")), "{said}");
    assert!(said.contains("queue jobs: items got or acknowledged that may be there again: 1"), "{said}");
    assert_eq!(fs::read(folder.path().join("before-repair-1").join(&file)).unwrap(), whole);
    assert!(folder.path().join("before-repair-1/checkpoint").exists());
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    let server = serve(folder.path(), &[]);
    let left: Vec<String> =
        (0..20).map(|_| server.get("/get?queue=jobs")).take_while(|item| !item.is_empty()).collect();
    let expected: Vec<_> = (0..20).filter(|number| *number != 7).map(|number| format!("item-{number:02}")).collect();
    assert_eq!(left, expected);
    assert_eq!(server.get("/sub?topic=news&from=first&follow=0&multipart=0").trim(), "H3110");
    killed(server);
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_torn_end_is_no_loss() {
    let folder = used();
    // Nobody was told of the last one, for all that the folder says.
    damage(&newest_log(folder.path()), "\u{e9}");
    let (code, said) = data("check", folder.path(), &[]);
    assert!(code == 0 && said.contains("ends in the middle of what nobody was told of"), "{said}");
    assert_eq!(serve(folder.path(), &[]).get("/get?queue=jobs"), "item-01");
}

#[test]
fn a_checkpoint_that_is_lost_is_made_again_from_all_of_the_log_or_not_at_all() {
    let folder = used();
    let checkpoint = folder.path().join("checkpoint");
    let mut bytes = fs::read(&checkpoint).unwrap();
    bytes[40] ^= 1;
    fs::write(&checkpoint, &bytes).unwrap();
    let (code, said) = data("check", folder.path(), &[]);
    assert!(code == 1 && said.contains("checkpoint at byte 16") && said.contains("repair --from-log"), "{said}");
    assert!(serve_fails(folder.path()).contains("checkpoint at byte 16"));
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert!(code == 1 && said.contains("--from-log"), "{said}");
    assert_eq!(fs::read(&checkpoint).unwrap(), bytes);
    let (code, said) = data("repair", folder.path(), &["--yes", "--from-log"]);
    assert_eq!(code, 0, "{said}");
    let server = serve(folder.path(), &[]);
    assert_eq!(server.get("/get?queue=jobs"), "item-01");
    assert_eq!(server.stop(), 0);
    // From now on the log does not go back to its beginning.
    fs::remove_file(&checkpoint).unwrap();
    let (code, said) = data("repair", folder.path(), &["--yes", "--from-log"]);
    assert!(code == 1 && said.contains("put a copy of the folder in its place"), "{said}");
}

/// A folder with messages `m000` and so on of a topic, each of a request of its own, which a checkpoint is behind.
fn published(count: u32) -> TempDir {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    for number in 0..count {
        assert_eq!(server.connect().post("/pub?topic=t", format!("m{number:03}")).status, 200);
    }
    assert_eq!(server.stop(), 0);
    folder
}

/// The messages of the topic that a subscriber is told, with `gap` and how many are missing between them.
fn told(server: &Server) -> Vec<String> {
    let mut client = server.connect();
    client.send("GET /sub?topic=t&from=first&follow=0&format=sse HTTP/1.0\r\n\r\n");
    client.head();
    let text = String::from_utf8(client.rest()).unwrap();
    let data = |event: &str| {
        let data = event.lines().find_map(|line| line.strip_prefix("data: "))?;
        let is_gap = event.lines().any(|line| line == "event: gap");
        (is_gap || data.starts_with('m')).then(|| if is_gap { format!("gap {data}") } else { data.to_owned() })
    };
    text.split("\n\n").filter_map(data).collect()
}

/// Messages of these numbers, and gaps.
fn expected(parts: &[Result<Range<u32>, u32>]) -> Vec<String> {
    let of = |part: &Result<Range<u32>, u32>| match part {
        Ok(numbers) => numbers.clone().map(|number| format!("m{number:03}")).collect(),
        Err(gap) => vec![format!("gap {gap}")],
    };
    parts.iter().flat_map(of).collect()
}

#[test]
fn what_is_whole_between_two_damaged_messages_is_told() {
    let folder = published(20);
    for message in ["m005", "m015"] {
        damage(&log_with(folder.path(), message), message);
    }
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!((code, said.matches("bytes are not what was written").count()), (1, 2), "{said}");
    let server = serve(folder.path(), &["--enable-logging"]);
    assert_eq!(told(&server), expected(&[Ok(0..5), Err(1), Ok(6..15), Err(1), Ok(16..20)]));
    let said = server.complaints();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("can't be read")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines.iter().all(|line| line.contains("it is not what was written")), "{said}");
}

#[test]
fn what_a_repair_gives_up_is_told_as_a_gap_and_no_damage_any_more() {
    let folder = published(10);
    for message in ["m000", "m004"] {
        damage(&log_with(folder.path(), message), message);
    }
    let file = newest_log(folder.path()).file_name().unwrap().to_str().unwrap().to_owned();
    let (code, said) = data("check", folder.path(), &[]);
    assert!(code == 1 && said.contains("data repair"), "{said}");
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches(&format!("lost: {file} at byte")).count(), 2, "{said}");
    assert!(said.contains("topic t: messages that can't be read, and are told as a gap: 2"), "{said}");
    let row = said.lines().find(|line| line.starts_with("t ")).expect("a row of the topic");
    assert_eq!(row.split_whitespace().nth(1), Some("8"), "{said}");
    for _ in 0..2 {
        let (code, said) = data("check", folder.path(), &[]);
        assert_eq!(code, 0, "{said}");
        let server = serve(folder.path(), &["--enable-logging"]);
        assert_eq!(told(&server), expected(&[Err(1), Ok(1..4), Err(1), Ok(5..10)]));
        assert!(!server.complaints().contains("can't be read"));
    }
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert!(code == 0 && said.contains("nothing was changed"), "{said}");
}

#[test]
fn messages_of_a_file_that_is_missing_are_given_up_by_a_repair() {
    let folder = published(50);
    let first = log_with(folder.path(), "m000");
    let server = serve(folder.path(), &[]);
    for number in 50..100 {
        assert_eq!(server.connect().post("/pub?topic=t", format!("m{number:03}")).status, 200);
    }
    assert_eq!(server.stop(), 0);
    assert_ne!(first, log_with(folder.path(), "m050"));
    fs::remove_file(&first).unwrap();
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!((code, said.matches("log is missing").count()), (1, 1), "{said}");
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert!(code == 0 && said.contains("told as a gap: 50"), "{said}");
    let (code, said) = data("check", folder.path(), &[]);
    let row = said.lines().find(|line| line.starts_with("t ")).expect("a row of the topic");
    assert_eq!((code, row.split_whitespace().nth(1)), (0, Some("50")), "{said}");
    assert_eq!(told(&serve(folder.path(), &[])), expected(&[Err(50), Ok(50..100)]));
}

#[test]
fn what_is_lost_behind_the_checkpoint_is_told_as_a_gap_after_a_repair() {
    let folder = published(4);
    let server = serve(folder.path(), &[]);
    for number in 4..20 {
        assert_eq!(server.connect().post("/pub?topic=t", format!("m{number:03}")).status, 200);
    }
    killed(server);
    damage(&log_with(folder.path(), "m005"), "m005");
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("topic t: messages behind it that those may get again who have seen them: 14"), "{said}");
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    let told = told(&serve(folder.path(), &[]));
    let is_gap = |one: &&String| one.starts_with("gap ");
    let messages: Vec<_> = told.iter().filter(|one| !is_gap(one)).cloned().collect();
    assert_eq!(messages, expected(&[Ok(0..5), Ok(6..20)]));
    let gaps: Vec<_> = told.iter().enumerate().filter(|(_, one)| is_gap(one)).map(|(at, _)| at).collect();
    assert_eq!(gaps, [5], "one, where it is missing: {told:?}");
}

#[test]
fn who_only_looks_writes_nothing() {
    let folder = used();
    let named = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    // As of a copy.
    fs::remove_file(folder.path().join("lock")).unwrap();
    let before = named(folder.path());
    for action in ["check", "dump"] {
        let (code, said) = data(action, folder.path(), &[]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(named(folder.path()), before, "{action}");
    }
    let file = folder.path().join("checkpoint");
    let (code, said) = data("check", &file, &[]);
    assert!(code == 2 && said.contains("checkpoint: it is no folder"), "{said}");
    assert!(serve_fails(&file).contains("checkpoint: it is no folder"));
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("nothing", &link).unwrap();
    let said = serve_fails(&link);
    assert!(said.contains("link: it is a link to nothing"), "{said}");
}

#[test]
fn a_file_that_is_broken_throughout_takes_few_lines() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    for number in 0..30 {
        // So long that a queue has but the place of each.
        assert_eq!(server.connect().post("/put?queue=jobs", format!("item-{number:060}")).status, 200);
    }
    assert_eq!(server.stop(), 0);
    let log = log_with(folder.path(), "item-0");
    fs::write(&log, vec![0; fs::metadata(&log).unwrap().len() as usize]).unwrap();
    let name = log.file_name().unwrap().to_str().unwrap();
    for (action, more) in [("check", &[][..]), ("repair", &["--yes"])] {
        let (code, said) = data(action, folder.path(), more);
        assert_eq!(code, i32::from(action == "check"), "{said}");
        assert_eq!(said.matches("an entry with 1 items of queue jobs").count(), 10, "{said}");
        assert!(said.contains(&format!("{name}: and 20 more such places, the last at byte ")), "{said}");
    }
}

/// The exit code of `streamgauge data`, and what it said on stderr, where stdout takes nothing.
fn unheard(action: &str, folder: &Path, more: &[&str], stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let mut command = Command::new(tool("streamgauge"));
    let output = command.args(["data", action]).arg(folder).args(more).stdout(stdout).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_cannot_be_said_is_no_loss_and_nothing_is_repaired_unheard() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let closed = || std::io::pipe().unwrap().1;
    let folder = used();
    for action in ["check", "dump", "repair"] {
        let (code, said) = unheard(action, folder.path(), &[], full());
        assert!(code == Some(2) && said.contains("error: stdout: No space left on device"), "{action}: {said}");
        assert_eq!(said.contains("nothing is lost, and nothing was changed"), action == "repair", "{said}");
        assert_eq!(unheard(action, folder.path(), &[], closed()).0, Some(0), "who reads nothing has heard enough");
    }
    damage(&newest_log(folder.path()), "item-07");
    assert_eq!(unheard("check", folder.path(), &[], closed()), (Some(1), String::new()));
    assert_eq!(unheard("dump", folder.path(), &[], full()).0, Some(2));
    for (stdout, why) in
        [(Stdio::from(full()), "stdout: No space left on device (os error 28): "), (closed().into(), "")]
    {
        let (code, said) = unheard("repair", folder.path(), &["--yes"], stdout);
        let expected = format!("error: {why}nothing was changed, as nobody was told what is lost\n");
        assert_eq!((code, said), (Some(2), expected));
        assert!(!folder.path().join("before-repair-1").exists());
    }
}

#[test]
fn a_dump_has_a_beginning_and_an_end() {
    let folder = used();
    let dump = |more: &[&str]| {
        let (code, said) = data("dump", folder.path(), more);
        let lines = said.lines().map(|line| serde_json::from_str(line).expect(line));
        (code, lines.collect::<Vec<serde_json::Value>>())
    };
    let time = |line: &serde_json::Value| line["time"].as_str().map(str::to_owned);
    let (_, all) = dump(&[]);
    let middle = time(all.iter().find(|line| line["items"][0]["data"] == "item-10").unwrap()).unwrap();
    let (checkpoint, log) = all.split_first().unwrap();
    // Times of one length are in the order of their texts.
    let of = |wanted: &dyn Fn(&str) -> bool| {
        let chosen = log.iter().filter(|line| time(line).is_none_or(|time| wanted(&time)));
        [checkpoint].into_iter().chain(chosen).cloned().collect::<Vec<_>>()
    };
    assert_eq!(dump(&["--from", &middle]), (0, of(&|time| *time >= *middle)));
    let mut until = of(&|time| *time <= *middle);
    assert_eq!(until.pop().unwrap()["kind"], "end", "it is not read that far");
    assert_eq!(dump(&["--until", &middle]), (0, until));
    damage(&newest_log(folder.path()), "item-19");
    assert_eq!(
        (dump(&["--from", &middle]).0, dump(&["--until", "1970-01-01T00:00:00Z"])),
        (1, (0, vec![all[0].clone()]))
    );
    for (from, until, why) in
        [(&*middle, "1970-01-01T00:00:00Z", "--until is before --from"), ("noon", &middle, "such as")]
    {
        let (code, said) = data("dump", folder.path(), &["--from", from, "--until", until]);
        assert!(code == 2 && said.contains(why), "{said}");
    }
}

#[test]
fn a_file_that_was_cut_off_between_two_entries_is_a_loss() {
    let folder = used();
    let (_, dump) = data("dump", folder.path(), &[]);
    let tenth: serde_json::Value =
        serde_json::from_str(dump.lines().find(|line| line.contains("item-10")).unwrap()).unwrap();
    let log = newest_log(folder.path());
    fs::File::options().write(true).open(&log).unwrap().set_len(tenth["byte"].as_u64().unwrap()).unwrap();
    let told = format!(
        "{} at byte {}: what was behind that is missing, as the file was cut off",
        text(log.file_name().unwrap().as_ref()),
        tenth["byte"]
    );
    let (code, said) = data("check", folder.path(), &[]);
    assert!(code == 1 && said.contains(&told), "{said}");
    assert!(serve_fails(folder.path()).contains(&told));
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert!(code == 0 && said.contains(&format!("lost: {told}")), "{said}");
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    let server = serve(folder.path(), &[]);
    let left: Vec<String> =
        (0..20).map(|_| server.get("/get?queue=jobs")).take_while(|item| !item.is_empty()).collect();
    // That the first one was taken is lost too.
    assert_eq!(left, (0..10).map(|number| format!("item-{number:02}")).collect::<Vec<_>>());
}

#[test]
fn a_repair_gives_a_log_up_of_which_nothing_is_left() {
    let folder = used();
    logs(folder.path()).iter().for_each(|log| fs::remove_file(log).unwrap());
    let (code, said) = data("check", folder.path(), &[]);
    assert!(code == 1 && said.contains("is missing"), "{said}");
    let (code, said) = data("repair", folder.path(), &["--yes"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = data("check", folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(serve(folder.path(), &[]).get("/get?queue=jobs"), "");
}

#[test]
fn a_file_that_is_none_is_named() {
    let folder = used();
    for name in ["newest", "lock", "checkpoint"] {
        let (file, away) = (folder.path().join(name), folder.path().join("away"));
        fs::rename(&file, &away).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(serve_fails(folder.path()).contains(&format!("{name}: Is a directory")), "{name}");
        fs::remove_dir(&file).unwrap();
        fs::rename(&away, &file).unwrap();
    }
}
