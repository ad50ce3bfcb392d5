//! `streamgauge read`.

use super::leases::standing;
use super::*;

/// The command, ended with its test.
struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
        let command = command.arg("read").args(args).args([
            "--no-lease",
            "--sleeptime-queue-empty",
            "0.02",
            "--sleeptime-requeue",
            "0",
            "--max-backoff",
            "0.1",
        ]);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn signal(&self) {
        let id = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    }

    async fn end(mut self) -> (Option<i32>, String, String) {
        let began = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not end");
            sleep(Duration::from_millis(5)).await;
        }
        let mut text = [String::new(), String::new()];
        std::io::Read::read_to_string(self.0.stdout.as_mut().unwrap(), &mut text[0]).unwrap();
        std::io::Read::read_to_string(self.0.stderr.as_mut().unwrap(), &mut text[1]).unwrap();
        let [out, errors] = text;
        (self.0.wait().unwrap().code(), out, errors)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "not {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_command_is_a_task() {
    let (queue, _serving) = queue().await;
    let (folder, out) = (folder(), folder());
    put(&queue, &["\"good\"", "\"later\"", "\"bad\"", "\"stuck\""]).await;
    let script = format!(
        "read -r word; echo $STREAMGAUGE_TRIES $word >> {0}/log; case $word in *later*) test $STREAMGAUGE_TRIES = 3 || exit 75;; \
         *bad*) exit 1;; *stuck*) sleep 100;; esac",
        out.display()
    );
    let heartbeat = out.join("heartbeat");
    let reader = Process::start(&[
        "--source",
        &queue.to_string(),
        "--exec",
        &script,
        "--requeue-delay",
        "0.01",
        "--max-tries=1",
        "--time-limit",
        "0.2",
        "--failed_message_dir",
        folder.to_str().unwrap(),
        "--queuename",
        "shell",
        "--heartbeat-file",
        heartbeat.to_str().unwrap(),
    ]);
    // At most two tries: later, bad and stuck are given up.
    until("all ended", async || folder.join("shell").exists() && files(&folder.join("shell")).len() == 3).await;
    assert!(heartbeat.metadata().unwrap().modified().unwrap().elapsed().unwrap() < PATIENCE);
    reader.signal();
    let (code, _, errors) = reader.end().await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("exec: 1 done, 6 failed"), "{errors}");
    let log = fs::read_to_string(out.join("log")).unwrap();
    for line in ["1 \"good\"", "1 \"later\"", "2 \"later\"", "1 \"bad\"", "2 \"bad\"", "1 \"stuck\"", "2 \"stuck\""] {
        assert_eq!(log.lines().filter(|other| *other == line).count(), 1, "{line} in {log}");
    }
}

#[tokio::test]
async fn one_signal_finishes_and_a_second_one_ends() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    let source = queue.to_string();
    let out = folder();
    let script = format!("touch {0}/begun; sleep 0.5; echo done >> {0}/done", out.display());
    let reader = Process::start(&["--source", &source, "--exec", &script]);
    until("begun", async || out.join("begun").exists()).await;
    reader.signal();
    let (code, _, errors) = reader.end().await;
    assert_eq!((code, fs::read_to_string(out.join("done")).unwrap()), (Some(0), "done\n".to_owned()), "{errors}");
    assert_eq!(stat(&queue, "depth").await, 2);

    let out = folder();
    // What the command could still print is not waited for.
    let script = format!("exec > {0}/log 2>&1; (while touch {0}/begun; do sleep 0.05; done) & wait", out.display());
    let reader = Process::start(&["--source", &source, "--exec", &script]);
    until("begun", async || out.join("begun").exists()).await;
    let began = Instant::now();
    reader.signal();
    // The first one has to be seen before the second one is sent.
    sleep(Duration::from_millis(200)).await;
    reader.signal();
    let (code, _, errors) = reader.end().await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(stat(&queue, "depth").await, 1);
    // All that it had begun has ended with it.
    fs::remove_file(out.join("begun")).unwrap();
    sleep(Duration::from_millis(500)).await;
    assert!(!out.join("begun").exists());
}

#[tokio::test]
async fn leases_last_while_nobody_reads_what_is_printed() {
    let (queue, _serving) = queue().await;
    for number in 0..5 {
        simplequeue_write(&queue, format!("\"{number}{}\"", "x".repeat(40_000)).as_bytes()).await.unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
    command.args(["read", "--source", &queue.to_string(), "--print", "--mget-items=5", "--lease=1", "--drain"]);
    let reader = Process(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    // The pipe has room for the first one, and for a part of the second.
    until("the pipe to be full", async || standing(&queue).await == [0, 0, 4, 0, 1]).await;
    sleep(Duration::from_secs(3)).await;
    let mut reader = reader;
    let (mut out, mut stdout) = (String::new(), reader.0.stdout.take().unwrap());
    let out = tokio::task::spawn_blocking(move || std::io::Read::read_to_string(&mut stdout, &mut out).map(|_| out));
    let out = timeout(PATIENCE, out).await.expect("it ends").unwrap().unwrap();
    let firsts: Vec<_> = out.lines().map(|line| &line[1..2]).collect();
    assert_eq!(firsts, ["0", "1", "2", "3", "4"]);
    assert_eq!(standing(&queue).await, [0, 0, 0, 0, 5]);
}

#[tokio::test]
async fn printing_is_a_task_and_a_pubsub_is_no_source() {
    let (queue, _serving) = queue().await;
    put(&queue, &["{\"a\": 1}", "2"]).await;
    let reader = Process::start(&["--source", &queue.to_string(), "--print"]);
    until("empty", async || stat(&queue, "depth").await == 0).await;
    reader.signal();
    let (code, out, errors) = reader.end().await;
    assert_eq!((code, out.as_str()), (Some(0), "{\"a\": 1}\n2\n"), "{errors}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pubsub = format!("http://{}", listener.local_addr().unwrap());
    let stop = watch::Sender::new(false);
    let gateway = Gateway::new(Settings::new(Surface::Pubsub), stop.clone()).unwrap();
    tokio::spawn(gateway.run(vec![(listener, Surface::Pubsub)], server::Limits::default(), stop.subscribe()));
    let (code, _, errors) = Process::start(&["--source", &pubsub, "--print"]).end().await;
    assert_eq!(code, Some(2));
    assert!(errors.contains("is a pubsub") && errors.contains("ps_to_http"), "{errors}");
}

#[tokio::test]
async fn a_reader_that_nobody_reads_puts_back_what_it_has_and_ends() {
    let (queue, _serving) = queue().await;
    put(&queue, &["1", "2", "3"]).await;
    for task in [&["--print"][..], &["--exec", "cat"]] {
        let source = queue.to_string();
        let mut reader = Process::start(&[&["--source", &source], task].concat());
        drop(reader.0.stdout.take());
        let began = Instant::now();
        while reader.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not end");
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(reader.0.wait().unwrap().code(), Some(0));
        assert_eq!(stat(&queue, "depth").await, 3);
    }
}

#[tokio::test]
async fn a_sample_is_a_share() {
    let (queue, _serving) = queue().await;
    for (share, expected) in [("0", 0), ("1", 40)] {
        put(&queue, &["1"; 40]).await;
        let source = queue.to_string();
        let reader = Process::start(&["--source", &source, "--drain", "--sample", share, "--print"]);
        let (code, out, errors) = reader.end().await;
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(out.lines().count(), expected, "{errors}");
    }
    let (code, _, errors) = Process::start(&["--sample", "1.5", "--print"]).end().await;
    assert_eq!((code, errors.lines().count()), (Some(2), 1), "{errors}");
}
