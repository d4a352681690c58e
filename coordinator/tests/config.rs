//! Whole configuration files and what the loader says about them.
//!
//! Each `tests/config/NAME.yml` has a `NAME.expect` beside it: the rendered diagnostics where the file is refused,
//! else a summary of what was read and the warnings. `UPDATE_EXPECT=1` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coordinator::config::{
    self, Code, Config, Discovery, JobConfig, Loaded, MAX_DIAGNOSTICS, MissingFiles, inline_secrets, load,
    parse,
};
use expect_test::expect_file;
use model::job::{Job, ScrapeSettings};
use model::names::ValidationScheme;
use proptest::prelude::{ProptestConfig, any, prop, proptest};

/// Why writing cannot fail.
const STRING: &str = "a string takes all text";

fn case_files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let entries = std::fs::read_dir(&dir).expect("the cases lie there");
    let mut cases: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    cases.sort();
    cases
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a case is text")
}

/// The job's lines that a job of that name with Prometheus's defaults does not have, then its rules.
fn job_summary(config: &JobConfig) -> String {
    let job = &config.job;
    let settings = ScrapeSettings { metric_relabel: Arc::from([]), ..(*job.settings).clone() };
    let bare = Job { relabel: Arc::from([]), settings: Arc::new(settings), ..(**job).clone() };
    let default = format!("{:#?}", Job { keep_dropped_targets: 1000, ..Job::new(job.job_name.clone()) });
    let (bare, default) = (format!("{bare:#?}"), default.lines().collect::<Vec<_>>());
    let mut out = format!("job {} at {}\n", job.job_name, config.position);
    for line in bare.lines().filter(|line| !default.contains(line)) {
        writeln!(out, "{line}").expect(STRING);
    }
    let rules = job.relabel.iter().zip(&config.rule_positions);
    let metric_rules = job.settings.metric_relabel.iter().zip(&config.metric_rule_positions);
    for (rule, position) in rules.chain(metric_rules) {
        writeln!(out, "rule at {position}: {:?}", rule.spec()).expect(STRING);
    }
    out
}

fn summary(loaded: &Loaded) -> String {
    let mut out = String::new();
    let Config { jobs, coordinator, relay, cache, limits } = &loaded.config;
    for job in jobs {
        out += &job_summary(job);
        for discovery in &job.discoveries {
            match discovery {
                Discovery::Static(groups) => {
                    for group in groups {
                        writeln!(out, "static {} {:?} {:?}", group.source, group.targets, group.labels)
                            .expect(STRING);
                    }
                }
                other => writeln!(out, "{other:?}").expect(STRING),
            }
        }
    }
    for (job, field, position) in inline_secrets(&loaded.config) {
        writeln!(out, "inline secret: {job} {field} {position}").expect(STRING);
    }
    writeln!(out, "{coordinator:?}\n{relay:?}\n{cache:?}\n{limits:?}").expect(STRING);
    if loaded.warnings.warnings() > 0 {
        writeln!(out, "{}", loaded.warnings).expect(STRING);
    }
    out
}

#[test]
fn every_file_is_read_or_refused_as_its_expectation_says() {
    let cases = case_files();
    assert!(!cases.is_empty());
    for path in cases {
        let name = path.file_name().expect("it has a name").to_string_lossy();
        let got = match parse(&name, &text_of(&path), Path::new("/etc/scrape-relay")) {
            Ok(loaded) => summary(&loaded),
            Err(diagnostics) => format!("{diagnostics}\n"),
        };
        assert!(!got.contains("HIDDEN"), "{name} shows a secret:\n{got}");
        expect_file![path.with_extension("expect")].assert_eq(&got);
    }
}

