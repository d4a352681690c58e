//! The program as people run it: exit codes, standard output, standard error.

#[path = "commands/chaos.rs"]
mod chaos;
#[path = "commands/check.rs"]
mod check;
#[path = "commands/relays.rs"]
mod relays;
#[path = "commands/ring.rs"]
mod ring;
#[path = "commands/status.rs"]
mod status;
#[path = "commands/targets.rs"]
mod targets;
#[path = "commands/watch.rs"]
mod watch;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use clap::CommandFactory as _;
use expect_test::expect_file;

/// What a command that ended has left.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrape-relay"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("SCRAPE_RELAY_") || name.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run_in(directory: &Path, arguments: &[&str]) -> Ended {
    let output = program(arguments).current_dir(directory).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    let code = output.status.code().expect("it ends by itself");
    Ended { code, out: text(output.stdout), err: text(output.stderr) }
}

fn run(arguments: &[&str]) -> Ended {
    run_in(Path::new("/"), arguments)
}

/// A server that is killed when dropped.
struct Server {
    child: Child,
    err: BufReader<ChildStderr>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is what was asked for.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = program(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let err = BufReader::new(child.stderr.take().expect("standard error is piped"));
        Self { child, err }
    }

    /// The value of `key` in the log line that says `message`.
    fn logged(&mut self, message: &str, keys: &[&str]) -> Vec<String> {
        let mut line = String::new();
        while !line.contains(message) {
            line.clear();
            assert!(self.err.read_line(&mut line).expect("a log") > 0, "it ended without {message:?}");
        }
        let value = |key: &&str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(&format!("{key}=")));
            found.unwrap_or_else(|| panic!("no {key} in {line}")).trim_matches('"').to_owned()
        };
        keys.iter().map(value).collect()
    }

    /// Asks it to end, and gives its exit code.
    fn interrupt(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
        self.child.wait().expect("it ends").code()
    }
}

/// The program under the name `metrics-proxy` with nothing but these variables of that program.
fn metrics_proxy(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let directory = tempfile::tempdir().expect("a directory");
    let link = directory.path().join("metrics-proxy");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_scrape-relay"), &link).expect("a link");
    let mut command = Command::new(&link);
    command.env_clear().envs(variables.iter().copied()).args(arguments).stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    let code = output.status.code().expect("it ends by itself");
    Ended { code, out: text(output.stdout), err: text(output.stderr) }
}

fn directory(config: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("config.yml"), config).expect("the configuration is written");
    directory
}

/// Runs again and again until what it leaves is as wanted.
fn until(what: &str, arguments: &[&str], wanted: impl Fn(&Ended) -> bool) -> Ended {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let ended = run(arguments);
        if wanted(&ended) {
            return ended;
        }
        assert!(Instant::now() < deadline, "waited for {what}: {ended:?}");
    }
}

