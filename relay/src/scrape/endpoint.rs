//! Where a target is: its URL, taken apart once.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use url::Url;

use super::FetchError;

/// The parts of a target's URL that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether TLS is spoken.
    pub https: bool,
    /// The host name or address, without brackets.
    pub host: Box<str>,
    /// The port, filled in from the scheme where the URL has none.
    pub port: u16,
    /// The path and the query.
    pub path: PathAndQuery,
    /// The `Host` header: host and port as the URL has them.
    pub authority: HeaderValue,
}

impl Endpoint {
    /// Takes `url` apart.
    ///
    /// # Errors
    /// [`FetchError::Url`] where it is no absolute `http` or `https` URL, or bears credentials.
    pub fn parse(url: &str) -> Result<Self, FetchError> {
        let refuse = |why: &'static str| FetchError::Url { why };
        let uri: Uri = url.parse().map_err(|_| refuse("it is not a URL"))?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(refuse("the scheme is neither http nor https")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("credentials belong into basic_auth, not into the URL"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(refuse("it has no host"));
        }
        let rest = authority.as_str().strip_prefix(host).unwrap_or_default();
        let port = authority.port_u16();
        if port == Some(0) || port.is_none() && !matches!(rest, "" | ":") {
            return Err(refuse("its port is none"));
        }
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok(Self {
            https,
            host: host.into(),
            port: port.unwrap_or(if https { 443 } else { 80 }),
            path: uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
            authority: HeaderValue::from_str(authority.as_str())
                .map_err(|_| refuse("its host is not valid"))?,
        })
    }

    /// Where a redirect leads, if it stays with this scheme, host and port.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        let scheme = if self.https { "https" } else { "http" };
        let here = Url::parse(&format!("{scheme}://{self}{}", self.path)).ok()?;
        let there = here.join(location).ok()?;
        let origin = (there.scheme(), there.host(), there.port_or_known_default());
        let stays = origin == (here.scheme(), here.host(), here.port_or_known_default())
            && there.username().is_empty()
            && there.password().is_none();
        let path = match there.query() {
            Some(query) => PathAndQuery::try_from(format!("{}?{query}", there.path())).ok()?,
            None => PathAndQuery::try_from(there.path()).ok()?,
        };
        stays.then(|| Self { path, ..self.clone() })
    }

    /// The host as an address, if it is one.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// Host and port, as an error names them.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.parse::<Ipv6Addr>().is_ok() {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, shown, https, path, authority) in [
            ("http://a/metrics", "a:80", false, "/metrics", "a"),
            ("https://a:9/x?y=z&y=%20", "a:9", true, "/x?y=z&y=%20", "a:9"),
            ("https://[::1]:9090", "[::1]:9090", true, "/", "[::1]:9090"),
            ("http://10.0.0.1/a//b/../c", "10.0.0.1:80", false, "/a//b/../c", "10.0.0.1"),
        ] {
            let endpoint = Endpoint::parse(url).expect(url);
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!((endpoint.https, endpoint.path.as_str()), (https, path));
            assert_eq!(endpoint.authority, authority);
        }
    }

    #[test]
    fn what_is_no_target_is_refused_without_repeating_it() {
        for url in [
            "",
            "/metrics",
            "ftp://a/",
            "http://user:hunter2@a/",
            "http://:80/",
            "a b",
            "http://a:99999/",
            "http://a:0/",
        ] {
            let error = Endpoint::parse(url).expect_err(url);
            assert_eq!(error.kind(), "url", "{url}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_redirect_stays_with_scheme_host_and_port() {
        let here = Endpoint::parse("http://a:9/metrics").unwrap();
        for (location, path) in [
            ("/other?x=1", Some("/other?x=1")),
            ("http://a:9/other", Some("/other")),
            ("http://A:9/other#part", Some("/other")),
            ("other/../deep?y", Some("/deep?y")),
            ("?z=2", Some("/metrics?z=2")),
            ("", Some("/metrics")),
            ("http://a/other", None),
            ("http://[::1/", None),
            ("https://a:9/other", None),
            ("http://b:9/other", None),
            ("//b/other", None),
            ("http://u:p@a:9/other", None),
            ("http://u@a:9/other", None),
        ] {
            let there = here.redirected(location);
            assert_eq!(there.as_ref().map(|it| it.path.as_str()), path, "{location}");
        }
        let literal = Endpoint::parse("https://[fd00::1]/metrics").unwrap();
        assert_eq!(literal.redirected("https://[fd00:0::1]:443/x").unwrap().path.as_str(), "/x");
    }
}
