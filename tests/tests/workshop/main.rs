//! `host-std/docs/workshop.md` and its chapters: each exercise has all that makes one, and its answer, typed line by line,
//! prints what the page says.

mod answers;
mod form;
mod shell;

use std::fs;

use streamgauge_tests::build::workspace;
use streamgauge_tests::clicks;
use streamgauge_tests::nats::Cluster;
use streamgauge_tests::needs;
use streamgauge_tests::wait::until;

use answers::Exercise;
use shell::Shell;

#[test]
fn every_line_prints_what_the_page_says() {
    type_every_line(&[]);
}

/// Topics at one gateway, and queues at another.
#[test]
fn every_line_prints_the_same_before_a_cluster() {
    let Some(cluster) = Cluster::start(3) else { return };
    type_every_line(&["--engine", &cluster.url()]);
}

fn type_every_line(flags: &[&str]) {
    let exercises: Vec<_> = pages().iter().flat_map(|(_, page)| answers::of(page)).collect();
    assert!(exercises.len() > 80, "only {} commands were found", exercises.len());
    if !needs::programs(&["curl", "awk", "redis-cli", "redis-server"]) {
        return;
    }
    let clicks = clicks::file();
    let is_real = clicks.is_some();
    let shell = Shell::start(clicks.as_deref(), flags);
    for exercise in &exercises {
        let Exercise { command, output, checked } = exercise;
        let (printed, worked) = shell.run(command);
        // Of other clicks nobody has written down what they say.
        let as_said = if checked.counts_clicks && !is_real {
            worked
        } else if checked.soon {
            until(command, || answers::says(output, &shell.run(command).0).then_some(()));
            true
        } else {
            checked.as_said(output, &printed)
        };
        assert!(as_said, "$ {command}\nprinted\n{printed}\nbut the page says\n{output}");
    }
    for svg in ["waiting.svg", "clicks.svg", "shared.svg"] {
        let drawn = fs::read_to_string(shell.folder().join(svg)).expect("a drawing");
        assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"), "{svg}: {drawn}");
    }
    let quarter = fs::read_to_string(shell.folder().join("quarter.txt")).expect("a quarter");
    assert!((180..320).contains(&quarter.lines().count()), "{quarter}");
}

#[test]
fn every_exercise_asks_before_it_answers() {
    let chapters = pages().split_off(1);
    assert_eq!(chapters.len(), 7, "chapters");
    for (name, page) in &chapters {
        if let Err(what) = form::check(page) {
            panic!("{name}: {what}");
        }
    }
}

/// The page and its chapters, in their order, each with its name.
fn pages() -> Vec<(String, String)> {
    let docs = workspace().join("host-std/docs");
    let chapters = fs::read_dir(docs.join("workshop")).expect("the chapters");
    let mut files: Vec<_> = chapters.map(|chapter| chapter.expect("a chapter").path()).collect();
    files.sort();
    files.insert(0, docs.join("workshop.md"));
    let read = |file: std::path::PathBuf| {
        let page = fs::read_to_string(&file).expect("a page");
        (file.display().to_string(), page)
    };
    files.into_iter().map(read).collect()
}
