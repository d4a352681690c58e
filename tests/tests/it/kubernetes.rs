//! The product over an API server; and what it takes for granted of one, of the real and of the scripted one alike.

mod check;
mod faults;
mod follower;
mod freshness;
mod hostile;
mod hostile_case;
mod in_cluster;
mod outage;
mod rollover;
mod server;
mod shared;
mod watched;

use integration::fake_target::{Behaviour, TEXT};
use integration::http_client;
use integration::kubernetes::account::Account;
use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::cluster::Cluster;
use integration::kubernetes::fake::{FakeApiServer, Fault, GONE, NO_WATCH_LIST};
use integration::kubernetes::network::Network;
use integration::kubernetes::pod::Pod;
use serde_json::json;

use follower::Who;
use server::AnyServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_shows_pods_as_the_product_expects() {
    let _alone = crate::alone().await;
    let Some(server) = ApiServer::start().await else { return };
    shared::all(&mut AnyServer::Real(Box::new(server)), Who::Library).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_product_sees_the_pods_of_a_real_api_server() {
    let _alone = crate::alone().await;
    let Some(server) = ApiServer::start().await else { return };
    shared::all(&mut AnyServer::Real(Box::new(server)), Who::Product).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_product_sees_the_pods_of_the_scripted_api_server() {
    let _alone = crate::alone().await;
    let server = FakeApiServer::start().await.unwrap();
    shared::all(&mut AnyServer::Scripted(Box::new(server)), Who::Product).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripted_api_server_shows_pods_like_the_real_one() {
    let _alone = crate::alone().await;
    let server = FakeApiServer::start().await.unwrap();
    shared::all(&mut AnyServer::Scripted(Box::new(server)), Who::Library).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripted_api_server_fails_as_told() {
    let _alone = crate::alone().await;
    let server = FakeApiServer::start().await.unwrap();
    let cluster = server.cluster();
    cluster.create_pod(&Pod::new("a", "a")).await.unwrap();
    let pods = format!("http://{}/api/v1/pods", server.address());
    let watching = format!("{pods}?watch=true&resourceVersion=1&timeoutSeconds=1");

    server.fail("list", "pods", 1, Fault::TooManyRequests(7));
    server.fail("list", "pods", 1, Fault::Text(503, "no healthy upstream"));
    server.fail("list", "pods", 1, Fault::CutAfter(60));
    server.fail("list", "pods", 1, Fault::Undecodable);
    let busy = http_client::get(&pods, &[]).await.unwrap();
    assert_eq!((busy.status, busy.headers["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(http_client::get(&pods, &[]).await.unwrap().text(), "no healthy upstream");
    assert!(http_client::get(&pods, &[]).await.is_err(), "the body breaks off");
    let list = cluster.get("/api/v1/pods").await.unwrap();
    assert_eq!((&list["items"][1]["spec"], &list["items"][0]["kind"]), (&json!(7), &json!(null)));

    server.fail("watch", "pods", 1, GONE);
    server.fail("watch", "pods", 1, NO_WATCH_LIST);
    server.fail("watch", "pods", 1, Fault::ExpiredEvent);
    server.fail("watch", "pods", usize::MAX, Fault::Hang);
    let codes = [http_client::get(&watching, &[]).await, http_client::get(&watching, &[]).await];
    assert_eq!(codes.map(|answer| answer.unwrap().status), [410, 422]);
    let expired = http_client::get(&watching, &[]).await.unwrap();
    assert!(expired.status == 200 && expired.text().contains("ERROR"), "{}", expired.text());
    let hangs = http_client::get(&watching, &[]);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(300), hangs).await.is_err());
    server.heal();
    let lines = http_client::get(&watching, &[]).await.unwrap().text();
    assert!(lines.contains("ADDED") && lines.contains("MODIFIED"), "{lines}");
    let statuses: Vec<u16> = server.asked().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [201, 200, 429, 503, 200, 200, 410, 422, 200, 0, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_pods_are_listed_in_pages() {
    let _alone = crate::alone().await;
    let server = FakeApiServer::start().await.unwrap();
    server.crowd(50_000, 4096);
    let (mut pods, mut pages, mut bytes, mut next) = (0, 0, 0, String::new());
    while pages == 0 || !next.is_empty() {
        let url = format!("http://{}/api/v1/pods?limit=5000&continue={next}", server.address());
        let body = http_client::get(&url, &[]).await.unwrap().body;
        let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
        pods += list["items"].as_array().unwrap().len();
        next = list["metadata"]["continue"].as_str().unwrap().to_owned();
        (pages, bytes) = (pages + 1, bytes + body.len());
    }
    assert_eq!((pods, pages), (50_000, 10));
    assert!(bytes > 50_000 * 4000, "{bytes}");
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
