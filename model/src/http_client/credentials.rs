//! The request headers that credentials and configured headers become.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{HttpClientConfig, Source};
use crate::secret::Secret;

impl HttpClientConfig {
    /// The headers of one request, in order; `read` gives the trimmed text of a source at this moment, so that a
    /// file that changed counts from the next request on. A header without a value is left out.
    ///
    /// # Errors
    /// The first that `read` gives.
    pub fn headers<E>(
        &self,
        mut read: impl FnMut(&Source) -> Result<Secret, E>,
    ) -> Result<Vec<(Box<str>, Secret)>, E> {
        let mut headers = Vec::new();
        let mut text = |source: Option<&Source>| source.map(&mut read).transpose();
        if let Some(basic) = &self.basic_auth {
            let username = text(basic.username.as_ref())?;
            let password = text(basic.password.as_ref())?;
            let half = |half: &Option<Secret>| half.as_ref().map_or("", Secret::expose).to_owned();
            let pair = STANDARD.encode(format!("{}:{}", half(&username), half(&password)));
            headers.push(("Authorization".into(), Secret::new(format!("Basic {pair}"))));
        }
        if let Some(authorization) = &self.authorization
            && let Some(credentials) = text(authorization.credentials.as_ref())?
        {
            let value = format!("{} {}", authorization.kind, credentials.expose());
            headers.push(("Authorization".into(), Secret::new(value)));
        }
        for header in &self.http_headers {
            for source in &header.values {
                headers.extend(text(Some(source))?.map(|value| (header.name.clone(), value)));
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Authorization, BasicAuth, HttpHeader};
    use super::*;

    fn read(source: &Source) -> Result<Secret, String> {
        match source {
            Source::Inline(text) => Ok(text.clone()),
            Source::File(path) if &**path == "gone" => Err("gone: no such file".to_owned()),
            Source::File(path) => Ok(Secret::new(format!("from {path}"))),
        }
    }

    fn inline(text: &str) -> Option<Source> {
        Some(Source::Inline(Secret::new(text)))
    }

    #[test]
    fn each_way_to_authenticate_becomes_its_header() {
        let basic = BasicAuth { username: inline("Aladdin"), password: inline("open sesame") };
        let bearer = Authorization { kind: "Bearer".into(), credentials: Some(Source::File("token".into())) };
        let header =
            HttpHeader { name: "X-Scope".into(), values: vec![inline("a").unwrap(), inline("b").unwrap()] };
        for (config, expected) in [
            // RFC 7617, section 2.
            (
                HttpClientConfig { basic_auth: Some(basic), ..Default::default() },
                vec![("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")],
            ),
            (
                HttpClientConfig { authorization: Some(bearer), ..Default::default() },
                vec![("Authorization", "Bearer from token")],
            ),
            (
                HttpClientConfig { http_headers: vec![header], ..Default::default() },
                vec![("X-Scope", "a"), ("X-Scope", "b")],
            ),
            (HttpClientConfig::default(), vec![]),
        ] {
            let headers = config.headers(read).unwrap();
            let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, value.expose())).collect();
            assert_eq!(headers, expected);
        }
    }

    #[test]
    fn a_source_that_cannot_be_read_is_an_error() {
        let basic = BasicAuth { username: None, password: Some(Source::File("gone".into())) };
        let config = HttpClientConfig { basic_auth: Some(basic), ..Default::default() };
        assert_eq!(config.headers(read), Err("gone: no such file".to_owned()));
    }
}
