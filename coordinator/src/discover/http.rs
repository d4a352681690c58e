//! Targets from an HTTP endpoint that answers a list of groups in JSON (Prometheus 3.x, `http_sd_configs`).
//!
//! Any failure keeps the list that was read last.

use std::time::Duration;

use model::target_group::TargetGroup;

use super::{Context, file::SECOND_READ, group_file, http_get};
use crate::config::HttpDiscovery;

/// Largest answer: 50,000 targets take about 10 MB.
const BODY_LIMIT: usize = 32 << 20;

/// Until the first good answer a failure is retried after this: without one the job has no targets at all.
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// Asks again and again until cancelled.
pub(super) async fn run(settings: &HttpDiscovery, context: &Context) {
    let mut succeeded = false;
    loop {
        let read = tokio::time::timeout(settings.refresh_interval, read(settings))
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {:?}", settings.refresh_interval)));
        let read = read.map_err(|error| {
            format!("{} ({}): {error}", settings.url.origin().ascii_serialization(), settings.position)
        });
        succeeded |= read.is_ok();
        if !context.report("http", read).await {
            return;
        }
        let soon = FIRST_RETRY.min(settings.refresh_interval);
        let pause = if succeeded { settings.refresh_interval } else { soon };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = context.read_again.notified() => tokio::time::sleep(SECOND_READ).await,
        }
    }
}

async fn read(settings: &HttpDiscovery) -> Result<Vec<TargetGroup>, String> {
    let refresh = seconds(settings.refresh_interval);
    let headers = [("Accept", "application/json"), ("X-Prometheus-Refresh-Interval-Seconds", &*refresh)];
    let answer = http_get::get(&settings.url, &settings.http, &headers, BODY_LIMIT).await?;
    if answer.status != 200 {
        return Err(format!("status {} instead of 200", answer.status));
    }
    if !is_json(&answer.content_type) {
        return Err(format!("Content-Type {:?} instead of application/json", answer.content_type));
    }
    let url = &*settings.url_text;
    let mut groups = group_file::parse_json(&answer.body)?;
    for (at, group) in groups.iter_mut().enumerate() {
        group.source = format!("{url}:{at}").into();
        let mut labels = group.labels.to_builder();
        labels.set("__meta_url", url);
        group.labels = labels.build();
    }
    Ok(groups)
}

/// The shortest decimal, as Prometheus writes it.
fn seconds(interval: Duration) -> String {
    format!("{}", interval.as_secs_f64())
}

/// `application/json`, alone or with `charset=utf-8`.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next();
    media.as_deref() == Some("application/json") && parts.all(|parameter| parameter == "charset=utf-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_json() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=latin1", false),
            ("text/plain", false),
            ("", false),
        ] {
            assert_eq!(is_json(content_type), expected, "{content_type}");
        }
    }
}
