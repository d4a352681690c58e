//! Readers stricter than Prometheus, and what they refuse of a target itself.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use integration::prometheus::tool;
use model::exposition::entry::{Entry, Format, MetricType, SampleLine};
use model::exposition::parse;

/// Whether `promtool check metrics` reads a text page; nothing where this machine does not have it.
///
/// It exits with 3 where it only has advice.
pub(crate) fn promtool(name: &str, page: &Path) -> Option<Result<(), String>> {
    let page = File::open(page).expect("the page was written");
    let output = Command::new(tool(name)?).args(["check", "metrics"]).stdin(page).output();
    let output = output.expect("promtool runs");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0 | 3) => Some(Ok(())),
        code => Some(Err(format!("{name} exits with {code:?}: {}", tail(&words)))),
    }
}

fn tail(words: &str) -> String {
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// What the strict parser of `prometheus_client` says to each OpenMetrics page: `ok` or what it refuses; nothing
/// where this machine does not have it.
pub(super) fn openmetrics(pages: &[PathBuf]) -> Option<Vec<String>> {
    const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/hostile/strict_reader.py");
    let mut command = Command::new(tool("python3")?);
    command.arg(READER).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reader = command.spawn().expect("python3 runs");
    let mut input = reader.stdin.take().expect("its input is a pipe");
    let names: String = pages.iter().map(|page| format!("{}\n", page.display())).collect();
    // The pipe may hold less than the names: they are written while the verdicts are read.
    let writer = std::thread::spawn(move || input.write_all(names.as_bytes()));
    let output = reader.wait_with_output().expect("its verdicts are read");
    writer.join().expect("the writer does not panic").expect("python3 reads the names");
    let verdicts: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(verdicts.len(), pages.len(), "a verdict for each page");
    Some(verdicts)
}

/// Whether promtool would refuse these samples of a target that it scraped itself: bounds that are no numbers in a
/// family of that type, negative counts of histograms.
pub(super) fn promtool_refuses(format: Format, body: &[u8]) -> bool {
    let (mut family, mut kind) = (String::new(), MetricType::Unknown);
    parse(format, body).any(|entry| match entry {
        Ok(Entry::Type { name, kind: declared }) => {
            (family, kind) = (name.into_owned(), declared);
            false
        }
        Ok(Entry::Sample(sample)) => is_refused(&sample, &family, kind),
        _ => false,
    })
}

fn is_refused(sample: &SampleLine<'_>, family: &str, kind: MetricType) -> bool {
    let no_number = |bound: &str| {
        let mut labels = sample.labels.iter().filter(|(name, _)| name == bound);
        labels.any(|(_, value)| value.parse::<f64>().is_err())
    };
    let counts = sample.name.ends_with("_bucket") || sample.name.ends_with("_count");
    let own = sample.name.strip_prefix(family);
    match (kind, own) {
        (MetricType::Summary, Some("" | "_sum" | "_count")) if no_number("quantile") => true,
        // Any sample may bear the name of another target's histogram, and is then read as one of its own.
        _ => no_number("le") || counts && sample.tail.number < 0.0,
    }
}

/// The family at the end of every page; misfits follow its samples.
const LAST: &str = "scraperelay_target_cache_age_seconds";

/// An OpenMetrics page less what no strict reader takes where targets disagree: the samples at its end that bear a
/// histogram's name without being its own, and exemplars in families whose type gave way.
pub(super) fn agreed(page: &str) -> String {
    let mut agreed = String::new();
    let (mut name, mut kind) = ("", "");
    for line in page.lines() {
        let declared = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '));
        (name, kind) = declared.unwrap_or((name, kind));
        if name == LAST && !line.starts_with('#') && !line.starts_with(LAST) {
            continue;
        }
        let exemplar = line.rfind(" # {").filter(|_| !line.starts_with('#') && !takes_exemplars(kind));
        let (kept, _) = line.split_at(exemplar.unwrap_or(line.len()));
        agreed.push_str(kept);
        agreed.push('\n');
    }
    agreed
}

fn takes_exemplars(kind: &str) -> bool {
    matches!(kind, "counter" | "histogram" | "gaugehistogram")
}
