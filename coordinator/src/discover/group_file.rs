//! Target groups as files and HTTP answers spell them: a list of `{targets: [...], labels: {...}}`.
//!
//! Strict as Prometheus is: an unknown key or a null group is an error of the whole list.

use std::collections::BTreeMap;
use std::path::Path;

use model::target::ADDRESS;
use model::target_group::TargetGroup;
use serde::Deserialize;

use crate::config;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Reads the file's text; the ending of `path` (`.json`, `.yml`, `.yaml`, any case) decides how.
///
/// # Errors
/// Names the file and, where known, the line.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<TargetGroup>, String> {
    let name = path.display().to_string();
    let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let mut groups = if json {
        parse_json(text.as_bytes()).map_err(|error| format!("{name}: {error}"))?
    } else {
        config::target_groups_from_yaml(&name, text).map_err(|error| error.to_string())?
    };
    for (at, group) in groups.iter_mut().enumerate() {
        group.source = format!("{name}:{at}").into();
        let mut labels = group.labels.to_builder();
        labels.set("__meta_filepath", &name);
        group.labels = labels.build();
    }
    Ok(groups)
}

/// Reads a JSON list of groups; sources are left empty.
///
/// # Errors
/// Names line and column.
pub(super) fn parse_json(text: &[u8]) -> Result<Vec<TargetGroup>, String> {
    let groups: Option<Vec<Group>> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    groups.unwrap_or_default().into_iter().enumerate().map(|(at, group)| to_group(at, group)).collect()
}

fn to_group(at: usize, group: Group) -> Result<TargetGroup, String> {
    if let Some(name) = group.labels.keys().find(|name| name.is_empty()) {
        return Err(format!("group {at}: {name:?} is not a label name"));
    }
    let labels: Vec<(String, String)> = group.labels.into_iter().collect();
    let targets = group.targets.into_iter().map(|address| [(ADDRESS.to_owned(), address)]);
    Ok(TargetGroup::from_found("", &labels, targets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_strict() {
        for (text, error) in [
            (r#"[{"targets": ["a:1"], "labels": {"x": "1"}}]"#, None),
            ("[]", None),
            (r#"[{"target": ["a:1"]}]"#, Some("unknown field")),
            (r#"[{"targets": ["a:1"], "labels": {"x": 1}}]"#, Some("expected a string")),
            ("[null]", Some("null")),
            (r#"[{"labels": {"": "x"}}]"#, Some("not a label name")),
            ("{}", Some("sequence")),
        ] {
            let got = parse_json(text.as_bytes());
            match error {
                None => assert!(got.is_ok(), "{text}: {got:?}"),
                Some(error) => assert!(got.unwrap_err().contains(error), "{text}"),
            }
        }
    }
}
