//! In the place of metrics-k8s-proxy: what that program showed is shown, and no pod costs another its samples.

mod gaps;
mod many_pods;
mod pods;
mod prometheus;
mod restart;
mod stage;

use std::time::{Duration, Instant};

use integration::drop_in::{DropIn, as_before, lines, static_pods};
use integration::fake_target::{Behaviour, FakeTargets, OPENMETRICS, TEXT};
use integration::fleet::Program;
use integration::prometheus::{Prometheus, Version};
use integration::{http_client, wait};
use rustix::process::Signal;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_drop-in-under-test"))
}

/// Bodies that the program before passed on whole.
const PLAIN: [&str; 4] = [
    "# HELP a_total A.\n# TYPE a_total counter\na_total{code=\"200\"} 1e+06\na_total{code=\"500\"} 17\n",
    "# TYPE t gauge\nt 36.6\n# TYPE n gauge\nn NaN\ni +Inf\nlong 0.30000000000000004\n",
    "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n",
    "# TYPE s summary\ns{quantile=\"0.9\"} 1\ns_sum 3\ns_count 2\njob_info{job=\"own\",instance=\"own\"} 1\n",
];

fn plain(number: usize) -> Behaviour {
    Behaviour::Body(TEXT, PLAIN[number % PLAIN.len()].into())
}

fn accepting(request: &http::request::Parts) -> (u16, String) {
    let status = if request.headers.contains_key("accept") { 200 } else { 406 };
    (status, "e 1\n".to_owned())
}

/// What may be wrong with the second pod: a name, what it does, and a line of it that stays, if any does.
fn scenarios() -> Vec<(&'static str, Behaviour, Option<&'static str>)> {
    let text = |body: &'static str| Behaviour::Body(TEXT, body.into());
    vec![
        ("a twin", plain(0), Some("a_total{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\",code=\"500\"} 17")),
        (
            "another HELP and TYPE",
            text("# HELP a_total B.\n# TYPE a_total gauge\na_total 5\n"),
            Some("a_total{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\"} 5"),
        ),
        ("a timestamp without labels", text("b 5 NOW\n"), None),
        (
            "its own k8s_pod_name",
            text("c{k8s_pod_name=\"x\"} 1\n"),
            Some("c{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\",exported_k8s_pod_name=\"x\"} 1"),
        ),
        ("a page of HTML", Behaviour::Body("text/html", "<html>\n<body a=\"b\">\n".into()), None),
        (
            "OpenMetrics",
            Behaviour::Body(
                OPENMETRICS,
                "# TYPE o counter\no_total 1 # {t=\"1\"} 1\n# TYPE i info\ni_info{v=\"1\"} 1\n# EOF\n".into(),
            ),
            Some("i_info{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\",v=\"1\"} 1"),
        ),
        ("a quote that is not closed", text("d{a=\"b} 1\n"), None),
        (
            "an up of its own",
            text("# TYPE up counter\nup 5\nup{a=\"b\"} 6\n"),
            Some("exported_up{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\",a=\"b\"} 6"),
        ),
        ("no answer", Behaviour::Hang, None),
        (
            "406 for those who do not say what they accept",
            Behaviour::Depends(accepting),
            Some("e{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\"} 1"),
        ),
        ("406", Behaviour::Status(406), None),
        ("204", Behaviour::Status(204), None),
        ("an empty body", text(""), None),
    ]
}

#[tokio::test]
async fn well_formed_pods_show_what_they_showed_before() {
    let targets = FakeTargets::start(8, plain).await.expect("targets");
    let directory = tempfile::tempdir().expect("a directory");
    let it = DropIn::start(&program(), &static_pods(targets.addresses()), directory.path(), &[]).await;
    let page = it.page().await;
    let before: String = (0..8).map(|number| as_before(PLAIN[number % PLAIN.len()], number)).collect();
    assert_eq!(lines(&page), lines(&before), "{page}");
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.contains("{k8s_pod_name=\"pod-") && line.contains("\",k8s_namespace=\"n\""), "{line}");
    }
    for family in ["a_total", "h", "s", "up"] {
        assert_eq!(page.matches(&format!("# TYPE {family} ")).count(), 1, "{family}: {page}");
    }
    assert_eq!(page.matches("# HELP up ").count(), 1, "{page}");
}

#[tokio::test]
async fn no_pod_costs_another_its_samples_and_both_prometheus_take_the_page() {
    let _alone = crate::alone().await;
    for version in [Version::V2_42, Version::V3_15] {
        every_scenario(version).await;
    }
}

async fn every_scenario(version: Version) {
    let targets = FakeTargets::start(2, plain).await.expect("targets");
    let directory = tempfile::tempdir().expect("a directory");
    let pods = static_pods(targets.addresses());
    let it = DropIn::start(&program(), &pods, directory.path(), &[("SCRAPE_TIMEOUT", "1s")]).await;
    every_scenario_over(&it, &targets, version).await;
}

