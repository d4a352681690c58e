//! What the product takes for granted of an API server, of the real one and of the scripted one alike.

mod follower;
mod server;
mod shared;

use integration::fake_target::{Behaviour, TEXT};
use integration::http_client;
use integration::kubernetes::account::Account;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::cluster::Cluster;
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use serde_json::json;

use server::AnyServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_shows_pods_as_the_product_expects() {
    let _alone = crate::alone().await;
    let Some(server) = ApiServer::start().await else { return };
    shared::all(&mut AnyServer::Real(Box::new(server))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_do_what_its_role_says_and_is_written_down() {
    let _alone = crate::alone().await;
    let Some(server) = ApiServer::start().await else { return };
    let cluster = server.cluster();
    cluster.namespace("open").await.unwrap();
    cluster.namespace("shut").await.unwrap();
    let account = Account::create(cluster, "open", "reader").await.unwrap();
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]);
    account.allow_in("open", &rules).await.unwrap();

    let directory = tempfile::tempdir().unwrap();
    let token = account.kubeconfig(directory.path()).await.unwrap();
    let (file, _) = account.kubeconfig_with_token_file(directory.path()).await.unwrap();
    let (exec, _) = account.kubeconfig_with_exec(directory.path()).await.unwrap();
    for kubeconfig in [token, file, exec] {
        let reader = Cluster::connect(&kubeconfig).await.unwrap();
        reader.get("/api/v1/namespaces/open/pods?labelSelector=a%3Db").await.unwrap();
        let refused = reader.get("/api/v1/namespaces/shut/pods").await.unwrap_err();
        assert!(refused.contains("forbidden"), "{refused}");
    }
    let asked = server.asked();
    let mine: Vec<_> = asked.iter().filter(|asked| asked.user == account.user()).collect();
    assert_eq!(mine.len(), 6, "{mine:#?}");
    let first =
        (mine[0].verb.as_str(), mine[0].resource.as_str(), mine[0].namespace.as_str(), mine[0].status);
    assert_eq!(first, ("list", "pods", "open", 200));
    assert_eq!(mine[0].labels, "a=b");
    assert_eq!((mine[1].namespace.as_str(), mine[1].status), ("shut", 403));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_api_server_has_its_data_and_many_pods_are_made_in_seconds() {
    let _alone = crate::alone().await;
    let Some(mut server) = ApiServer::start().await else { return };
    server.cluster().namespace("many").await.unwrap();
    let pods: Vec<Pod> = (0..300).map(|number| Pod::new("many", &format!("pod-{number}"))).collect();
    let uids = server.cluster().create_pods(&pods).await.unwrap();
    assert!(uids.iter().all(|uid| uid.len() == 36), "{:?}", uids.first());
    let labels = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: many}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b, labels: {x: z}}\n";
    server.cluster().apply(labels).await.unwrap();
    server.restart().await;
    let list = server.cluster().get("/api/v1/namespaces/many/pods").await.unwrap();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(300));
    let namespace = server.cluster().get("/api/v1/namespaces/b").await.unwrap();
    assert_eq!(namespace["metadata"]["labels"]["x"], "z");
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_answer_at_addresses_of_their_own() {
    let _alone = crate::alone().await;
    let Some(network) = Network::create() else { return };
    let body = |number: usize| Behaviour::Body(TEXT, format!("pod {number}\n").into());
    let targets = network.targets(8080, body).unwrap();
    for number in [0, 1, 249, 250, 29_999] {
        let url = format!("http://{}:8080/metrics", network.pod(number));
        assert_eq!(http_client::get(&url, &[]).await.unwrap().text(), format!("pod {number}\n"));
    }
    targets.set(250, Behaviour::Status(500));
    let url = format!("http://{}:8080/metrics", network.pod(250));
    assert_eq!(http_client::get(&url, &[]).await.unwrap().status, 500);
    let refused = http_client::get(&format!("http://{}:8081/", network.pod(0)), &[]).await.unwrap_err();
    assert!(refused.contains("refused"), "{refused}");
    let second = Network::create().expect("a second at the same time");
    assert_ne!(second.pod(0), network.pod(0));
}