#[test]
fn no_mistake_anywhere_in_a_file_shows_a_secret() {
    let files = case_files();
    let with_secrets = files.iter().map(|path| text_of(path)).filter(|text| text.contains("HIDDEN"));
    let mistakes = ["  unknown: 1", "- x", "a: [", "\t", "  password: HIDDEN", "\"", "}", "&a *b", "|"];
    for text in with_secrets {
        let lines: Vec<&str> = text.lines().collect();
        for at in 0..=lines.len() {
            let indent = lines.get(at).map_or(0, |line| line.len() - line.trim_start().len());
            for mistake in mistakes {
                let inserted = format!("{:indent$}{mistake}", "");
                let broken = [&lines[..at], &[inserted.as_str()], &lines[at..]].concat().join("\n");
                let shown = match parse("x.yml", &broken, Path::new("")) {
                    Ok(loaded) => loaded.warnings.to_string(),
                    Err(diagnostics) => diagnostics.to_string(),
                };
                assert!(!shown.contains("HIDDEN"), "{broken}\n\n{shown}");
            }
        }
    }
}

#[test]
fn the_list_of_mistakes_is_bounded_sorted_and_counted() {
    let mut text = "scrape_configs:\n- job_name: a\n".to_owned();
    for n in 0..MAX_DIAGNOSTICS + 7 {
        writeln!(text, "  unknown_{n}: 1").expect(STRING);
    }
    let diagnostics = parse("many.yml", &text, Path::new("")).expect_err("the fields are unknown");
    assert_eq!(diagnostics.diagnostics.len(), MAX_DIAGNOSTICS);
    assert_eq!((diagnostics.errors(), diagnostics.more_errors), (MAX_DIAGNOSTICS + 7, 7));
    assert!(diagnostics.diagnostics.is_sorted_by_key(|d| (d.line, d.column)));
    assert!(diagnostics.to_string().ends_with("many.yml: 57 errors, 0 warnings (7 of them not shown)"));
}

#[test]
fn files_that_would_exhaust_memory_or_the_stack_are_refused() {
    let deep = "[".repeat(100_000);
    let nested = (0..200).fold(String::new(), |text, n| text + &"  ".repeat(n) + "a:\n");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let alias = format!("*a{}, ", n - 1).repeat(10);
        writeln!(bomb, "a{n}: &a{n} [{alias}]").expect(STRING);
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(10_000));
    for text in [deep, nested, bomb, long] {
        let refused = parse("x.yml", &text, Path::new("")).expect_err("it is too large");
        let code = refused.diagnostics[0].code;
        assert!(matches!(code, Code::TooLarge | Code::Syntax), "{code:?}");
    }
}

#[test]
fn diagnostics_are_json_with_stable_names() {
    let text = "scrape_configs:\n- job_name: a\n  scrape_intervall: 5s\n";
    let diagnostics = parse("x.yml", text, Path::new("")).expect_err("a field is unknown");
    let json = serde_json::to_value(&diagnostics).expect("plain data");
    assert_eq!(
        json,
        serde_json::json!({
            "diagnostics": [{
                "code": "E0107", "severity": "error", "file": "x.yml", "line": 3, "column": 3, "end_column": 19,
                "message": "unknown field `scrape_intervall`", "help": "did you mean `scrape_interval`?",
            }],
            "more_errors": 0,
            "more_warnings": 0,
        })
    );
}

#[test]
fn a_missing_file_is_an_error_or_a_warning_as_the_caller_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("config.yml");
    let text = "scrape_configs:\n- job_name: a\n  bearer_token_file: there\n  tls_config: {ca_file: not-there}\n  \
                http_sd_configs: [{url: 'http://h/', tls_config: {ca_file: here-only}}]\n";
    std::fs::write(&path, text).expect("written");
    std::fs::write(dir.path().join("there"), "x").expect("written");
    std::fs::write(dir.path().join("here-only"), "x").expect("written");
    let loaded = load(&path, MissingFiles::Warn).expect("only warnings");
    let codes: Vec<_> = loaded.warnings.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, [Code::Deprecated, Code::MissingFileHere]);
    let refused = load(&path, MissingFiles::Refuse).expect_err("a file is missing");
    assert_eq!(refused.errors(), 1);
    // What the coordinator reads itself must be there in any case.
    std::fs::remove_file(dir.path().join("here-only")).expect("removed");
    let refused = load(&path, MissingFiles::Warn).expect_err("a file is missing");
    assert!(refused.to_string().contains("tls_config.ca_file"), "{refused}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("config.yml");
    let refused = load(&path, MissingFiles::Warn).expect_err("it does not exist");
    assert!(refused.to_string().contains("config.yml") && refused.diagnostics[0].code == Code::Unreadable);
    std::fs::write(&path, b"a: b\nc: \xff\n").expect("written");
    let refused = load(&path, MissingFiles::Warn).expect_err("it is not UTF-8");
    assert!(refused.to_string().contains("not UTF-8: line 2"), "{refused}");
}