/// Plays them on the second of two pods, while a Prometheus scrapes the page.
async fn every_scenario_over(it: &DropIn, targets: &FakeTargets, version: Version) {
    let directory = tempfile::tempdir().expect("a directory");
    let config = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:\n- job_name: proxy\n  static_configs: [{{targets: ['{}']}}]\n",
        it.address()
    );
    let server = Prometheus::start(version, &config, &directory.path().join("prometheus")).await;
    for (name, behaviour, stays) in scenarios() {
        targets.set(1, now(behaviour));
        let up = u8::from(stays.is_some() || ["a timestamp without labels", "an empty body"].contains(&name));
        let up_is = format!("up{{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\"}} {up}\n");
        let line = stays.map(|line| format!("{line}\n")).unwrap_or_default();
        // A page may share what another one, that Prometheus has asked for, was answered a moment before.
        let page = wait::until(name, Duration::from_secs(20), || async {
            let page = it.page().await;
            if page.contains(&up_is) && page.contains(&line) { Ok(page) } else { Err(page) }
        })
        .await;
        let first = "a_total{k8s_pod_name=\"pod-0\",k8s_namespace=\"n\",code=\"500\"} 17\n";
        assert!(page.contains(first), "{name}: {page}");
        assert!(page.contains("up{k8s_pod_name=\"pod-0\",k8s_namespace=\"n\"} 1\n"), "{name}: {page}");
        assert!(!page.contains("scraperelay_") && !page.contains("scrape_duration"), "{name}: {page}");
        let file = directory.path().join("page.txt");
        std::fs::write(&file, &page).expect("the page is written");
        for tool in ["promtool-2.42", "promtool-3.15"] {
            assert_eq!(
                crate::hostile::strict::promtool(tool, &file).unwrap_or(Ok(())),
                Ok(()),
                "{name}: {page}"
            );
        }
        if let Some(server) = &server {
            stored(server, name, up).await;
        }
    }
}

/// Prometheus dropped samples of a second that is over when it took them; now is early enough.
fn now(behaviour: Behaviour) -> Behaviour {
    let Behaviour::Body(content_type, body) = behaviour else { return behaviour };
    let now = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_millis();
    let body = String::from_utf8(body.to_vec()).expect("text").replace("NOW", &now.to_string());
    Behaviour::Body(content_type, body.into())
}

