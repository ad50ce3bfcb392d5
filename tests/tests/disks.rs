//! Folders whose budget is taken, or whose disk is full, or hangs; and folders that are gone.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use streamgauge_tests::client::{Answer, Client};
use streamgauge_tests::kept::{bytes_in, data, killed, serve, text};
use streamgauge_tests::mounted::{Frozen, Mounted};
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::{until, until_within};
use tempfile::TempDir;

#[test]
fn beyond_the_budget_is_507_and_what_is_taken_makes_room() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &["--disk", "128MiB", "--queue-bytes", "512MiB"]);
    let item = "x".repeat(1 << 20);
    let mut client = server.connect();
    let (put, refused) = fill(&mut client, &item);
    assert_eq!(refused.status, 507);
    let said = refused.text();
    assert!(said.contains("disk 134217728"), "{said}");
    let counted = client.get("/stats?queue=main&format=json").text();
    assert!(counted.contains(r#""refused":1,"#), "{counted}");
    let (status, health) = ready(&mut client);
    assert!(status == 200 && health.starts_with("limited\ndisk: limited: --disk has 134217728 bytes"), "{health}");
    let bytes = || bytes_in(folder.path());
    assert!(bytes() <= 128 << 20, "{} bytes", bytes());
    for _ in 0..put {
        assert_eq!(client.get("/get").text().len(), item.len());
    }
    until_within(Duration::from_secs(60), "room for more", || (client.post("/put", &item).status == 200).then_some(()));
    assert!(bytes() <= 128 << 20, "{} bytes", bytes());
    killed(server);
    let server = serve(folder.path(), &["--disk", "128MiB", "--queue-bytes", "512MiB"]);
    assert_eq!(server.get("/get").len(), item.len());
    assert_eq!(server.get("/get"), "");
}

#[test]
fn another_budget_is_kept_to_from_then_on() {
    let folder = TempDir::new().unwrap();
    let message = "x".repeat(1 << 20);
    let publish = |client: &mut Client| client.post("/pub?topic=t", &message).status;
    let server = serve(folder.path(), &["--disk", "512MiB"]);
    let mut client = server.connect();
    client.send("PUT /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n{\"bytes\":1000000000}");
    assert_eq!(client.answer().status, 201);
    (0..250).for_each(|_| assert_eq!(publish(&mut client), 200));
    assert!(bytes_in(folder.path()) > 250 << 20);
    assert_eq!(server.stop(), 0);

    // What its topics keep has no room any more: the oldest messages leave.
    let server = serve(folder.path(), &["--disk", "128MiB"]);
    let mut client = server.connect();
    let mut accepted = 0;
    until_within(Duration::from_secs(60), "room for what is new", || {
        accepted += usize::from(publish(&mut client) == 200);
        (accepted > 150).then_some(())
    });
    until("as few bytes as may be", || (bytes_in(folder.path()) <= 128 << 20).then_some(()));
    assert!(server.get("/overview").contains(r#""budget":134217728"#));
    assert_eq!(server.stop(), 0);

    let server = serve(folder.path(), &["--disk", "512MiB"]);
    let mut client = server.connect();
    (0..250).for_each(|_| assert_eq!(publish(&mut client), 200));
    assert!(bytes_in(folder.path()) > 250 << 20);
}

#[test]
fn a_topic_keeps_most_of_a_small_disk_over_starts() {
    let folder = TempDir::new().unwrap();
    let message = "x".repeat(1 << 20);
    let limits = ["--disk", "256MiB", "--max-body-bytes", "2MiB"];
    let mut server = serve(folder.path(), &limits);
    assert_eq!(server.connect().put("/topics/t", r#"{"bytes":"4GiB"}"#).status, 201);
    let publish = |client: &mut Client| client.post("/pub?topic=t", &message).status == 200;
    let mut client = server.connect();
    for _ in 0..280 {
        until_within(Duration::from_secs(60), "room", || publish(&mut client).then_some(()));
    }
    for start in 0..4 {
        let counters = server.get("/stats?topic=t&format=json");
        let kept = counters.split(r#""messages":"#).nth(1).and_then(|rest| rest.split([',', '}']).next());
        let kept: u64 = kept.and_then(|kept| kept.parse().ok()).unwrap_or_else(|| panic!("{counters}"));
        assert!(kept >= 140, "{kept} MiB at start {start}");
        assert_eq!(server.stop(), 0);
        server = serve(folder.path(), &limits);
        assert!(publish(&mut server.connect()));
    }
}

/// Each start begins another file.
#[test]
fn starts_alone_never_take_more_than_the_budget() {
    let folder = TempDir::new().unwrap();
    let start = || serve(folder.path(), &["--disk", "128MiB", "--queue-bytes", "512MiB"]);
    let item = "x".repeat(1 << 20);
    let (mut put, mut taken) = (0, 0);
    for turn in 0..12 {
        let server = start();
        let mut client = server.connect();
        put += fill(&mut client, &item).0;
        assert!(turn == 0 || client.post("/put", "x").status == 507);
        // What makes room has some all the same.
        assert_eq!(client.get("/get").text().len(), item.len());
        taken += 1;
        if turn % 3 == 0 {
            assert_eq!(server.stop(), 0);
        } else {
            killed(server);
        }
        assert!(bytes_in(folder.path()) <= 128 << 20, "{} bytes after {turn} starts", bytes_in(folder.path()));
    }
    for _ in 0..12 {
        killed(start());
        assert!(bytes_in(folder.path()) <= 128 << 20, "{} bytes", bytes_in(folder.path()));
    }
    let server = start();
    until("files that starts have left to be given back", || (bytes_in(folder.path()) < 117 << 20).then_some(()));
    let mut client = server.connect();
    (taken..put).for_each(|_| assert_eq!(client.get("/get").text().len(), item.len()));
    until_within(Duration::from_secs(60), "room for more", || (client.post("/put", &item).status == 200).then_some(()));
}

/// Each get of a short item takes about as much of the log as the item did, and a checkpoint has to have room, too.
#[test]
fn short_items_that_fill_the_budget_can_be_taken_one_by_one() {
    let folder = TempDir::new().unwrap();
    fill_and_take_one_by_one(folder.path(), &["--disk=128MiB"], 128 << 20);
}

#[test]
fn short_items_that_fill_the_disk_can_be_taken_one_by_one() {
    let Some(disk) = Mounted::small("130m") else { return };
    fill_and_take_one_by_one(&disk.data(), &[], 130 << 20);
}

/// Puts short items until that is refused, and takes all of them, over a kill, in a folder that never has more than `most`
/// bytes.
fn fill_and_take_one_by_one(folder: &Path, more: &[&str], most: u64) {
    let start = || serve(folder, &[&["--queue-bytes=256MiB", "--memory=2GiB"], more].concat());
    let mut server = start();
    let mut client = server.connect();
    let (batch, mut put) = ([&*"x".repeat(50); 1_000].join("\n"), 0);
    while client.post("/mput", &batch).status == 200 {
        put += 1_000;
        assert!(put < 3_000_000, "more than fits");
    }
    let mut taken = 0;
    while taken < put {
        assert!(bytes_in(folder) <= most, "{} bytes with {taken} of {put} taken", bytes_in(folder));
        if taken == put / 4 / 1_000 * 1_000 {
            killed(server);
            server = start();
            client = server.connect();
        }
        client.send("GET /get HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000));
        for _ in 0..1_000 {
            let answer = client.answer();
            assert_eq!((answer.status, answer.text().len()), (200, 50), "after {taken} of {put}");
        }
        taken += 1_000;
    }
    assert!(put > 500_000, "{put}");
    until_within(Duration::from_secs(60), "room for more", || {
        (client.post("/mput", &batch).status == 200).then_some(())
    });
}

/// An entry has to fit into one file, so files grow with what a body may have.
#[test]
fn long_bodies_need_as_much_of_the_disk_as_is_said() {
    let folder = TempDir::new().unwrap();
    let limits = ["--max-body-bytes=20MiB", "--log-bytes=64MiB", "--queue-bytes=64MiB"];
    let path = format!("--data-dir={}", folder.path().display());
    let refused = |limits: &[&str]| {
        let all = [&["serve", "--pubsub-port=0", "--queue-port=0", &path][..], limits].concat();
        let mut process = Process::start("streamgauge", all);
        assert_eq!(process.exit_code(), 2);
        process.stderr().trim_end().to_owned()
    };
    let wrong = refused(&["--max-body-bytes=600MiB", "--log-bytes=2GiB", "--memory=8GiB", "--disk=64GiB"]);
    assert!(wrong.contains("--max-body-bytes: what is kept on a disk has bodies of 536838"), "{wrong}");
    let wrong = refused(&[&limits[..], &["--disk=300MiB"]].concat());
    let least = wrong.rsplit_once("need at least ").expect("what is needed").1;

    let more = [&limits[..], &["--disk", least]].concat();
    let server = serve(folder.path(), &more);
    let items = format!("{}\n", "x".repeat((1 << 20) - 1)).repeat(19);
    assert_eq!(server.connect().post("/mput", &items).status, 200);
    killed(server);
    let server = serve(folder.path(), &more);
    assert!(server.get("/stats?queue=main&format=json").contains(r#""depth":19"#));
    assert_eq!(server.get("/get").len(), (1 << 20) - 1);
}

/// The first time it holds up all of the server, which writes where it answers; from then on only who waits for it.
#[test]
fn a_disk_that_hangs_is_told_of_and_what_waits_for_it_is_answered_in_the_end() {
    let image = TempDir::new().unwrap();
    let Some(disk) = Mounted::on_disk(image.path()) else { return };
    let server = serve(&disk.data(), &["--disk=128MiB"]);
    let mut client = server.connect();
    let put = || server.connect().post("/put", "H3110").status;
    assert_eq!(put(), 200);
    thread::scope(|scope| {
        let frozen = Frozen::new(&disk);
        let putting = scope.spawn(put);
        thread::sleep(Duration::from_millis(1_500));
        assert!(!putting.is_finished());
        drop(frozen);
        assert_eq!(putting.join().unwrap(), 200);
    });
    until("what was so slow", || server.process.stderr().contains("the disk has kept everybody waiting").then_some(()));
    let metrics = client.get("/metrics").text();
    let value = |name: &str| {
        let of =
            metrics.lines().find_map(|line| line.strip_prefix("streamgauge_disk_sync_seconds")?.strip_prefix(name));
        of.and_then(|value| value.trim().parse::<f64>().ok()).expect(name)
    };
    let (count, within_a_second) = (value("_count"), value("_bucket{le=\"1.0\"}"));
    assert!(count > within_a_second && within_a_second > 0.0 && value("_sum") > 1.0, "{metrics}");

    thread::scope(|scope| {
        let frozen = Frozen::new(&disk);
        let putting = scope.spawn(put);
        let health = until_within(Duration::from_secs(10), "that the disk hangs", || {
            let (status, health) = ready(&mut client);
            assert_eq!(status, 200);
            health.contains("limited").then_some(health)
        });
        assert!(health.contains("data: the disk has not answered for "), "{health}");
        assert!(client.get("/metrics").text().contains("streamgauge_limited{check=\"disk\"} 1"));
        assert!(!putting.is_finished());
        drop(frozen);
        assert_eq!(putting.join().unwrap(), 200);
    });
    assert_eq!(ready(&mut client), (200, "ok\ndisk: ok\nmemory: ok\nnames: ok\n".to_owned()));
    killed(server);
    assert!(serve(&disk.data(), &["--disk=128MiB"]).get("/stats?queue=main&format=json").contains(r#""depth":3"#));
}

#[test]
fn a_full_disk_refuses_what_is_new_and_goes_on_by_itself() {
    let Some(disk) = Mounted::small("150m") else { return };
    let folder = disk.data();
    let server = serve(&folder, &["--queue-bytes", "512MiB"]);
    let is_said = || server.process.stdout().contains("of which the disk has 150 MiB");
    until("what the disk has", || is_said().then_some(()));
    // Somebody else takes the rest.
    fs::write(disk.path().join("other"), vec![1; 60 << 20]).unwrap();
    let item = "x".repeat(1 << 20);
    let mut client = server.connect();
    let (put, refused) = fill(&mut client, &item);
    assert_eq!((refused.status, refused.text().contains("the disk is full")), (507, true));
    assert!(put > 0);
    let (status, health) = ready(&mut client);
    assert!(status == 200 && health.contains("data: what is left on the disk is for what makes room"), "{health}");
    assert_eq!(client.get("/get?lease=600").text().len(), item.len(), "what it has it lends");
    assert_eq!(client.get("/stats").status, 200);

    // With all but nothing left it starts again, for those who take what it has.
    killed(server);
    let mut rest = fs::File::create(disk.path().join("rest")).unwrap();
    while rest.write_all(&[1; 64 << 10]).is_ok() {}
    rest.set_len(rest.metadata().unwrap().len() - (192 << 10)).unwrap();
    // Open, it would keep its room when it is removed.
    drop(rest);
    let server = serve(&folder, &["--queue-bytes", "512MiB"]);
    let mut client = server.connect();
    assert_eq!(client.post("/put", &item).status, 507);
    assert_eq!(client.get("/get").text().len(), item.len());
    fs::remove_file(disk.path().join("rest")).unwrap();

    fs::remove_file(disk.path().join("other")).unwrap();
    until_within(Duration::from_secs(60), "room for more", || (client.post("/put", &item).status == 200).then_some(()));
    assert_eq!(ready(&mut client), (200, "ok\ndisk: ok\nmemory: ok\nnames: ok\n".to_owned()));
    killed(server);
    let server = serve(&folder, &["--queue-bytes", "512MiB"]);
    let stats = server.get("/stats?format=json&queue=main");
    assert!(stats.contains(&format!(r#""ready":{},"delayed":0,"leased":1"#, put - 1)), "{put}: {stats}");
}

#[test]
fn a_folder_that_is_gone_refuses_what_is_new_and_holds_nobody_up() {
    let outer = TempDir::new().unwrap();
    let folder = outer.path().join("data");
    let server = serve(&folder, &["--queue-bytes", "512MiB"]);
    // Renamed and not removed: a removal can meet a file that the server makes meanwhile.
    fs::rename(&folder, outer.path().join("gone")).unwrap();
    let item = "x".repeat(1 << 20);
    let mut client = server.connect();
    let (put, refused) = fill(&mut client, &item);
    assert_eq!((refused.status, refused.text().contains("the disk fails")), (507, true));
    assert!(put > 0);
    let (status, health) = ready(&mut client);
    assert!(status == 200 && health.contains("No such file or directory"), "{health}");
    assert_eq!(client.get("/get").text().len(), item.len(), "what it has it gives");
}

#[test]
fn a_folder_that_can_only_be_read_can_be_looked_at() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    server.get("/put?data=H3110");
    assert_eq!(server.stop(), 0);
    let Some(mounted) = Mounted::new(&["--bind", text(folder.path())]) else { return };
    assert!(mounted.changes("remount,ro,bind"));
    for action in ["check", "dump"] {
        let (code, said) = data(action, mounted.path(), &[]);
        assert_eq!(code, 0, "{action}: {said}");
    }
    let (code, said) = data("repair", mounted.path(), &["--yes"]);
    assert!(code == 2 && said.contains("Read-only"), "{said}");
}

#[test]
fn a_small_disk_needs_no_flag_and_one_that_is_too_small_is_told_of() {
    let Some(disk) = Mounted::small("60m") else { return };
    let server = serve(&disk.data(), &[]);
    let mut client = server.connect();
    assert!(fill(&mut client, &"x".repeat(1 << 20)).0 > 10);
    let Some(disk) = Mounted::small("20m") else { return };
    let path = format!("--data-dir={}", disk.data().display());
    for _ in 0..2 {
        let mut process = Process::start("streamgauge", ["serve", "--pubsub-port=0", "--queue-port=0", &path]);
        assert_eq!(process.exit_code(), 2);
        let wrong = process.stderr();
        assert!(wrong.contains("(bodies of this length, --max-body-bytes, need at least "), "{wrong}");
    }
    let server = serve(&disk.data(), &["--max-body-bytes=1MiB"]);
    assert!(fill(&mut server.connect(), &"x".repeat(1 << 19)).0 > 10);
}

/// Where little is leased, the rest makes room, whoever else has some of the disk.
#[test]
fn items_that_are_leased_hold_no_more_than_themselves_on_a_full_disk() {
    let Some(disk) = Mounted::small("110m") else { return };
    // Files of the log that are long.
    let server = serve(&disk.data(), &["--queue-bytes=512MiB", "--log-bytes=64MiB", "--max-body-bytes=15MiB"]);
    let (mut client, item) = (server.connect(), "x".repeat(100 << 10));
    let (put, _) = fill(&mut client, &item);
    (0..3).for_each(|_| assert_eq!(client.get("/get?lease=600").text().len(), item.len()));
    fs::write(disk.path().join("other"), vec![1; 10 << 20]).unwrap();
    (3..put).for_each(|_| assert_eq!(client.get("/get").text().len(), item.len()));
    until_within(Duration::from_secs(30), "room for more", || (client.post("/put", &item).status == 200).then_some(()));
}

/// Room for the next checkpoint is held, and nobody else has it.
#[test]
fn what_is_taken_makes_room_where_others_have_filled_the_disk_to_its_end() {
    let Some(disk) = Mounted::small("110m") else { return };
    let server = serve(&disk.data(), &["--disk=128MiB", "--queue-bytes=512MiB"]);
    let mut client = server.connect();
    let (item, few) = ("x".repeat(1 << 20), [&*"x".repeat(50); 1_000].join("\n"));
    (0..100).for_each(|_| assert_eq!(client.post("/mput?queue=few", &few).status, 200));
    let (put, refused) = fill(&mut client, &item);
    assert!(put > 50 && refused.status == 507);
    // Longer than what would be left of anything else.
    let held = || fs::metadata(disk.data().join("checkpoint.new")).is_ok_and(|file| file.len() > 2 << 20);
    until("room for the next checkpoint", || held().then_some(()));
    let mut rest = fs::File::create(disk.path().join("rest")).unwrap();
    while rest.write_all(&[1; 4 << 10]).is_ok() {}
    (0..put).for_each(|_| assert_eq!(client.get("/get").text().len(), item.len()));
    until_within(Duration::from_secs(30), "room for more", || (client.post("/put", &item).status == 200).then_some(()));
}

/// Puts an item until it is refused, and returns how many were put, and how that was answered.
fn fill(client: &mut Client, item: &str) -> (u64, Answer) {
    for put in 0..2_000 {
        let answer = client.post("/put", item);
        if answer.status != 200 {
            return (put, answer);
        }
    }
    panic!("more than fits");
}

/// What the server says of itself.
fn ready(client: &mut Client) -> (u16, String) {
    let answer = client.get("/readyz");
    (answer.status, answer.text())
}
