//! The headers that say who is asking, read anew for each request.
//!
//! In: a job's HTTP settings. Out: header values that are marked as sensitive. What was read is never logged and
//! never part of an error.

use std::fs::File;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::http_client::{HttpClientConfig, Source};
use model::secret::Secret;

use super::FetchError;

/// The largest credential file, in bytes. A token of a service account has about 1 KiB.
const FILE_LIMIT: u64 = 64 << 10;

/// Whether any of the headers comes from a file.
pub(super) fn has_files(config: &HttpClientConfig) -> bool {
    let basic = config.basic_auth.iter().flat_map(|it| [&it.username, &it.password]).flatten();
    let authorization = config.authorization.iter().filter_map(|it| it.credentials.as_ref());
    let headers = config.http_headers.iter().flat_map(|it| &it.values);
    basic.chain(authorization).chain(headers).any(|source| matches!(source, Source::File(_)))
}

/// `Authorization` and the job's own headers. Reads files, so call it where blocking is allowed if
/// [`has_files`] says that there are any.
///
/// # Errors
/// [`FetchError::Credentials`] naming the field or the file.
pub(super) fn headers(config: &HttpClientConfig) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::new();
    if let Some(basic) = &config.basic_auth {
        let username = text("basic_auth.username", basic.username.as_ref())?;
        let password = text("basic_auth.password", basic.password.as_ref())?;
        let pair = STANDARD.encode(format!("{}:{}", username.expose(), password.expose()));
        headers.insert(AUTHORIZATION, value("basic_auth", &format!("Basic {pair}"))?);
    }
    if let Some(authorization) = &config.authorization {
        let what = "authorization.credentials";
        let credentials = text(what, authorization.credentials.as_ref())?;
        let line = format!("{} {}", authorization.kind, credentials.expose());
        headers.insert(AUTHORIZATION, value(what, &line)?);
    }
    for header in &config.http_headers {
        let what = format!("http_headers.{}", header.name);
        let name = HeaderName::try_from(&*header.name)
            .map_err(|_| refuse(&what, "this is not the name of a header".to_owned()))?;
        for source in &header.values {
            let text = text(&what, Some(source))?;
            headers.append(name.clone(), value(&what, text.expose())?);
        }
    }
    Ok(headers)
}

/// The text of `source`; an absent one is the empty text. Files are trimmed, as in Prometheus.
fn text(what: &str, source: Option<&Source>) -> Result<Secret, FetchError> {
    match source {
        None => Ok(Secret::new("")),
        Some(Source::Inline(secret)) => Ok(secret.clone()),
        Some(Source::File(path)) => {
            let what = format!("{what} file {path}");
            let text = read(path).map_err(|error| refuse(&what, error.to_string()))?;
            if text.len() as u64 > FILE_LIMIT {
                return Err(refuse(&what, format!("it has more than {FILE_LIMIT} bytes")));
            }
            let text = String::from_utf8(text).map_err(|_| refuse(&what, "it is not UTF-8".to_owned()))?;
            Ok(Secret::new(text.trim()))
        }
    }
}

fn read(path: &str) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut text)?;
    Ok(text)
}

fn value(what: &str, text: &str) -> Result<HeaderValue, FetchError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| refuse(what, "it holds characters that no header may have".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn refuse(what: &str, why: String) -> FetchError {
    FetchError::Credentials { what: what.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use model::http_client::{Authorization, BasicAuth, HttpHeader};

    use super::*;

    fn inline(text: &str) -> Source {
        Source::Inline(Secret::new(text))
    }

    fn bearer(credentials: Source) -> HttpClientConfig {
        let authorization = Authorization { kind: "Bearer".into(), credentials: Some(credentials) };
        HttpClientConfig { authorization: Some(authorization), ..Default::default() }
    }

    #[test]
    fn half_a_basic_auth_is_sent_with_the_other_half_empty() {
        for (username, password, sent) in [
            (Some("a"), Some("b"), "Basic YTpi"),
            (Some("a"), None, "Basic YTo="),
            (None, None, "Basic Og=="),
        ] {
            let basic = BasicAuth { username: username.map(inline), password: password.map(inline) };
            let config = HttpClientConfig { basic_auth: Some(basic), ..Default::default() };
            let headers = headers(&config).unwrap();
            assert_eq!(headers[AUTHORIZATION], sent);
            assert!(headers[AUTHORIZATION].is_sensitive());
        }
    }

    #[test]
    fn a_header_may_have_several_values() {
        let header = HttpHeader { name: "X-Tenant".into(), values: vec![inline("a"), inline("b")] };
        let config = HttpClientConfig { http_headers: vec![header], ..Default::default() };
        let headers = headers(&config).unwrap();
        assert_eq!(headers.get_all("x-tenant").iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn an_error_names_the_file_but_never_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let config = bearer(Source::File(path.to_str().unwrap().into()));
        let missing = headers(&config).unwrap_err();
        assert_eq!(missing.kind(), "credentials");
        assert!(missing.to_string().contains("authorization.credentials file"), "{missing}");
        for content in ["hunter2\nhunter3", "hunter2\u{1}x", &"hunter2".repeat(20_000)] {
            std::fs::write(&path, content).unwrap();
            let error = headers(&config).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
        }
        std::fs::write(&path, " hunter2 \n").unwrap();
        let good = headers(&config).unwrap();
        assert_eq!(good[AUTHORIZATION], "Bearer hunter2");
        assert!(!format!("{good:?} {config:?}").contains("hunter"));
    }
}
