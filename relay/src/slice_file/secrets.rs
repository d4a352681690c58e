//! A job's settings without the credentials that stand in it.

use std::sync::Arc;

use model::http_client::{HttpClientConfig, Source};
use model::job::ScrapeSettings;

/// The same settings without inline credentials. What only makes sense with one of them goes as a whole: the target will
/// refuse the request, which its `up` shows.
pub(super) fn without_inline(settings: &Arc<ScrapeSettings>) -> Arc<ScrapeSettings> {
    let http = stripped(&settings.http);
    if http == settings.http {
        settings.clone()
    } else {
        Arc::new(ScrapeSettings { http, ..(**settings).clone() })
    }
}

fn stripped(http: &HttpClientConfig) -> HttpClientConfig {
    let mut http = http.clone();
    http.basic_auth = http.basic_auth.filter(|basic| !is_inline(basic.password.as_ref()));
    http.authorization =
        http.authorization.filter(|authorization| !is_inline(authorization.credentials.as_ref()));
    if is_inline(http.tls.key.as_ref()) {
        http.tls.key = None;
        http.tls.cert = None;
    }
    for header in &mut http.http_headers {
        header.values.retain(|value| !is_inline(Some(value)));
    }
    http.http_headers.retain(|header| !header.values.is_empty());
    http
}

fn is_inline(source: Option<&Source>) -> bool {
    matches!(source, Some(Source::Inline(_)))
}
