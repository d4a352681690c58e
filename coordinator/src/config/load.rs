//! From a file to a [`Config`]: the one place with effects, and the pure reading below it.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use model::names::ValidationScheme;
use model::relabel::Rule;
use model::target_group::TargetGroup;

use super::code::Code;
use super::compose::{MAX_FILE_BYTES, compose};
use super::context::{Context, Origin};
use super::diagnostic::Diagnostics;
use super::discovery;
use super::fields::Section;
use super::global::Inherited;
use super::job::{self, JobConfig, unique_names};
use super::left_out;
use super::position::Span;
use super::report::Report;
use super::tree::Node;
use super::{Config, Loaded, own_sections};

/// What a file that the configuration names and that is not there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingFiles {
    /// The file is refused: this process reads them itself.
    Refuse,
    /// A warning: a relay reads them, on its own machine.
    Warn,
}

/// Reads and checks the configuration at `path`.
///
/// # Errors
/// Everything that is wrong with the file, at once; warnings beside it.
pub fn load(path: &Path, missing: MissingFiles) -> Result<Loaded, Diagnostics> {
    let name = path.display().to_string();
    let text = match read(path) {
        Ok(text) => text,
        Err(message) => {
            let mut report = Report::default();
            report.add(Code::Unreadable, Span::default(), message);
            return Err(report.finish(&name, ""));
        }
    };
    let base_dir = path.parent().unwrap_or(Path::new(""));
    let mut cx = Context::new(&name, base_dir, Origin::File);
    let config = whole_file(&text, &mut cx);
    for file in std::mem::take(&mut cx.files).into_iter().filter(|file| !file.path.exists()) {
        let refuses = missing == MissingFiles::Refuse || !file.on_relay;
        let code = if refuses { Code::MissingFile } else { Code::MissingFileHere };
        cx.report.add(code, file.span, format!("`{}`: there is no file {}", file.field, file.path.display()));
    }
    finish(config, cx, &name, &text)
}

/// At most [`MAX_FILE_BYTES`] of UTF-8.
fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot read the file: {error}");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let mut message = "the file is not UTF-8".to_owned();
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
        write!(message, ": line {line}").expect("writing to a string cannot fail");
        message
    })
}

/// Reads and checks `text` as the configuration called `file_name`, whose relative paths start at `base_dir`. No file
/// is opened: whether the files that it names exist is not checked.
///
/// # Errors
/// Everything that is wrong with the text, at once; warnings beside it.
pub fn parse(file_name: &str, text: &str, base_dir: &Path) -> Result<Loaded, Diagnostics> {
    let mut cx = Context::new(file_name, base_dir, Origin::File);
    let config = whole_file(text, &mut cx);
    finish(config, cx, file_name, text)
}

fn finish(config: Config, cx: Context<'_>, file: &str, text: &str) -> Result<Loaded, Diagnostics> {
    let refused = cx.report.errors() > 0;
    let diagnostics = cx.report.finish(file, text);
    if refused { Err(diagnostics) } else { Ok(Loaded { config, warnings: diagnostics }) }
}

fn whole_file(text: &str, cx: &mut Context<'_>) -> Config {
    let root = compose(text, &mut cx.report);
    let top = root.as_ref().and_then(|root| Section::of(root, "the file", &mut cx.report));
    top.map(|top| sections(top, cx)).unwrap_or_default()
}

fn sections(mut top: Section<'_>, cx: &mut Context<'_>) -> Config {
    let inherited =
        top.section("global", &mut cx.report).map(|global| Inherited::read(global, cx)).unwrap_or_default();
    let coordinator = top.section("coordinator", &mut cx.report).map(|s| own_sections::coordinator(s, cx));
    let relay = top.section("relay", &mut cx.report).map(|s| own_sections::relay(s, cx));
    let cache = top.section("cache", &mut cx.report).map(|s| own_sections::cache(s, cx));
    let limits =
        top.section("limits", &mut cx.report).map(|s| own_sections::limits(s, cx)).unwrap_or_default();
    left_out::server_sections(&mut top, cx);
    left_out::field(&mut top, "scrape_config_files", "write the jobs under `scrape_configs`", cx);
    let nodes = top.list("scrape_configs", &mut cx.report);
    let jobs: Vec<JobConfig> =
        nodes.iter().filter_map(|node| job::job(node, &inherited, &limits, cx)).collect();
    unique_names(&jobs, cx);
    top.finish(&mut cx.report);
    Config {
        jobs,
        coordinator: coordinator.unwrap_or_default(),
        relay: relay.unwrap_or_default(),
        cache: cache.unwrap_or_default(),
        limits,
    }
}

/// Reads a list as it stands under `relabel_configs`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn relabel_rules_from_yaml(text: &str, scheme: ValidationScheme) -> Result<Vec<Rule>, Diagnostics> {
    fragment(text, Origin::File, |node, cx| super::rules::rules(node, "relabel_configs", scheme, cx).0)
}

/// Reads one entry of `scrape_configs` as Prometheus prints it, complete: what is absent has its zero value, not its
/// default, and switches for what is not built are taken as they are.
///
/// # Errors
/// Everything that is wrong with it.
pub fn job_from_yaml(text: &str) -> Result<JobConfig, Diagnostics> {
    let limits = model::settings::Limits::default();
    let job = fragment(text, Origin::Printed, |node, cx| job::job(node, &Inherited::zero(), &limits, cx))?;
    job.ok_or_else(|| {
        let mut report = Report::default();
        report.add(Code::Missing, Span::default(), "there is no job");
        report.finish("yaml", text)
    })
}

/// Reads the YAML of a file that lists target groups (`file_sd_configs`). Each group's source is `FILE_NAME:INDEX`, as
/// in Prometheus; the label `__meta_filepath` is the discovery's to add.
///
/// # Errors
/// Everything that is wrong with it; then nothing of the file is to be used.
pub fn target_groups_from_yaml(file_name: &str, text: &str) -> Result<Vec<TargetGroup>, Diagnostics> {
    let mut cx = Context::new(file_name, Path::new(""), Origin::File);
    let root = compose(text, &mut cx.report);
    let groups = root.map(|root| discovery::target_groups(&root, file_name, &mut cx)).unwrap_or_default();
    if cx.report.errors() > 0 { Err(cx.report.finish(file_name, text)) } else { Ok(groups) }
}

fn fragment<T: Default>(
    text: &str,
    origin: Origin,
    read: impl FnOnce(&Node, &mut Context<'_>) -> T,
) -> Result<T, Diagnostics> {
    let mut cx = Context::new("yaml", Path::new(""), origin);
    let node = compose(text, &mut cx.report);
    let value = node.map(|node| read(&node, &mut cx)).unwrap_or_default();
    if cx.report.errors() > 0 { Err(cx.report.finish("yaml", text)) } else { Ok(value) }
}
