//! Targets from files.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Report, Running, start};

const TWO: &str = r#"[{"targets": ["a:1"], "labels": {"x": "1"}}, {"targets": ["b:1", "c:1"]}]"#;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// Reads `pattern` in `directory`; nothing but a change makes it read again.
fn follow(directory: &Path, pattern: &str) -> Running {
    let pattern = directory.join(pattern);
    start(&format!("  file_sd_configs:\n  - {{files: ['{}'], refresh_interval: 1h}}", pattern.display()))
}

fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn json_and_yaml_give_the_same_groups_and_name_their_file() {
    let yaml = "- targets: [a:1]\n  labels: {x: '1'}\n- targets: [b:1, c:1]\n";
    for (name, text) in [("t.json", TWO), ("t.JSON", TWO), ("t.yml", yaml), ("t.yaml", yaml)] {
        let directory = directory(&[(name, text)]);
        let mut running = follow(directory.path(), name);
        let Report::Found(found) = running.next().await else { panic!("{name} failed") };
        let told: Vec<String> = found.groups.iter().map(super::told).collect();
        assert_eq!(told, [format!("{name}:0{{x=\"1\"}} a:1"), format!("{name}:1{{}} b:1 c:1")]);
        let path = directory.path().join(name).display().to_string();
        for group in &found.groups {
            let group = super::whole(group);
            assert_eq!(group.labels.get("__meta_filepath"), path);
            assert!(group.source.starts_with(&path), "{}", group.source);
        }
    }
}

#[tokio::test]
async fn a_change_is_seen_and_fewer_groups_drop_the_surplus() {
    let directory = directory(&[("t.json", TWO)]);
    let mut running = follow(directory.path(), "t.json");
    running.found(&[r#"t.json:0{x="1"} a:1"#, "t.json:1{} b:1 c:1"]).await;
    fs::write(directory.path().join("t.json"), r#"[{"targets": ["d:1"]}]"#).unwrap();
    running.found(&["t.json:0{} d:1"]).await;
    fs::write(directory.path().join("t.json"), "[]").unwrap();
    running.found(&[]).await;
}

#[tokio::test]
async fn a_file_that_is_half_written_keeps_what_it_gave() {
    let directory = directory(&[("a.json", TWO), ("b.yml", "- targets: [y:1]\n")]);
    let mut running = start(&format!(
        "  file_sd_configs:\n  - files: ['{0}/*.json', '{0}/*.yml']\n    refresh_interval: 1h",
        directory.path().display()
    ));
    let both = [r#"a.json:0{x="1"} a:1"#, "a.json:1{} b:1 c:1", "b.yml:0{} y:1"];
    running.found(&both).await;
    for half in [TWO.get(..30).unwrap(), "", r#"[{"targets": ["z:1"], "label": {}}]"#, "[null]"] {
        fs::write(directory.path().join("a.json"), half).unwrap();
        // What it reports beside the failure is what it knew.
        running.found(&both).await;
        running.failed("a.json").await;
    }
    fs::write(directory.path().join("a.json"), "[]").unwrap();
    running.found(&["b.yml:0{} y:1"]).await;
}

#[tokio::test]
async fn a_file_that_is_gone_drops_its_targets_and_may_come_back() {
    let directory = directory(&[("a.json", TWO), ("b.json", r#"[{"targets": ["y:1"]}]"#)]);
    let mut running = follow(directory.path(), "*.json");
    running.found(&[r#"a.json:0{x="1"} a:1"#, "a.json:1{} b:1 c:1", "b.json:0{} y:1"]).await;
    fs::remove_file(directory.path().join("a.json")).unwrap();
    running.found(&["b.json:0{} y:1"]).await;
    replace(&directory.path().join("a.json"), r#"[{"targets": ["n:1"]}]"#);
    running.found(&["a.json:0{} n:1", "b.json:0{} y:1"]).await;
}

#[tokio::test]
async fn a_swapped_symbolic_link_is_a_change() {
    // As the kubelet mounts a ConfigMap: t.json -> ..data/t.json, ..data -> ..VERSION.
    let directory = directory(&[]);
    let at = |name: &str| directory.path().join(name);
    let version = |name: &str, text: &str| {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("t.json"), text).unwrap();
        std::os::unix::fs::symlink(name, at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
    };
    version("..1", r#"[{"targets": ["old:1"]}]"#);
    std::os::unix::fs::symlink("..data/t.json", at("t.json")).unwrap();
    let mut running = follow(directory.path(), "*.json");
    running.found(&["t.json:0{} old:1"]).await;
    version("..2", r#"[{"targets": ["new:1"]}]"#);
    running.found(&["t.json:0{} new:1"]).await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_or_a_pipe_is_an_error_and_hangs_nothing() {
    let directory = directory(&[]);
    let pipe = directory.path().join("p.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut running = follow(directory.path(), "p.json");
    running.failed("is not a file").await;
    let mut running = follow(&pipe, "*.json");
    running.failed("p.json").await;
    let mut running = follow(&directory.path().join("gone"), "*.json");
    running.found(&[]).await;
}

#[tokio::test]
async fn an_empty_address_masks_the_groups_as_in_prometheus() {
    let directory = directory(&[("t.json", r#"[{"targets": [""], "labels": {"__address__": "a:1"}}]"#)]);
    let mut running = follow(directory.path(), "t.json");
    running.found(&["t.json:0{} "]).await;
}

#[tokio::test]
async fn a_file_that_was_never_read_well_leaves_the_rest_a_part() {
    let directory = directory(&[("a.json", "[{"), ("b.json", r#"[{"targets": ["b:1"]}]"#)]);
    let mut running = follow(directory.path(), "*.json");
    let mut partial = async || match running.next().await {
        Report::Found(found) => Some((found.groups.len(), found.partial)),
        Report::Failed(_) | Report::Changed(_) => None,
    };
    assert_eq!(partial().await, Some((1, true)));
    assert_eq!(partial().await, None, "and says what is wrong");
    replace(&directory.path().join("a.json"), "[]");
    assert_eq!(partial().await, Some((1, false)));
}