#[test]
fn check_answers_for_each_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let paths = ["good.yml", "bad.yml"].map(|name| dir.path().join(name));
    std::fs::write(&paths[0], "scrape_configs: [{job_name: a}]").expect("written");
    std::fs::write(&paths[1], "scrape_configs: [{}]").expect("written");
    let all = config::check(&paths, MissingFiles::Warn);
    assert_eq!(all.iter().map(config::Diagnostics::errors).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_printed_job_has_zero_values_where_a_written_one_has_defaults() {
    let job =
        config::job_from_yaml("job_name: ''\nscrape_native_histograms: true\n").expect("taken as it is").job;
    assert_eq!((&*job.metrics_path, &*job.scheme, job.scrape_interval.is_zero()), ("", "", true));
    assert!(job.scrape_native_histograms);
    let written = "scrape_configs: [{job_name: a, scrape_native_histograms: true}]";
    let refused = parse("x.yml", written, Path::new("")).expect_err("not built");
    assert_eq!(refused.only_left_out().map(|d| d.code), Some(Code::NotSupportedYet));
}

#[test]
fn a_file_of_target_groups_is_read_whole_or_not_at_all() {
    let text = "- targets: [a:1, 'http://b/x']\n  labels: {v: 1.10, empty: ''}\n- targets: []\n";
    let groups = config::target_groups_from_yaml("t.yml", text).expect("right");
    assert_eq!(groups.iter().map(|group| &*group.source).collect::<Vec<_>>(), ["t.yml:0", "t.yml:1"]);
    assert_eq!(groups[0].targets[1].get("__address__"), "http://b/x");
    assert_eq!(groups[0].labels.get("v"), "1.10");
    assert_eq!(config::target_groups_from_yaml("t.yml", "").expect("no groups"), []);
    for wrong in
        ["-", "- {target: [a]}", "targets: [a]", "- {targets: a}", "- {labels: {'': x}}", "- {targets: [a"]
    {
        assert!(config::target_groups_from_yaml("t.yml", wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Bytes of the case files cut, doubled and replaced.
    #[test]
    fn no_mutated_file_makes_the_loader_panic(
        file in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, "[-:{}\\[\\],&*!|>'\"#%@`~ \n\tax09é\u{0}]{1,3}"), 1..8),
    ) {
        let files = case_files();
        let mut text: Vec<char> = text_of(file.get::<PathBuf>(&files)).chars().collect();
        for (at, kind, insert) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + insert.len()).min(text.len());
            match kind {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..end, insert.chars())),
                2 => drop(text.splice(at..at, insert.chars())),
                _ => text.truncate(at),
            }
        }
        let text: String = text.into_iter().collect();
        let shown = match parse("mutated.yml", &text, Path::new("/etc")) {
            Ok(loaded) => loaded.warnings.to_string(),
            Err(diagnostics) => diagnostics.to_string(),
        };
        assert!(shown.starts_with("error[") || shown.starts_with("warning[") || shown.contains("0 errors"));
        drop(config::relabel_rules_from_yaml(&text, ValidationScheme::Legacy));
        drop(config::job_from_yaml(&text));
    }
}