/// Waits until the server has scraped the page twice since now: well, with both pods' `up` and the first's samples.
async fn stored(server: &Prometheus, name: &str, up: u8) {
    let from = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs_f64();
    wait::until(name, Duration::from_secs(20), || async {
        for (query, expected) in [
            ("up{job=\"proxy\",k8s_pod_name=\"\"}".to_owned(), 1.0),
            ("count(timestamp(a_total{k8s_pod_name=\"pod-0\"}) > FROM)".to_owned(), 2.0),
            ("up{k8s_pod_name=\"pod-0\"} and timestamp(up{k8s_pod_name=\"pod-0\"}) > FROM".to_owned(), 1.0),
            (
                "up{k8s_pod_name=\"pod-1\"} and timestamp(up{k8s_pod_name=\"pod-1\"}) > FROM".to_owned(),
                f64::from(up),
            ),
        ] {
            let query = query.replace("FROM", &format!("{:.3}", from + 0.5));
            let found = server.number(&query).await?;
            if found != expected {
                return Err(format!("{query} is {found}, not {expected}"));
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_port_that_is_none_is_a_pod_that_is_down() {
    let targets = FakeTargets::start(1, plain).await.expect("targets");
    let directory = tempfile::tempdir().expect("a directory");
    let ports = ["8080,9090", "http", "70000"];
    let mut pods = static_pods(targets.addresses());
    for (number, port) in (1..).zip(ports) {
        let labels = format!("__meta_kubernetes_pod_name: bad-{number}, __meta_kubernetes_namespace: n");
        pods += &format!("  - {{targets: ['10.0.0.1:{port}'], labels: {{{labels}}}}}\n");
    }
    let it = DropIn::start(&program(), &pods, directory.path(), &[]).await;
    let start = Instant::now();
    let page = it.page().await;
    assert!(start.elapsed() < Duration::from_secs(3), "nothing is asked for them: {:?}", start.elapsed());
    for number in 1..=ports.len() {
        let down = format!("up{{k8s_pod_name=\"bad-{number}\",k8s_namespace=\"n\"}} 0\n");
        assert!(page.contains(&down), "{page}");
    }
    assert!(page.contains("up{k8s_pod_name=\"pod-0\",k8s_namespace=\"n\"} 1\n"), "{page}");
}

#[tokio::test]
async fn a_slow_pod_does_not_hold_the_page_beyond_the_scrapers_time() {
    let targets = FakeTargets::start(2, plain).await.expect("targets");
    targets.set(1, Behaviour::Hang);
    let directory = tempfile::tempdir().expect("a directory");
    let it = DropIn::start(&program(), &static_pods(targets.addresses()), directory.path(), &[]).await;
    it.get("/readyz", &[]).await.expect("it answers");
    for (header, least, most) in
        [(&[("X-Prometheus-Scrape-Timeout-Seconds", "2")][..], 0.5, 2.0), (&[], 8.5, 11.0)]
    {
        let ready = wait::until("targets", Duration::from_secs(20), || async {
            let answer = it.get("/readyz", &[]).await?;
            if answer.status == 200 { Ok(Instant::now()) } else { Err(answer.text()) }
        });
        let start = ready.await;
        let answer = it.get("/metrics", header).await.expect("a page");
        let took = start.elapsed().as_secs_f64();
        assert!(
            answer.text().contains("up{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\"} 0\n"),
            "{}",
            answer.text()
        );
        assert!(
            answer.text().contains("up{k8s_pod_name=\"pod-0\",k8s_namespace=\"n\"} 1\n"),
            "{}",
            answer.text()
        );
        assert!((least..most).contains(&took), "{header:?} took {took} s");
    }
}

#[tokio::test]
async fn before_the_first_list_it_is_not_ready_and_an_empty_list_is_an_empty_page() {
    let list = FakeTargets::start(1, |_| Behaviour::Status(500)).await.expect("a server");
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("http://{}/", list.addresses()[0]);
    let job = format!("  http_sd_configs:\n  - {{url: '{url}', refresh_interval: 1s}}\n");
    let mut it = DropIn::start(&program(), &job, directory.path(), &[]).await;
    for path in ["/metrics", "/readyz"] {
        let refused = it.get(path, &[]).await.expect("it answers");
        assert_eq!((refused.status, refused.headers.get("retry-after").is_some()), (503, true), "{path}");
    }
    list.set(0, Behaviour::Body("application/json", "[]".into()));
    assert_eq!(it.page().await, "");
    assert_eq!(it.get("/readyz", &[]).await.expect("it answers").status, 200);
    for (method, path, status) in [
        ("POST", "/metrics", 405),
        ("HEAD", "/metrics", 200),
        ("GET", "/healthz", 200),
        ("POST", "/healthz", 404),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
    ] {
        let url = format!("http://{}{path}", it.address());
        let answer = http_client::request(method, &url, &[]).await.expect("it answers");
        assert_eq!(answer.status, status, "{method} {path}");
    }
    let over_six = http_client::get(&format!("http://[::1]:{}/metrics", it.address().port()), &[]).await;
    if std::net::UdpSocket::bind("[::1]:0").is_ok() {
        assert_eq!(over_six.expect("it listens on IPv6 too").status, 200);
    }
    it.process().signal(Signal::HUP).expect("it runs");
    assert_eq!(it.page().await, "", "there is no file to read again, and no reason to end");
    it.process().signal(Signal::TERM).expect("it runs");
    assert_eq!(it.process().exit_code(Duration::from_secs(10)).await, Ok(0));
    let log = it.process().log();
    assert_eq!(log.matches("nobody is asked who they are").count(), 1, "{log}");
    assert!(log.contains("term=env"), "{log}");
}

#[tokio::test]
async fn a_page_that_runs_is_finished_before_the_end() {
    let targets = FakeTargets::start(2, plain).await.expect("targets");
    targets.set(1, Behaviour::Hang);
    let directory = tempfile::tempdir().expect("a directory");
    let pods = static_pods(targets.addresses());
    let mut it = DropIn::start(&program(), &pods, directory.path(), &[("SCRAPE_TIMEOUT", "2s")]).await;
    wait::until("targets", Duration::from_secs(20), || async {
        let answer = it.get("/readyz", &[]).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    let url = format!("http://{}/metrics", it.address());
    let asked = targets.scrapes();
    let page = tokio::spawn(async move { http_client::get(&url, &[]).await });
    wait::until("both pods to be asked", Duration::from_secs(5), || async {
        if targets.scrapes() == asked + 2 { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    it.process().signal(Signal::TERM).expect("it runs");
    let page = page.await.expect("the task ends").expect("the page comes whole");
    assert!(page.text().contains("up{k8s_pod_name=\"pod-1\",k8s_namespace=\"n\"} 0\n"), "{}", page.text());
    assert_eq!(it.process().exit_code(Duration::from_secs(10)).await, Ok(0));
}

#[tokio::test]
async fn a_pod_that_fails_leaves_nothing_but_up_unless_a_cache_is_asked_for() {
    for cached in [false, true] {
        let targets = FakeTargets::start(1, plain).await.expect("targets");
        let directory = tempfile::tempdir().expect("a directory");
        let cache = directory.path().join("cache").display().to_string();
        let more = if cached { &[("SCRAPE_RELAY_CACHE_DIR", &*cache)][..] } else { &[] };
        let it = DropIn::start(&program(), &static_pods(targets.addresses()), directory.path(), more).await;
        assert!(it.page().await.contains("a_total{"));
        targets.set(0, Behaviour::Status(500));
        let page = it.page().await;
        assert!(page.contains("up{k8s_pod_name=\"pod-0\",k8s_namespace=\"n\"} 0\n"), "{page}");
        assert_eq!(page.contains("a_total{"), cached, "{page}");
        assert!(!page.contains("scraperelay_"), "{page}");
    }
}

/// Waits for a page with this in it.
async fn until_page_has(it: &DropIn, text: &str) -> String {
    wait::until(text, Duration::from_secs(20), || async {
        let page = it.page().await;
        if page.contains(text) { Ok(page) } else { Err(page) }
    })
    .await
}