const FLEET: &str = "scrape_configs:
- job_name: pods
  static_configs:
  - targets: ['127.0.0.1:1', 'dropped:1']
    labels: {note: \"\\e[31mred\\x9b2J\\nnew\\u202Eline\"}
  relabel_configs:
  - {source_labels: [__address__], regex: 'dropped:.*', action: drop}
  - {target_label: instance, replacement: \"i\\e[31m\"}
";

fn coordinator(config: &str) -> (Server, String, tempfile::TempDir) {
    let directory = directory(config);
    let file = directory.path().join("config.yml").display().to_string();
    let free = "127.0.0.1:0";
    let arguments = ["coordinator", "--config", &file, "--grpc-listen", free, "--http-listen", free];
    let mut server = Server::start(&arguments);
    let grpc = server.logged("coordinator started", &["grpc"]).remove(0);
    (server, grpc, directory)
}

#[test]
fn help_names_the_commands() {
    let ended = run(&["--help"]);
    assert_eq!((ended.code, &*ended.err), (0, ""));
    expect_file!["golden/help.txt"].assert_eq(&ended.out);
    let version = run(&["--version"]);
    assert_eq!((version.code, &*version.out), (0, concat!("scrape-relay ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn bad_input_is_exit_code_2_and_one_clear_line() {
    let any = "0.0.0.0:0";
    for (arguments, expected) in [
        (&["relay", "--name", "r"][..], "--coordinator"),
        (&["coordinator"], "--config <FILE>"),
        (&["coordinator", "--config", "/x", "--grpc-listen", "nonsense"], "is not a listen address"),
        (&["coordinator", "--config", "/x", "--grpc-listen", any], "--insecure-allow-unauthenticated"),
        (&["standalone", "--config", "/x", "--listen", any], "--insecure-allow-unauthenticated"),
        (&["relay", "--name", "r", "--coordinator", "http://127.0.0.1:1", "--listen", ":0"], "--listen"),
        (&["relay", "--name", "r", "--coordinator", "nonsense", "--listen", "127.0.0.1:0"], "nonsense"),
        (&["demo", "--targets", "0"], "--targets"),
        (&["demo", "--relays", "many"], "many"),
        (&["targets", "lst"], "lst"),
        (&["targets", "list", "-o", "yaml"], "[possible values: table, json]"),
        (&["targets", "list", "--timeout", "soon"], "--timeout"),
        (&["targets", "list", "--server", "a b"], "--server"),
        (&["targets", "get"], "<ID>"),
        (&["explain", "--\u{1b}[31m"], "unexpected argument"),
        (&["config", "check"], "<FILE>"),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code, &*ended.out), (2, ""), "{arguments:?}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{arguments:?}: {}", ended.err);
        assert!(ended.err.starts_with("scrape-relay: ") && ended.err.contains(expected), "{}", ended.err);
        assert!(!ended.err.trim_end().contains(char::is_control), "{:?}", ended.err);
    }
}

#[test]
fn a_broken_configuration_is_told_with_frames() {
    let directory = directory("scrape_configs:\n- job_nam: x\n  scrape_interval: soon\n");
    let here = directory.path();
    let started = run_in(here, &["coordinator", "--config", "config.yml"]);
    assert_eq!((started.code, &*started.out), (2, ""), "{started:?}");
    assert!(started.err.contains("--> config.yml:2:3") && started.err.contains("^^^"), "{}", started.err);

    let table = run_in(here, &["config", "check", "config.yml"]);
    assert_eq!(table.code, 1);
    expect_file!["golden/config_check.txt"].assert_eq(&format!("{}--\n{}", table.out, table.err));
    let json = run_in(here, &["config", "check", "-o", "json", "config.yml"]);
    assert_eq!(json.code, 1);
    let findings: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(findings[0]["diagnostics"][0]["line"], 2, "{findings:#}");

    std::fs::write(here.join("good.yml"), "scrape_configs: []\n").expect("written");
    assert_eq!(run_in(here, &["config", "check", "good.yml"]).code, 0);
    assert_eq!(run_in(here, &["config", "check", "gone.yml"]).code, 1);
}

#[test]
fn under_its_name_the_program_takes_the_arguments_of_metrics_k8s_proxy() {
    for help in ["--help", "-help", "-h"] {
        let ended = metrics_proxy(&[help], &[]);
        assert_eq!((ended.code, &*ended.err), (0, ""), "{help}");
        assert!(ended.out.contains("Usage:"), "{}", ended.out);
        if help != "-h" {
            for name in ["POD_LABEL_SELECTOR", "SCRAPE_TIMEOUT", "PORT", "--labels", "--scrape_timeout"] {
                assert!(ended.out.contains(name), "{name} is missing: {}", ended.out);
            }
        }
    }
    let selector = ("POD_LABEL_SELECTOR", "app=a");
    for (arguments, variables, expected) in [
        (&[][..], &[][..], "POD_LABEL_SELECTOR is not set"),
        (&[], &[("POD_LABEL_SELECTOR", "a=b=c")], "POD_LABEL_SELECTOR \"a=b=c\""),
        (&["-labels", "a=b=c"], &[selector], "POD_LABEL_SELECTOR \"a=b=c\""),
        (&["--scrape_timeout=-1s"], &[selector], "SCRAPE_TIMEOUT \"-1s\""),
        (&["-scrape_timeout", "-1s"], &[selector], "SCRAPE_TIMEOUT \"-1s\""),
        (&[], &[selector, ("SCRAPE_TIMEOUT", "9")], "SCRAPE_TIMEOUT \"9\""),
        (&["--port", "0"], &[selector, ("PORT", "1")], "PORT \"0\""),
        (&[], &[selector, ("PORT", "http")], "PORT \"http\""),
        (&[], &[selector], "set KUBECONFIG"),
        (&[], &[selector, ("KUBECONFIG", "/nonexistent/config")], "KUBECONFIG \"/nonexistent/config\""),
        (&["--listen", "127.0.0.1:0"], &[selector], "--listen goes with --config"),
        (&["--unknown"], &[selector], "--unknown"),
    ] {
        let ended = metrics_proxy(arguments, variables);
        assert_eq!((ended.code, &*ended.out), (2, ""), "{arguments:?} {variables:?}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
        assert!(ended.err.starts_with("scrape-relay: ") && ended.err.contains(expected), "{}", ended.err);
    }
}

#[test]
fn nobody_listening_is_exit_code_4() {
    for arguments in
        [&["targets", "list"][..], &["targets", "get", "abcd"], &["relays", "list"], &["explain", "x"]]
    {
        let ended = run(&[arguments, &["--server", "127.0.0.1:1"]].concat());
        assert_eq!((ended.code, &*ended.out), (4, ""), "{ended:?}");
        assert!(ended.err.contains("no coordinator answers at 127.0.0.1:1"), "{}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    }
}

#[test]
fn operators_see_targets_and_nothing_that_steers_their_terminal() {
    let (mut server, grpc, _directory) = coordinator(FLEET);
    let ask = |arguments: &[&str]| run(&[arguments, &["--server", &grpc]].concat());
    let json = ["targets", "list", "-o", "json", "--server", &*grpc];
    let listed = until("a target", &json, |ended| ended.out.contains("\"totalSize\": 1"));
    let listed: serde_json::Value = serde_json::from_str(&listed.out).expect("JSON");
    let target = &listed["targets"][0];
    assert_eq!(target["labels"]["note"], "\u{1b}[31mred\u{9b}2J\nnew\u{202e}line");
    let id = target["name"].as_str().expect("a name").trim_start_matches("targets/").to_owned();
    for (arguments, expected) in [
        (&["targets", "list"][..], "1 of 1 targets · 1 pending"),
        (&["targets", "get", id.get(..8).expect("ASCII")], "in that state for"),
        (&["targets", "get", &id, "-o", "json"], "\"discoveredLabels\""),
        (&["targets", "dropped"], "1 of 1 kept, 1 dropped in all"),
        (&["targets", "dropped", "-o", "json"], "\"ruleLocation\""),
        (&["relays", "list"], "NAME"),
        (&["relays", "list", "-o", "json"], "\"coordinatorState\""),
        (&["explain", &id], "by static (0), job pods"),
        (&["explain", "dropped:1"], "relabel rule 0"),
        (&["explain", &id, "-o", "json"], "\"explanations\""),
    ] {
        let ended = ask(arguments);
        assert_eq!((ended.code, &*ended.err), (0, ""), "{arguments:?}");
        assert!(ended.out.contains(expected), "{arguments:?}: {}", ended.out);
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!ended.out.contains(steers), "{arguments:?}: {:?}", ended.out);
        assert!(!ended.out.contains("\nnew"), "{arguments:?}: {}", ended.out);
    }
    for (arguments, code) in [
        (&["targets", "get", "00000000"][..], 6),
        (&["targets", "get", "zz"], 2),
        (&["explain", "nobody"], 6),
        (&["targets", "list", "--filter", "stat = up"], 2),
        (&["targets", "list", "--page-size", "-1"], 2),
        (&["targets", "dropped", "--page-token", "x"], 2),
    ] {
        let ended = ask(arguments);
        assert_eq!((ended.code, &*ended.out), (code, ""), "{arguments:?}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{arguments:?}: {}", ended.err);
    }
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn other_addresses_than_loopback_are_listened_on_where_that_is_allowed() {
    let directory = directory("scrape_configs: []\n");
    let file = directory.path().join("config.yml").display().to_string();
    let mut command = program(&["coordinator", "--config", &file, "--grpc-listen", "0.0.0.0:0"]);
    command.args(["--http-listen", "127.0.0.1:0"]).env("SCRAPE_RELAY_INSECURE_ALLOW_UNAUTHENTICATED", "1");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let err = BufReader::new(child.stderr.take().expect("standard error is piped"));
    let mut server = Server { child, err };
    server.logged("coordinator started", &[]);
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn every_flag_has_its_twin_in_the_environment() {
    fn walk(command: &clap::Command, missing: &mut Vec<String>) {
        for flag in command.get_arguments().filter(|argument| argument.get_long().is_some()) {
            let name = flag.get_long().unwrap_or_default();
            let own = flag.get_env().is_some_and(|env| env.to_string_lossy().starts_with("SCRAPE_RELAY_"));
            // Another program's flags and variables keep their names.
            let others = matches!(name, "labels" | "scrape_timeout" | "port") && flag.get_env().is_some();
            if !own && !others && !matches!(name, "help" | "version") {
                missing.push(format!("{} --{name}", command.get_name()));
            }
        }
        command.get_subcommands().for_each(|command| walk(command, missing));
    }
    let mut missing = Vec::new();
    walk(&scrape_relay::args::Cli::command(), &mut missing);
    assert_eq!(missing, Vec::<String>::new());
}

fn page(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn standalone_serves_a_page() {
    let directory =
        directory("scrape_configs:\n- job_name: j\n  static_configs:\n  - targets: ['127.0.0.1:1']\n");
    let file = directory.path().join("config.yml").display().to_string();
    let mut arguments = vec!["standalone", "--config", &file];
    for flag in ["--listen", "--http-listen", "--grpc-listen"] {
        arguments.extend([flag, "127.0.0.1:0"]);
    }
    let mut server = Server::start(&arguments);
    let metrics = server.logged("standalone started", &["metrics"]).remove(0);
    let deadline = Instant::now() + Duration::from_secs(30);
    let up = "up{instance=\"127.0.0.1:1\",job=\"j\"} 0";
    loop {
        let page = page(&metrics).unwrap_or_default();
        if page.contains(up) {
            break;
        }
        assert!(Instant::now() < deadline, "waited for {up}: {page}");
    }
    assert_eq!(server.interrupt(), Some(0));
}

#[test]
fn the_demo_says_where_it_is_within_5_seconds_and_leaves_nothing_behind() {
    let started = Instant::now();
    let mut server = Server::start(&["demo", "--targets", "20", "--relays", "2", "--log-level", "error"]);
    let out = server.child.stdout.take().expect("standard output is piped");
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("a line");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let said: serde_json::Value = serde_json::from_str(&line).expect("a JSON object");
    let text = |name: &str| said[name].as_str().expect("a text").to_owned();
    assert_eq!((&said["targets"], said["relays"].as_array().map(Vec::len)), (&20.into(), Some(2)));
    let files = [text("prometheus_config"), text("direct_config")];
    assert!(files.iter().all(|file| Path::new(file).is_file()), "{files:?}");
    let http = |url: &str| url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned();
    let metrics = http(said["relays"][0]["metrics"].as_str().expect("a URL"));
    assert!(page(&metrics).is_some_and(|page| page.contains("\nup{")));

    assert_eq!(server.interrupt(), Some(0));
    let directory = Path::new(&files[0]).parent().expect("a directory");
    assert!(!directory.exists(), "{}", directory.display());
    for address in [metrics, http(&text("coordinator")), text("admin_grpc")] {
        let address: SocketAddr = address.parse().expect("an address");
        assert!(TcpStream::connect(address).is_err(), "{address} still answers");
    }
}
