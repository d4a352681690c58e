//! Many targets behind one relay, some of which hang.

use http::Method;
use model::slice::Permission::Keep;

use super::fleet::{assigned, relay_with};
use super::target::{Behaviour, FakeTarget};

/// Targets; each is two open files of this process.
const TARGETS: usize = 200;

fn body(target: usize, round: usize) -> String {
    let mut body = String::new();
    for family in 0..50 {
        body.push_str(&format!("# HELP requests_{family}_total Requests of kind {family}.\n# TYPE requests_{family}_total counter\n"));
        for line in 0..10 {
            let value = target * 1000 + round * 10 + line;
            body.push_str(&format!(
                "requests_{family}_total{{method=\"GET\",path=\"/api/v1/things/{line}\",code=\"200\"}} {value}\n"
            ));
        }
    }
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenth_that_hangs_costs_the_others_nothing() {
    let mut targets = Vec::new();
    for target in 0..TARGETS {
        targets.push(FakeTarget::start(&body(target, 0)).await);
    }
    let slice: Vec<_> =
        targets.iter().enumerate().map(|(n, it)| assigned(&format!("t{n}"), it, Keep)).collect();
    let (_coordinator, relay) = relay_with(slice, None).await;
    let ask = async || {
        let headers = [("x-prometheus-scrape-timeout-seconds", "10"), ("accept-encoding", "identity")];
        let start = std::time::Instant::now();
        let page = relay.ask(Method::GET, "/metrics", &headers).await.into_body();
        println!("page of {} bytes in {:?}", page.len(), start.elapsed());
        assert!(start.elapsed() < std::time::Duration::from_secs(10));
        String::from_utf8(page.to_vec()).unwrap()
    };
    let count =
        |page: &str, end: &str| page.lines().filter(|it| it.starts_with("up{") && it.ends_with(end)).count();
    assert_eq!(count(&ask().await, " 1"), TARGETS);
    let cold = relay.metric("scraperelay_cold_parses_total ").await;
    for (n, target) in targets.iter().enumerate() {
        if n % 10 == 0 {
            target.set(Behaviour::Hang);
        } else {
            target.body(&body(n, 1));
        }
    }
    let page = ask().await;
    assert_eq!((count(&page, " 1"), count(&page, " 0")), (TARGETS - TARGETS / 10, TARGETS / 10));
    let samples = page.lines().filter(|line| line.starts_with("requests_")).count();
    assert_eq!(samples, TARGETS * 500, "the dead ones' last series are there too");
    assert_eq!(
        relay.metric("scraperelay_cold_parses_total ").await,
        cold,
        "no cold parse on the second page"
    );
    assert_eq!(relay.metric("scraperelay_new_connections_total ").await, TARGETS as f64);
    relay.stop().await;
}
