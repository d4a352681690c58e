//! Rules for documents: they name what the code has, and nothing that it has not.

use std::collections::BTreeSet;
use std::path::Path;

use coordinator::config::{self, Code};
use relay::merge::{ConflictKind, DropReason};
use relay::scrape::FetchError;

use super::files::{self, File};

/// Beginnings of the names of own metrics.
const METRICS: [&str; 2] = ["scraperelay_", "process_"];

/// What reads a field of the configuration by its name.
const READERS: [&str; 16] = [
    ".section(",
    "text(",
    ".texts(",
    ".number(",
    ".capacity(",
    ".size(",
    ".flag(",
    ".duration(",
    ".nonempty(",
    ".list(",
    ".entries(",
    ".count(",
    "elements(job, ",
    "field(",
    "&mut block, [",
    "= version(block, ",
];

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    let mut exist = BTreeSet::new();
    let ours =
        |file: &File| ["coordinator/", "relay/", "runtime/"].iter().any(|it| file.path.starts_with(it));
    for file in files::product_sources().into_iter().filter(ours) {
        for line in files::code(&file.text) {
            let names = files::literals(line).filter(|name| METRICS.iter().any(|it| is_name(name, it)));
            exist.extend(names.map(str::to_owned));
        }
    }
    assert!(exist.len() > 30, "{exist:?}");
    let document = files::read("docs/metrics.md");
    let documented: BTreeSet<String> = ticked(&document)
        .map(|text| text.split('{').next().unwrap_or_default().to_owned())
        .filter(|name| METRICS.iter().any(|it| is_name(name, it)))
        .collect();
    assert_eq!(exist.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new(), "not documented");
    assert_eq!(documented.difference(&exist).collect::<Vec<_>>(), Vec::<&String>::new(), "do not exist");
}

