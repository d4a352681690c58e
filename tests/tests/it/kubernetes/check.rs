//! `scrape-relay check` on a real API server: what it says of the rights of an account, and how it ends.

use std::path::Path;

use integration::kubernetes::account::Account;
use integration::kubernetes::api_server::ApiServer;
use serde_json::{Value, json};

/// Every pod with one discovery, two namespaces with another, nodes with a third.
fn config(kubeconfig: &Path) -> String {
    let sd = |more: &str| {
        format!("  kubernetes_sd_configs: [{{role: pod, kubeconfig_file: {}{more}}}]\n", kubeconfig.display())
    };
    format!(
        "scrape_configs:\n- job_name: all\n{}- job_name: some\n{}- job_name: nodes\n{}",
        sd(""),
        sd(", namespaces: {names: [open, shut]}"),
        sd(", namespaces: {names: [open]}, attach_metadata: {node: true}"),
    )
}

/// Its exit code, and of each line on clusters the verdict, the message and the remedy.
fn check(config: &str, directory: &Path) -> (Option<i32>, Vec<[String; 3]>) {
    let file = directory.join("config.yml");
    std::fs::write(&file, config).expect("it is written");
    let mut command = crate::program().command();
    command.args(["check", "--pre", "-o", "json", "--config"]).arg(&file);
    let output = command.output().expect("it runs");
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let lines = report["checks"].as_array().expect("there are lines").iter();
    let ours = lines.filter(|line| line["section"] == "kubernetes");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let told = ours.map(|line| ["verdict", "message", "remedy"].map(|name| text(&line[name]))).collect();
    (output.status.code(), told)
}

/// The messages without the cluster's name, each behind its verdict.
fn told(lines: &[[String; 3]]) -> Vec<String> {
    lines
        .iter()
        .map(|[verdict, message, _]| format!("{verdict}: {}", message.split_once(": ").map_or("", |it| it.1)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_which_rights_are_missing_and_where() {
    let _alone = crate::alone().await;
    let Some(mut server) = ApiServer::start().await else { return };
    let cluster = server.cluster().clone();
    for namespace in ["open", "shut"] {
        cluster.namespace(namespace).await.unwrap();
    }
    let account = Account::create(&cluster, "open", "watcher").await.unwrap();
    let rule =
        |resource: &str, verbs: &[&str]| json!({"apiGroups": [""], "resources": [resource], "verbs": verbs});
    let both = &["list", "watch"];
    account.allow(&json!([rule("pods", &["list"]), rule("nodes", both)])).await.unwrap();
    account.allow_in("open", &json!([rule("pods", both)])).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = account.kubeconfig(directory.path()).await.unwrap();
    let config = config(&kubeconfig);

    let (code, lines) = check(&config, directory.path());
    assert_eq!(
        told(&lines),
        [
            "ok: the API server answers",
            "failure: not allowed to watch all pods",
            "ok: pods of namespace open may be listed and watched",
            "failure: not allowed to watch pods of namespace shut",
            "ok: all nodes may be listed and watched",
        ]
    );
    assert_eq!(code, Some(5), "{lines:?}");
    assert!(lines[1][2].contains("ClusterRole with list and watch of pods"), "{lines:?}");
    assert!(lines[3][2].contains("in shut to a Role with list and watch of pods"), "{lines:?}");

    account.allow(&json!([rule("pods", both), rule("nodes", both)])).await.unwrap();
    let (code, lines) = check(&config, directory.path());
    assert!(code == Some(0) && lines.iter().all(|line| line[0] == "ok"), "{code:?} {lines:?}");
    let asked = server.asked();
    let ours = asked.iter().filter(|it| it.user == account.user());
    assert!(ours.clone().all(|it| it.resource == "selfsubjectaccessreviews"), "it only asks: {asked:?}");
    assert_eq!(ours.count(), 2 * 2 * 4, "once for each verb and place: {asked:?}");

    let good = std::fs::read_to_string(&kubeconfig).unwrap();
    std::fs::write(&kubeconfig, good.replace("\"token\":\"", "\"token\":\"x")).unwrap();
    let (code, lines) = check(&config, directory.path());
    assert_eq!((code, lines.len()), (Some(5), 1), "{lines:?}");
    assert!(lines[0][1].contains("unauthorized") && lines[0][2].contains("token"), "{lines:?}");

    std::fs::write(&kubeconfig, good).unwrap();
    server.kill();
    let (code, lines) = check(&config, directory.path());
    assert_eq!((code, lines.len()), (Some(4), 1), "{lines:?}");
    assert!(lines[0][1].contains("connect") && lines[0][2].contains("API server runs"), "{lines:?}");

    std::fs::remove_file(&kubeconfig).unwrap();
    let (code, lines) = check(&config, directory.path());
    assert_eq!((code, lines.len()), (Some(1), 1), "{lines:?}");
    let around = "scrape_configs:\n- job_name: a\n  kubernetes_sd_configs: [{role: pod}]\n";
    let (code, lines) = check(around, directory.path());
    assert_eq!(code, Some(3), "{lines:?}");
    assert!(lines[0][2].contains("KUBECONFIG"), "{lines:?}");
}
