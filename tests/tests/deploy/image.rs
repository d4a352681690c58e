//! The image: built with the compiler that the workspace names, run without rights, and startable under both names.

use crate::files;
use crate::manifests::{self, KUBERNETES};

fn instruction(name: &str) -> Vec<String> {
    let text = files::read("Dockerfile");
    // Comments may stand within an instruction.
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let text = lines.join("\n").replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(|it| it.trim().to_owned()))
        .collect()
}

#[test]
fn it_is_built_with_the_compiler_that_the_workspace_names() {
    let manifest = files::read("Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.expect("the workspace names a compiler");
    assert!(instruction("FROM")[0].starts_with(&format!("rust:{version}-")), "{:?}", instruction("FROM"));
    assert!(files::read("Dockerfile").contains(&format!("image.version=\"{}\"", files::VERSION)));
}

#[test]
fn it_runs_as_the_user_that_the_manifests_name() {
    assert_eq!(instruction("USER"), ["65532:65532"]);
    for workload in manifests::of(KUBERNETES).into_iter().filter(|it| it.is_workload()) {
        assert_eq!(workload.at("/spec/template/spec/securityContext/runAsUser"), 65532, "{}", workload.place);
    }
}

#[test]
fn without_arguments_the_environment_decides_and_the_other_programs_name_is_there() {
    assert_eq!(instruction("ENTRYPOINT"), ["[\"/usr/local/bin/scrape-relay\"]"]);
    assert_eq!(instruction("CMD"), ["[\"standalone\"]"]);
    assert!(instruction("RUN")[0].contains("ln -s scrape-relay /image/usr/local/bin/metrics-proxy"));
}

#[test]
fn ports_are_those_of_the_manifests() {
    let exposed = instruction("EXPOSE").remove(0);
    let exposed: Vec<u64> = exposed.split(' ').map(|port| port.parse().expect("a port")).collect();
    let mut declared: Vec<u64> = manifests::of(KUBERNETES)
        .iter()
        .filter(|it| it.is_workload())
        .flat_map(|it| it.ports().into_iter().map(|(_, port)| port).collect::<Vec<_>>())
        .collect();
    declared.sort_unstable();
    declared.dedup();
    assert_eq!(exposed, declared);
}

#[test]
fn nothing_that_a_build_needs_is_left_out_of_it() {
    let manifest = files::read("Cargo.toml");
    let members =
        manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next()).expect("members");
    let ignored = files::read(".dockerignore");
    for member in members.split(',').map(|it| it.trim().trim_matches('"')).chain(["Cargo.toml", "Cargo.lock"])
    {
        assert!(!ignored.lines().any(|line| line.trim_matches('/') == member), "{member} is left out");
    }
}
