//! The request headers that credentials and configured headers become.
//!
//! In: a job's HTTP settings and a way to read a file. Out: headers that are marked as sensitive, or which field and
//! file cannot be used. No error and no `Debug` text holds anything that was read.

use std::fmt::Display;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{HttpClientConfig, Source};
use crate::secret::Secret;

/// The largest credential file, in bytes. A token of a service account has about 1 KiB.
pub const CREDENTIAL_FILE_LIMIT: u64 = 64 << 10;

/// A request cannot say who is asking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be used: {why}")]
pub struct CredentialError {
    /// The field, with the file where it names one.
    pub what: String,
    /// The reason, without anything that was read.
    pub why: String,
}

impl HttpClientConfig {
    /// Whether [`HttpClientConfig::headers`] reads a file.
    #[must_use]
    pub fn has_credential_files(&self) -> bool {
        let basic = self.basic_auth.iter().flat_map(|it| [&it.username, &it.password]).flatten();
        let authorization = self.authorization.iter().filter_map(|it| it.credentials.as_ref());
        let headers = self.http_headers.iter().flat_map(|it| &it.values);
        basic.chain(authorization).chain(headers).any(|source| matches!(source, Source::File(_)))
    }

    /// The headers of one request. `read` gives the bytes of a file, at most as many as it is told, at this moment, so
    /// that a file that changed counts from the next request on. What is absent is sent as the empty text and files are
    /// trimmed (Prometheus 3.x, `http_config`).
    ///
    /// # Errors
    /// The first source that cannot be read, or whose text no header can hold.
    pub fn headers<E: Display>(
        &self,
        read: impl Fn(&Path, u64) -> Result<Vec<u8>, E>,
    ) -> Result<HeaderMap, CredentialError> {
        let text = |field: &Field<'_>| field.text(&read);
        let mut headers = HeaderMap::new();
        if let Some(basic) = &self.basic_auth {
            let username = text(&Field::new("basic_auth.username", basic.username.as_ref()))?;
            let password = text(&Field::new("basic_auth.password", basic.password.as_ref()))?;
            let pair = STANDARD.encode(format!("{}:{}", username.expose(), password.expose()));
            headers.insert(AUTHORIZATION, value("basic_auth", &format!("Basic {pair}"))?);
        }
        if let Some(authorization) = &self.authorization {
            let field = Field::new("authorization.credentials", authorization.credentials.as_ref());
            let line = format!("{} {}", authorization.kind, text(&field)?.expose());
            headers.insert(AUTHORIZATION, value(&field.what(), &line)?);
        }
        for header in &self.http_headers {
            let path = format!("http_headers.{}", header.name);
            let name = HeaderName::try_from(&*header.name)
                .map_err(|_| refuse(&path, "this is not the name of a header"))?;
            for source in &header.values {
                let field = Field { suffix: ".files", ..Field::new(&path, Some(source)) };
                headers.append(name.clone(), value(&field.what(), text(&field)?.expose())?);
            }
        }
        Ok(headers)
    }
}

/// A source with the words that name it.
struct Field<'a> {
    path: &'a str,
    /// What the configuration adds to the path where the source is a file.
    suffix: &'static str,
    source: Option<&'a Source>,
}

impl<'a> Field<'a> {
    fn new(path: &'a str, source: Option<&'a Source>) -> Self {
        Self { path, suffix: "_file", source }
    }

    fn what(&self) -> String {
        match self.source {
            Some(Source::File(file)) => format!("{}{} {file}", self.path, self.suffix),
            _ => self.path.to_owned(),
        }
    }

    fn text<E: Display>(
        &self,
        read: impl Fn(&Path, u64) -> Result<Vec<u8>, E>,
    ) -> Result<Secret, CredentialError> {
        match self.source {
            None => Ok(Secret::new("")),
            Some(Source::Inline(secret)) => Ok(secret.clone()),
            Some(Source::File(file)) => {
                let bytes = read(Path::new(&**file), CREDENTIAL_FILE_LIMIT);
                let bytes = bytes.map_err(|error| refuse(&self.what(), &error))?;
                let text = String::from_utf8(bytes).map_err(|_| refuse(&self.what(), "it is not UTF-8"))?;
                Ok(Secret::new(text.trim()))
            }
        }
    }
}

