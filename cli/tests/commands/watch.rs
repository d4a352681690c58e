//! `scrape-relay targets watch` against a coordinator that comes and goes.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{ChildStdout, Stdio};

use super::{Server, directory, program, run};

const CONFIG: &str =
    "scrape_configs:\n- job_name: j\n  static_configs:\n  - targets: ['127.0.0.1:1', '127.0.0.1:2']\n";

/// A watch as a process, and what it prints.
fn watch(arguments: &[&str]) -> (Server, Lines<BufReader<ChildStdout>>) {
    let mut command = program(&[&["targets", "watch"], arguments].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
    let err = BufReader::new(child.stderr.take().expect("standard error is piped"));
    (Server { child, err }, out)
}

fn next(out: &mut Lines<BufReader<ChildStdout>>) -> serde_json::Value {
    let line = out.next().expect("a line").expect("a line that can be read");
    serde_json::from_str(&line).expect("JSON")
}

/// Reads up to a bookmark; gives what was said before it, by type and instance.
fn until_bookmark(out: &mut Lines<BufReader<ChildStdout>>) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let message = next(out);
        let kind = message["type"].as_str().expect("a type").trim_start_matches("CHANGE_TYPE_").to_owned();
        if kind == "BOOKMARK" {
            assert!(message["resumeToken"].as_str().is_some_and(|token| token.contains(':')), "{message}");
            told.sort();
            return told;
        }
        told.push(format!("{kind} {}", message["target"]["labels"]["instance"].as_str().unwrap_or_default()));
    }
}

#[test]
fn a_watch_outlives_its_coordinator_and_ends_with_130() {
    let directory = directory(CONFIG);
    let file = directory.path().join("config.yml").display().to_string();
    let start = |grpc: &str| {
        let arguments =
            ["coordinator", "--config", &file, "--grpc-listen", grpc, "--http-listen", "127.0.0.1:0"];
        let mut server = Server::start(&arguments);
        let grpc = server.logged("coordinator started", &["grpc"]).remove(0);
        (server, grpc)
    };
    let (mut server, grpc) = start("127.0.0.1:0");
    let list = ["targets", "list", "--server", &*grpc];
    super::until("both targets", &list, |ended| ended.out.contains("2 of 2 targets"));
    let (mut process, mut out) = watch(&["-o", "jsonl", "--server", &grpc]);
    let both = ["ADDED 127.0.0.1:1", "ADDED 127.0.0.1:2", "RESET "];
    assert_eq!(until_bookmark(&mut out), both);

    server.child.kill().expect("it is there");
    server.child.wait().expect("it has ended");
    assert_eq!(process.logged("the stream has ended", &[]), Vec::<String>::new());
    let (mut server, _) = start(&grpc);
    // It may be asked before it has discovered anything.
    let mut told = until_bookmark(&mut out);
    while told.len() < both.len() {
        let message = next(&mut out);
        told.push(format!("ADDED {}", message["target"]["labels"]["instance"].as_str().unwrap_or_default()));
        told.sort();
    }
    assert_eq!(told, both);
    assert_eq!(process.interrupt(), Some(130));
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn people_see_rows_and_a_bad_filter_or_nobody_there_ends_at_once() {
    let (mut server, grpc, _directory) = super::coordinator(CONFIG);
    let list = ["targets", "list", "--server", &*grpc];
    super::until("both targets", &list, |ended| ended.out.contains("2 of 2 targets"));
    let (mut process, mut out) = watch(&["--filter", "labels.instance = \"127.0.0.1:2\"", "--server", &grpc]);
    let header = out.next().expect("a line").expect("it can be read");
    assert!(header.starts_with("UTC       CHANGE   ID"), "{header}");
    let row = out.next().expect("a line").expect("it can be read");
    assert!(row.contains("added") && row.contains("127.0.0.1:2") && row.contains("pending"), "{row}");
    // Nobody reads any more: that is no failure, and this one waits for the next change.
    assert_eq!(process.interrupt(), Some(130));
    let bad = run(&["targets", "watch", "--filter", "stat = up", "--server", &grpc]);
    assert_eq!((bad.code, &*bad.out), (2, ""), "{bad:?}");
    assert_eq!(server.interrupt(), Some(0));
    let gone = run(&["targets", "watch", "--server", &grpc]);
    assert_eq!((gone.code, &*gone.out), (4, ""), "{gone:?}");
}
