//! The HTTP client settings of a job.

use model::http_client::{
    Authorization, BasicAuth, HttpClientConfig, HttpHeader, Source, TlsConfig, TlsVersion,
};
use model::secret::Secret;

use super::{ConvertError, filled, required, word};
use crate::types::v1 as wire;
use wire::source::Source as WireSource;

impl From<&Source> for wire::Source {
    fn from(source: &Source) -> Self {
        let source = match source {
            Source::Inline(secret) => WireSource::Inline(secret.expose().to_owned()),
            Source::File(path) => WireSource::File(path.to_string()),
        };
        Self { source: Some(source) }
    }
}

impl TryFrom<wire::Source> for Source {
    type Error = ConvertError;

    fn try_from(wire: wire::Source) -> Result<Self, ConvertError> {
        Ok(match required(wire.source, "source")? {
            WireSource::Inline(text) => Self::Inline(Secret::new(text)),
            WireSource::File(path) => Self::File(filled(path, "source.file")?),
        })
    }
}

fn source(wire: Option<wire::Source>) -> Result<Option<Source>, ConvertError> {
    wire.map(Source::try_from).transpose()
}

fn source_to_wire(source: Option<&Source>) -> Option<wire::Source> {
    source.map(wire::Source::from)
}

impl From<&TlsConfig> for wire::TlsConfig {
    fn from(tls: &TlsConfig) -> Self {
        let version = |version: Option<TlsVersion>| version.map_or("", TlsVersion::as_str).to_owned();
        Self {
            ca: source_to_wire(tls.ca.as_ref()),
            cert: source_to_wire(tls.cert.as_ref()),
            key: source_to_wire(tls.key.as_ref()),
            server_name: tls.server_name.as_deref().unwrap_or("").to_owned(),
            insecure_skip_verify: tls.insecure_skip_verify,
            min_version: version(tls.min_version),
            max_version: version(tls.max_version),
        }
    }
}

impl TryFrom<wire::TlsConfig> for TlsConfig {
    type Error = ConvertError;

    fn try_from(wire: wire::TlsConfig) -> Result<Self, ConvertError> {
        Ok(Self {
            ca: source(wire.ca)?,
            cert: source(wire.cert)?,
            key: source(wire.key)?,
            server_name: (!wire.server_name.is_empty()).then(|| wire.server_name.into()),
            insecure_skip_verify: wire.insecure_skip_verify,
            min_version: word(&wire.min_version, TlsVersion::parse, "tls.min_version")?,
            max_version: word(&wire.max_version, TlsVersion::parse, "tls.max_version")?,
        })
    }
}

impl From<&HttpHeader> for wire::HttpHeader {
    fn from(header: &HttpHeader) -> Self {
        let values = header.values.iter().map(wire::Source::from).collect();
        Self { name: header.name.to_string(), values }
    }
}

impl TryFrom<wire::HttpHeader> for HttpHeader {
    type Error = ConvertError;

    fn try_from(wire: wire::HttpHeader) -> Result<Self, ConvertError> {
        let name = filled(wire.name, "http_headers.name")?;
        let values = wire.values.into_iter().map(Source::try_from).collect::<Result<_, _>>()?;
        Ok(Self { name, values })
    }
}

impl From<&HttpClientConfig> for wire::HttpClientConfig {
    fn from(http: &HttpClientConfig) -> Self {
        Self {
            basic_auth: http.basic_auth.as_ref().map(|basic| wire::BasicAuth {
                username: source_to_wire(basic.username.as_ref()),
                password: source_to_wire(basic.password.as_ref()),
            }),
            authorization: http.authorization.as_ref().map(|authorization| wire::Authorization {
                r#type: authorization.kind.to_string(),
                credentials: source_to_wire(authorization.credentials.as_ref()),
            }),
            tls: Some(wire::TlsConfig::from(&http.tls)),
            follow_redirects: http.follow_redirects,
            http_headers: http.http_headers.iter().map(wire::HttpHeader::from).collect(),
        }
    }
}

fn basic_auth(wire: wire::BasicAuth) -> Result<BasicAuth, ConvertError> {
    Ok(BasicAuth { username: source(wire.username)?, password: source(wire.password)? })
}

fn authorization(wire: wire::Authorization) -> Result<Authorization, ConvertError> {
    let kind = filled(wire.r#type, "authorization.type")?;
    Ok(Authorization { kind, credentials: source(wire.credentials)? })
}

impl TryFrom<wire::HttpClientConfig> for HttpClientConfig {
    type Error = ConvertError;

    fn try_from(wire: wire::HttpClientConfig) -> Result<Self, ConvertError> {
        Ok(Self {
            basic_auth: wire.basic_auth.map(basic_auth).transpose()?,
            authorization: wire.authorization.map(authorization).transpose()?,
            tls: wire.tls.map(TlsConfig::try_from).transpose()?.unwrap_or_default(),
            follow_redirects: wire.follow_redirects,
            http_headers: wire
                .http_headers
                .into_iter()
                .map(HttpHeader::try_from)
                .collect::<Result<_, _>>()?,
        })
    }
}
