//! What Prometheus stores of hostile targets through a relay, beside what it stores by scraping them itself.

use std::collections::BTreeMap;

use integration::fake_target::OPENMETRICS;
use integration::hostile::{Hostile, Verdict};
use integration::prometheus::Prometheus;
use model::exposition::entry::Format;
use model::exposition::parse;

/// Newest values by labels, both as the API spells them.
type Newest = BTreeMap<BTreeMap<String, String>, String>;

/// Series that Prometheus writes for every target itself; those of the first two tell of the scrape alone.
const OWN: [&str; 5] = [
    "scrape_duration_seconds",
    "scrape_series_added",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "up",
];

/// Every series of the corpus that is stored otherwise through the relay, but for what `is_meant` to be.
pub(super) async fn differences(
    direct: &Prometheus,
    relayed: &Prometheus,
    target: impl Fn(&str) -> Hostile,
) -> Result<Vec<String>, String> {
    let (direct, relayed) = (newest(direct).await?, newest(relayed).await?);
    if direct.len() < 10_000 {
        return Err(format!("only {} series directly", direct.len()));
    }
    let mut found = Vec::new();
    let extra = relayed.keys().filter(|labels| !direct.contains_key(*labels));
    for labels in direct.keys().chain(extra) {
        let values = (direct.get(labels), relayed.get(labels));
        let timing = OWN[..2].contains(&labels["__name__"].as_str()) && values.0.is_some();
        if values.0 != values.1 && !timing && !is_meant(&target(&labels["job"]), &labels["__name__"]) {
            found.push(format!(
                "{}: {labels:?} directly {:?}, else {:?}",
                target(&labels["job"]).name,
                values.0,
                values.1
            ));
        }
    }
    Ok(found)
}

async fn newest(prometheus: &Prometheus) -> Result<Newest, String> {
    let mut newest = Newest::new();
    for row in prometheus.query(r#"{job=~"h[0-9]{4}"}"#).await? {
        let pairs = row["metric"].as_object().ok_or("a row without labels")?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let labels = pairs.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        newest.insert(labels, text(&row["value"][1]));
    }
    Ok(newest)
}

/// Whether a series with that name of that target may differ.
fn is_meant(target: &Hostile, name: &str) -> bool {
    let body = target.body.as_ref().map(|(_, body)| String::from_utf8_lossy(body)).unwrap_or_default();
    // No target writes the series that are written about it, nor any with the relay's prefix.
    let claimed = OWN.contains(&name) && body.lines().any(|line| line.starts_with(name));
    claimed || name.starts_with("scraperelay_") || is_refused(target) || is_prometheus_own(target, name)
}

/// Targets that the product refuses and Prometheus does not: a response's head has a bound, and a label name that
/// stands twice refuses the body also where Prometheus leaves the sample out before it looks (an old timestamp).
fn is_refused(target: &Hostile) -> bool {
    let body = target.body.as_ref().map(|(_, body)| String::from_utf8_lossy(body)).unwrap_or_default();
    target.verdict == Some(Verdict::Refused)
        || target.name.starts_with("a header of")
        || target.verdict.is_none() && body.contains("__name__=")
}

/// Two accidents of Prometheus 3.15 itself: it takes a sample for one that was spelled alike under another TYPE in
/// the same body; and in OpenMetrics it counts a sample, too, of which only what follows its value is wrong.
fn is_prometheus_own(target: &Hostile, name: &str) -> bool {
    let Some((OPENMETRICS, body)) = &target.body else {
        return target.name == "a histogram and its misfits in one body" && name == "request_seconds_bucket";
    };
    let refused = || parse(Format::OpenMetrics, body).any(|entry| entry.is_err());
    name.starts_with("scrape_samples_") && refused()
}
