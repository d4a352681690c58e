//! Rules for sources: size, first lines, who may know whom, and what pure files must not name.

use super::files::{self, File};

/// Lines of code that a file may have.
const LINES: usize = 300;

/// Who may import whom, of our own crates, tests included.
const ARROWS: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("proto", &["model"]),
    ("runtime", &[]),
    ("coordinator", &["model", "proto", "runtime"]),
    ("relay", &["model", "proto", "runtime"]),
    ("cli", &["model", "proto", "runtime", "coordinator", "relay"]),
    ("tests", &["model", "proto", "runtime", "coordinator", "relay", "scrape-relay"]),
    ("benches", &["model", "proto", "runtime", "coordinator", "relay", "scrape-relay", "integration"]),
];

/// Files that decide and do not act. A name that ends in `/` stands for all files below.
const PURE: &[&str] = &[
    "model/src/",
    "proto/src/convert.rs",
    "proto/src/convert/",
    "coordinator/src/admin/",
    "coordinator/src/catalog.rs",
    "coordinator/src/catalog/",
    "coordinator/src/config.rs",
    "coordinator/src/config/",
    "coordinator/src/discover/group_file.rs",
    "coordinator/src/discover/kubernetes/annotations.rs",
    "coordinator/src/discover/kubernetes/event.rs",
    "coordinator/src/discover/kubernetes/failure.rs",
    "coordinator/src/discover/kubernetes/group.rs",
    "coordinator/src/discover/kubernetes/items.rs",
    "coordinator/src/discover/kubernetes/objects.rs",
    "coordinator/src/discover/kubernetes/pod.rs",
    "coordinator/src/discover/kubernetes/pod_group.rs",
    "coordinator/src/discover/kubernetes/request.rs",
    "coordinator/src/discover/kubernetes/text.rs",
    "coordinator/src/discover/kubernetes/turn.rs",
    "coordinator/src/discover/kubernetes/wire.rs",
    "coordinator/src/discover/ledger.rs",
    "coordinator/src/fleet.rs",
    "coordinator/src/fleet/",
    "coordinator/src/place.rs",
    "coordinator/src/place/",
    "coordinator/src/service_discovery.rs",
    "coordinator/src/target_changes.rs",
    "relay/src/cache/marks.rs",
    "relay/src/cache/record.rs",
    "relay/src/contact.rs",
    "relay/src/copies.rs",
    "relay/src/gather/deadline.rs",
    "relay/src/gather/job.rs",
    "relay/src/gather/outcome.rs",
    "relay/src/merge.rs",
    "relay/src/merge/",
    "relay/src/scrape/address_guard.rs",
    "relay/src/serve/gzip.rs",
    "relay/src/serve/negotiate.rs",
    "relay/src/slice.rs",
    "relay/src/slice_file/secrets.rs",
    "runtime/src/address.rs",
    "runtime/src/log/repeats.rs",
    "cli/src/check.rs",
    "cli/src/check/",
    "cli/src/demo/exposition.rs",
    "cli/src/demo/files.rs",
    "cli/src/demo/pages.rs",
    "cli/src/drop_in/called.rs",
    "cli/src/drop_in/configuration.rs",
    "cli/src/drop_in/go_duration.rs",
    "cli/src/drop_in/selector.rs",
    "cli/src/table.rs",
];

/// Effects that such files do not name.
const EFFECTS: [&str; 9] = [
    "tokio",
    "hyper",
    "tonic",
    "sled",
    "std::fs",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "std::net::Tcp",
];

/// Pure but for this: where and why.
const EXCEPTIONS: [(&str, &str); 5] = [
    // A point in time, given as an argument.
    ("relay/src/gather/deadline.rs", "tokio::time::Instant"),
    // The one place where a configuration is opened.
    ("coordinator/src/config/load.rs", "std::fs"),
    // Answers of a service that cannot be given.
    ("coordinator/src/admin/", "tonic::Status"),
    // The age of a copy, for people.
    ("coordinator/src/admin/targets.rs", "SystemTime::now"),
    // Ages are shown as of now.
    ("cli/src/table.rs", "SystemTime::now"),
];

#[test]
fn files_stay_small() {
    let long: Vec<String> = files::product_sources()
        .iter()
        .map(|file| (files::code(&file.text).len(), &file.path))
        .filter(|(lines, _)| *lines > LINES)
        .map(|(lines, path)| format!("{path} has {lines} lines of code: split it by noun"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = files::product_sources()
        .into_iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn no_file_is_called_mod_or_helper() {
    let named = files::rust_sources().into_iter().map(|file| file.path).filter(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        ["mod.rs", "util", "helper", "common.rs", "misc", "manager", "handler"]
            .iter()
            .any(|bad| name.contains(bad))
    });
    assert_eq!(named.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn crates_know_each_other_one_way() {
    let ours: Vec<&str> = ARROWS.iter().flat_map(|(_, may)| may.iter().copied()).collect();
    for (name, may) in ARROWS {
        let manifest = files::read(&format!("{name}/Cargo.toml"));
        for line in manifest.lines() {
            let Some(found) = line.split(['.', ' ', '=']).next().filter(|found| ours.contains(found)) else {
                continue;
            };
            assert!(may.contains(&found), "{name} must not know {found}");
        }
    }
}

#[test]
fn pure_files_name_no_effect() {
    let mut wrong = Vec::new();
    for File { path, text } in files::product_sources() {
        let is = |name: &str| path == *name || (name.ends_with('/') && path.starts_with(name));
        if !PURE.iter().any(|name| is(name)) {
            continue;
        }
        let excused: Vec<&str> = EXCEPTIONS.iter().filter(|(name, _)| is(name)).map(|(_, it)| *it).collect();
        for line in files::code(&text) {
            let line = excused.iter().fold(line.to_owned(), |line, excuse| line.replace(excuse, ""));
            let found = EFFECTS.iter().filter(|effect| line.contains(*effect));
            wrong.extend(found.map(|effect| format!("{path}: {effect} in `{}`", line.trim())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tasks_are_started_in_one_place() {
    // The one that waits for signals belongs to the process, not to a component.
    let allowed = ["runtime/src/tasks.rs", "cli/src/process.rs"];
    let crates = ["coordinator/", "relay/", "runtime/", "cli/"];
    for File { path, text } in files::product_sources() {
        let product = crates.iter().any(|it| path.starts_with(it)) && !allowed.contains(&path.as_str());
        let starts = files::code(&text).iter().any(|line| line.contains("tokio::spawn("));
        assert!(!(product && starts), "{path} starts a task of its own: give it to `runtime::Tasks`");
    }
}

#[test]
fn every_pure_file_is_there() {
    let files = files::product_sources();
    for name in PURE {
        let found = files.iter().any(|file| file.path == *name || file.path.starts_with(name));
        assert!(found, "{name} is gone: correct the list");
    }
}

#[test]
fn no_file_speaks_of_a_machine() {
    // Put together here, so that this file does not say them.
    let words = [["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"], ["/tmp/", "wt"], ["../sha", "red"]];
    let mut wrong = Vec::new();
    for File { path, text } in files::all() {
        for word in words.map(|parts| parts.concat()) {
            // The conformance cases lie beside a clone, or do not.
            let allowed = path == ".ci/run" && word.starts_with("..");
            if text.contains(&word) && !allowed {
                wrong.push(format!("{path} says {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
