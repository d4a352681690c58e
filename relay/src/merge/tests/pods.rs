//! Pages that tell targets apart by pod and namespace, and add nothing but `up`.

use model::exposition::page_style::PageStyle;
use model::exposition::spelling::Escaping;
use model::exposition::store::ShapeStore;
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;

use super::fixture::{ANY_TIME, OM, TEXT, down, page_of, styled};
use crate::merge::{PageForm, PageTarget};

const STYLE: PageStyle = PageStyle::PODS;

fn found(pod: &str) -> Labels {
    let all = [("instance", "10.0.0.1:80"), ("job", "j"), ("k8s_namespace", "n"), ("k8s_pod_name", pod)];
    STYLE.labels(&Labels::from_pairs(all))
}

fn pods(bodies: &[&str]) -> Vec<PageTarget> {
    let store = ShapeStore::new();
    let settings = ScrapeSettings::new("j");
    let target = |(at, body): (usize, &&str)| {
        let labels = found(&format!("p{at}"));
        let transform = Transform::styled(&settings, &labels, &SampleLimits::default(), STYLE);
        styled(&store, transform, &labels, TEXT, body)
    };
    bodies.iter().enumerate().map(target).collect()
}

fn page(targets: &[PageTarget]) -> String {
    let form = PageForm { format: TEXT, escaping: Escaping::Underscores, style: STYLE };
    page_of(form, targets, ANY_TIME).0
}

#[test]
fn two_labels_come_first_and_up_is_all_that_is_added() {
    let mut targets = pods(&[
        "# HELP a Text.\n# TYPE a counter\na{b=\"1\",k8s_pod_name=\"mine\"} 1e+06\na{job=\"x\"} 2 1700000000000\n",
        "# HELP a Other.\n# TYPE a counter\na 3\nscrape_duration_seconds 4\nscraperelay_x 5\n",
    ]);
    targets.push(down(&found("p2")));
    expect_test::expect![[r##"
        # HELP a Text.
        # TYPE a counter
        a{k8s_pod_name="p0",k8s_namespace="n",b="1",exported_k8s_pod_name="mine"} 1e+06
        a{k8s_pod_name="p0",k8s_namespace="n",job="x"} 2 1700000000000
        a{k8s_pod_name="p1",k8s_namespace="n"} 3
        # TYPE scrape_duration_seconds untyped
        scrape_duration_seconds{k8s_pod_name="p1",k8s_namespace="n"} 4
        # TYPE scraperelay_x untyped
        scraperelay_x{k8s_pod_name="p1",k8s_namespace="n"} 5
        # HELP up 1 if the target answered the last scrape, 0 if it did not.
        # TYPE up gauge
        up{k8s_pod_name="p0",k8s_namespace="n"} 1
        up{k8s_pod_name="p1",k8s_namespace="n"} 1
        up{k8s_pod_name="p2",k8s_namespace="n"} 0
    "##]]
    .assert_eq(&page(&targets));
}

#[test]
fn no_target_takes_the_family_of_up_and_misfits_stand_behind_it() {
    let targets = pods(&[
        "# TYPE up histogram\nup_bucket{le=\"+Inf\"} 1\nup_sum 1\nup_count 1\n",
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        "h 7\nz 1\n",
    ]);
    expect_test::expect![[r##"
        # TYPE h histogram
        h_bucket{k8s_pod_name="p1",k8s_namespace="n",le="+Inf"} 1
        h_sum{k8s_pod_name="p1",k8s_namespace="n"} 1
        h_count{k8s_pod_name="p1",k8s_namespace="n"} 1
        # TYPE up_bucket untyped
        up_bucket{k8s_pod_name="p0",k8s_namespace="n",le="+Inf"} 1
        # TYPE up_count untyped
        up_count{k8s_pod_name="p0",k8s_namespace="n"} 1
        # TYPE up_sum untyped
        up_sum{k8s_pod_name="p0",k8s_namespace="n"} 1
        # TYPE z untyped
        z{k8s_pod_name="p2",k8s_namespace="n"} 1
        # HELP up 1 if the target answered the last scrape, 0 if it did not.
        # TYPE up gauge
        up{k8s_pod_name="p0",k8s_namespace="n"} 1
        up{k8s_pod_name="p1",k8s_namespace="n"} 1
        up{k8s_pod_name="p2",k8s_namespace="n"} 1
        h{k8s_pod_name="p2",k8s_namespace="n"} 7
    "##]]
    .assert_eq(&page(&targets));
}

#[test]
fn a_page_without_targets_is_empty() {
    assert_eq!(page(&[]), "");
    let form = PageForm { format: OM, escaping: Escaping::Quoted, style: STYLE };
    assert_eq!(page_of(form, &[], ANY_TIME).0, "# EOF\n");
}
