//! What two Prometheus servers store, side by side.

use std::collections::BTreeMap;

use integration::prometheus::Prometheus;

/// Series by their labels, with the newest value as the API spells it.
pub(crate) type Snapshot = BTreeMap<BTreeMap<String, String>, String>;

/// The newest value of every series that `selector` finds, without stale ones.
pub(crate) async fn snapshot(prometheus: &Prometheus, selector: &str) -> Result<Snapshot, String> {
    let mut snapshot = Snapshot::new();
    for row in prometheus.query(selector).await? {
        let pairs = row["metric"].as_object().ok_or("a row without labels")?;
        let mut labels = BTreeMap::new();
        for (name, value) in pairs {
            let value = value.as_str().unwrap_or_default();
            labels.insert(name.clone(), canonical(name, value));
        }
        let value = row["value"][1].as_str().unwrap_or_default().to_owned();
        if let Some(other) = snapshot.insert(labels.clone(), value) {
            return Err(format!("{labels:?} is stored twice, once with {other}"));
        }
    }
    Ok(snapshot)
}

/// Prometheus 3 spells `le` and `quantile` in one way; an older server keeps what the target sent.
fn canonical(name: &str, value: &str) -> String {
    match (name, value.parse::<f64>()) {
        ("le" | "quantile", Ok(number)) if number.is_infinite() => "+Inf".to_owned(),
        ("le" | "quantile", Ok(number)) => format!("{number:?}"),
        _ => value.to_owned(),
    }
}

/// Every way in which `relayed` is not `direct`; values of the series named in `timing` may differ.
pub(crate) fn differences(direct: &Snapshot, relayed: &Snapshot, timing: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (labels, value) in direct {
        match relayed.get(labels) {
            None => found.push(format!("missing: {labels:?}")),
            Some(_) if timing.contains(&labels["__name__"].as_str()) => {}
            Some(other) if other == value => {}
            Some(other) => found.push(format!("{labels:?} is {other} instead of {value}")),
        }
    }
    let extra = relayed.keys().filter(|labels| !direct.contains_key(*labels));
    found.extend(extra.map(|labels| format!("extra: {labels:?}")));
    found
}