#[test]
fn every_word_of_a_metrics_label_is_documented() {
    let document = files::read("docs/metrics.md");
    let documented: BTreeSet<&str> = ticked(&document).collect();
    let dropped = DropReason::ALL.iter().map(|reason| reason.as_str());
    let disputed = ConflictKind::ALL.iter().map(|kind| kind.as_str());
    let missing: Vec<&str> = FetchError::KINDS
        .into_iter()
        .chain(dropped)
        .chain(disputed)
        .filter(|word| !documented.contains(word))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_metric_that_another_document_names_exists() {
    let documented = files::read("docs/metrics.md");
    for path in ["README.md", "ARCHITECTURE.md", "docs/limits.md", "docs/prometheus.md", "docs/sizing.md"] {
        for text in ticked(&files::read(path)) {
            let name = text.split(['{', '(']).next().unwrap_or_default();
            if METRICS.iter().any(|it| is_name(name, it)) {
                assert!(documented.contains(&format!("`{name}`")), "{path} names {name}");
            }
        }
    }
}

#[test]
fn every_field_of_the_configuration_is_documented() {
    let document = files::read("docs/configuration.md");
    let documented: BTreeSet<&str> = ticked(&document).collect();
    let fields = fields();
    assert!(fields.len() > 120, "{fields:?}");
    let missing: Vec<_> = fields.iter().filter(|field| !documented.contains(field.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_documented_field_of_the_configuration_exists() {
    let fields = fields();
    let document = files::read("docs/configuration.md");
    let first_cells = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let mut unknown = Vec::new();
    for cell in first_cells {
        let names = format!("`{cell}");
        let names: Vec<&str> = ticked(&names).filter(|name| is_name(name, "")).collect();
        unknown.extend(names.into_iter().filter(|name| !fields.contains(*name)).map(str::to_owned));
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_documented_defaults_are_the_defaults_and_the_documented_bounds_are_taken() {
    let document = files::read("docs/configuration.md");
    let mut section = "";
    let mut checked = 0;
    for line in document.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", head, "type", "default", "from", "to", ""] = cells.as_slice() {
            section = ticked(head).next().unwrap_or_default();
        }
        let ["", field, _, default, from, to, ""] = cells.as_slice() else { continue };
        let Some(field) = field.strip_prefix('`').and_then(|it| it.strip_suffix('`')) else { continue };
        if field == "timestamp_age" {
            continue;
        }
        let is_default = loaded(section, field, default) == Some(config::Config::default());
        assert!(is_default, "{section}.{field} is not {default} by default");
        for bound in [from, to].into_iter().filter(|bound| !bound.is_empty()) {
            assert!(loaded(section, field, bound).is_some(), "{section}.{field} does not take {bound}");
        }
        checked += 1;
    }
    assert_eq!(checked, 16, "rows were left out");
}

#[test]
fn the_table_of_codes_is_that_of_the_code() {
    let rows = Code::ALL.iter().map(|code| format!("| `{}` | {} |\n", code.as_str(), code.meaning()));
    let table = format!("| code | meaning |\n|---|---|\n{}", rows.collect::<String>());
    assert!(files::read("docs/configuration.md").contains(&table), "the table should be:\n{table}");
}

#[test]
fn the_changelog_has_its_unreleased_head_on_top() {
    let changelog = files::read("CHANGELOG.md");
    let first = changelog.lines().find(|line| line.starts_with("## "));
    assert_eq!(first, Some("## [Unreleased]"));
}

#[test]
fn the_readme_begins_with_the_two_commands() {
    let readme = files::read("README.md");
    let commands = "```console\n$ cargo run --release -- demo\n$ cargo test --workspace\n```";
    let first = readme.find("```").expect("the README has a block of commands");
    assert_eq!(readme.find(commands), Some(first));
}

#[test]
fn the_readmes_configuration_is_taken_without_a_warning() {
    let readme = files::read("README.md");
    let from = readme.split("cat > fleet.yml <<'END'\n").nth(1).expect("the README writes fleet.yml");
    let text = from.split("END\n").next().expect("a text has a first part");
    let loaded =
        config::parse("fleet.yml", text, Path::new("")).expect("the README's configuration is right");
    assert!(loaded.warnings.diagnostics.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.config.jobs.len(), 1);
}

#[test]
fn links_between_documents_lead_somewhere() {
    for File { path, text } in files::all().into_iter().filter(|file| file.path.ends_with(".md")) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let there = files::root().join(directory).join(target).exists();
            assert!(there, "{path} links to {target}");
        }
    }
}

/// The configuration that says nothing but this.
fn loaded(section: &str, field: &str, value: &str) -> Option<config::Config> {
    let text = format!("{section}:\n  {field}: {}\n", value.replace(',', ""));
    config::parse("test.yml", &text, Path::new("")).ok().map(|loaded| loaded.config)
}

/// The names of the configuration's fields, from the sources that read them.
fn fields() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for file in files::product_sources() {
        // What is hidden in lines that are shown is no list of fields: it has names of other programs, too.
        if !file.path.starts_with("coordinator/src/config/") || file.path.ends_with("/mask.rs") {
            continue;
        }
        let code: String =
            files::code(&file.text).iter().map(|line| line.trim()).collect::<Vec<_>>().join("");
        let mut before = "";
        for (at, part) in code.split('"').enumerate() {
            if at % 2 == 0 {
                before = part;
            } else if is_name(part, "") {
                let reads = READERS.iter().any(|reader| before.ends_with(reader));
                // A word alone may be anything; two words joined like this are a field.
                if reads || part.contains('_') {
                    fields.insert(part.to_owned());
                }
            }
        }
    }
    fields
}

/// Whether `text` is a name of small letters, digits and `_` that begins with `start` and goes on.
fn is_name(text: &str, start: &str) -> bool {
    let rest = text.strip_prefix(start).unwrap_or_default();
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && !rest.is_empty() && rest.chars().all(small)
}

/// What stands between backticks on a line.
fn ticked(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}