/// Blanks at the ends are no part of a header's value (RFC 9110, section 5.5).
fn value(what: &str, text: &str) -> Result<HeaderValue, CredentialError> {
    let mut value = HeaderValue::from_str(text.trim_matches([' ', '\t']))
        .map_err(|_| refuse(what, "it holds characters that no header may have"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn refuse(what: &str, why: &(impl Display + ?Sized)) -> CredentialError {
    CredentialError { what: what.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{Authorization, BasicAuth, HttpHeader};
    use super::*;

    /// Stands for the file system.
    fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
        let content: Vec<u8> = match path.to_str().unwrap() {
            "token" => b"  hunter2 \r\n".to_vec(),
            "empty" => Vec::new(),
            "blank" => b"\n".to_vec(),
            "two lines" => b"hunter2\nhunter3".to_vec(),
            "control" => b"hunter2\x01x".to_vec(),
            "latin 1" => b"hunter2\xff".to_vec(),
            "large" => vec![b'h'; usize::try_from(CREDENTIAL_FILE_LIMIT).unwrap() + 1],
            _ => return Err("no such file".to_owned()),
        };
        if content.len() as u64 > limit {
            Err(format!("it has more than {limit} bytes"))
        } else {
            Ok(content)
        }
    }

    fn inline(text: &str) -> Option<Source> {
        Some(Source::Inline(Secret::new(text)))
    }

    fn file(path: &str) -> Option<Source> {
        Some(Source::File(path.into()))
    }

    fn basic(username: Option<Source>, password: Option<Source>) -> HttpClientConfig {
        HttpClientConfig { basic_auth: Some(BasicAuth { username, password }), ..Default::default() }
    }

    fn bearer(credentials: Option<Source>) -> HttpClientConfig {
        let authorization = Authorization { kind: "Bearer".into(), credentials };
        HttpClientConfig { authorization: Some(authorization), ..Default::default() }
    }

    fn header(values: impl IntoIterator<Item = Option<Source>>) -> HttpClientConfig {
        let values = values.into_iter().flatten().collect();
        HttpClientConfig {
            http_headers: vec![HttpHeader { name: "X-Scope".into(), values }],
            ..Default::default()
        }
    }

    #[test]
    fn each_way_to_authenticate_becomes_its_header() {
        for (config, name, expected) in [
            // RFC 7617, section 2.
            (basic(inline("Aladdin"), inline("open sesame")), "", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            (basic(inline("a"), file("token")), "", "Basic YTpodW50ZXIy"),
            (basic(inline("a"), None), "", "Basic YTo="),
            (basic(None, None), "", "Basic Og=="),
            (basic(inline("a"), file("empty")), "", "Basic YTo="),
            (bearer(inline("one")), "", "Bearer one"),
            (bearer(file("token")), "", "Bearer hunter2"),
            (bearer(None), "", "Bearer"),
            (bearer(file("empty")), "", "Bearer"),
            (bearer(file("blank")), "", "Bearer"),
            (header([inline("one")]), "x-scope", "one"),
            (header([file("token")]), "x-scope", "hunter2"),
            (header([file("empty")]), "x-scope", ""),
        ] {
            let headers = config.headers(read).unwrap();
            assert_eq!(headers.len(), 1, "{config:?}");
            let name = if name.is_empty() { "authorization" } else { name };
            assert_eq!(headers[name], expected, "{config:?}");
            assert!(headers[name].is_sensitive());
        }
        assert!(HttpClientConfig::default().headers(read).unwrap().is_empty());
    }

    #[test]
    fn a_header_keeps_all_its_values_in_order() {
        let headers = header([inline("a"), file("token"), inline("a")]).headers(read).unwrap();
        assert_eq!(headers.get_all("x-scope").iter().collect::<Vec<_>>(), ["a", "hunter2", "a"]);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_never_shown() {
        for (source, why) in [
            ("gone", "no such file"),
            ("two lines", "it holds characters that no header may have"),
            ("control", "it holds characters that no header may have"),
            ("latin 1", "it is not UTF-8"),
            ("large", "it has more than 65536 bytes"),
        ] {
            for (config, field) in [
                (bearer(file(source)), "authorization.credentials_file"),
                (header([file(source)]), "http_headers.X-Scope.files"),
            ] {
                let error = config.headers(read).unwrap_err();
                assert_eq!(error.to_string(), format!("{field} {source} cannot be used: {why}"));
            }
        }
        let error = basic(None, file("gone")).headers(read).unwrap_err();
        assert_eq!(error.to_string(), "basic_auth.password_file gone cannot be used: no such file");
        let error = bearer(inline("hunter2\n")).headers(read).unwrap_err();
        assert_eq!(error.what, "authorization.credentials");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn only_sources_of_headers_count_as_credential_files() {
        for (config, expected) in [
            (HttpClientConfig::default(), false),
            (basic(inline("a"), inline("b")), false),
            (basic(file("a"), None), true),
            (basic(None, file("b")), true),
            (bearer(file("c")), true),
            (header([inline("a"), file("d")]), true),
        ] {
            assert_eq!(config.has_credential_files(), expected, "{config:?}");
        }
    }
}
