//! The HTTP client fields of a job or of `http_sd_configs`: credentials, TLS, headers.

use http::{HeaderName, HeaderValue};
use model::http_client::{
    Authorization, BasicAuth, HttpClientConfig, HttpHeader, Source, TlsConfig, TlsVersion,
};
use model::secret::Secret;

use super::code::Code;
use super::context::{Context, InlineSecret, NamedFile};
use super::fields::{Section, Written};
use super::left_out;

/// Whose fields these are, which decides who opens the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// A job's: a relay sends the requests.
    Scrape,
    /// A discovery's: the coordinator does.
    Discovery,
}

/// Headers that Prometheus sets itself and refuses in `http_headers` (prometheus/common `config`).
const RESERVED_HEADERS: [&str; 18] = [
    "authorization",
    "host",
    "user-agent",
    "accept-encoding",
    "content-encoding",
    "content-length",
    "content-type",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "x-prometheus-scrape-timeout-seconds",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Reads the client fields among those of `section`.
pub(super) fn http_client(
    section: &mut Section<'_>,
    client: Client,
    cx: &mut Context<'_>,
) -> HttpClientConfig {
    let basic_auth = basic_auth(section, client, cx);
    let authorization = authorization(section, client, cx);
    let bearer = bearer(section, client, cx);
    one_method(section, cx);
    left_out::field(section, "oauth2", "use authorization with a token from a file", cx);
    for name in ["proxy_url", "no_proxy", "proxy_connect_header"] {
        left_out::field(section, name, "targets are reached directly", cx);
    }
    left_out::flag(section, "proxy_from_environment", false, "targets are reached directly", cx);
    // HTTP/1.1 serves every target that speaks HTTP/2.
    section.flag("enable_http2", true, &mut cx.report);
    HttpClientConfig {
        basic_auth,
        authorization: authorization.or(bearer),
        tls: tls(section, client, cx),
        follow_redirects: section.flag("follow_redirects", false, &mut cx.report),
        http_headers: headers(section, client, cx),
    }
}

/// At most one way to authenticate.
fn one_method(section: &Section<'_>, cx: &mut Context<'_>) {
    const METHODS: [&str; 5] = ["basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"];
    let written: Vec<&str> = METHODS.into_iter().filter(|name| section.is_filled(name)).collect();
    if let [first, .., last] = written.as_slice() {
        let message = format!("`{first}` and `{last}` exclude each other: one way to authenticate at most");
        cx.report.add(Code::Conflict, section.span_of(last), message);
    }
}

fn basic_auth(section: &mut Section<'_>, client: Client, cx: &mut Context<'_>) -> Option<BasicAuth> {
    let mut block = section.section("basic_auth", &mut cx.report)?;
    let mut from = Sources { client, path: "basic_auth", secret: false };
    let username = from.one(&mut block, ["username", "username_file", "username_ref"], cx);
    from.secret = true;
    let password = from.one(&mut block, ["password", "password_file", "password_ref"], cx);
    block.finish(&mut cx.report);
    Some(BasicAuth { username, password })
}

fn authorization(section: &mut Section<'_>, client: Client, cx: &mut Context<'_>) -> Option<Authorization> {
    let mut block = section.section("authorization", &mut cx.report)?;
    let from = Sources { client, path: "authorization", secret: true };
    let credentials = from.one(&mut block, ["credentials", "credentials_file", "credentials_ref"], cx);
    let kind =
        block.text("type", &mut cx.report).map(|kind| Written { value: kind.value.trim(), span: kind.span });
    if let Some(kind) = kind.as_ref().filter(|kind| kind.value.eq_ignore_ascii_case("basic")) {
        let message = "`authorization` cannot have the type `Basic`";
        cx.report.add_help(Code::UnknownValue, kind.span, message, "use `basic_auth`");
    }
    block.finish(&mut cx.report);
    let kind = kind.map(|kind| kind.value).filter(|kind| !kind.is_empty()).unwrap_or("Bearer");
    Some(Authorization { kind: kind.into(), credentials })
}

/// The deprecated `bearer_token` and `bearer_token_file`.
fn bearer(section: &mut Section<'_>, client: Client, cx: &mut Context<'_>) -> Option<Authorization> {
    let inline = section.secret("bearer_token", &mut cx.report);
    let file = section.nonempty("bearer_token_file", &mut cx.report);
    let (name, source) = match (inline, file) {
        (Some(secret), _) => ("bearer_token", inline_source("bearer_token", secret, client, cx)),
        (None, Some(file)) => ("bearer_token_file", file_source("bearer_token_file", &file, client, cx)),
        (None, None) => return None,
    };
    let help = "use `authorization` with `credentials_file`";
    cx.report.add_help(Code::Deprecated, section.span_of(name), format!("`{name}` is deprecated"), help);
    Some(Authorization { kind: "Bearer".into(), credentials: Some(source) })
}

/// Reads one value that may stand in the file or in another one.
struct Sources {
    client: Client,
    /// The block's name, for messages.
    path: &'static str,
    /// Whether the inline value is a secret.
    secret: bool,
}

impl Sources {
    /// At most one of the fields: inline, file, reference.
    fn one(&self, block: &mut Section<'_>, names: [&'static str; 3], cx: &mut Context<'_>) -> Option<Source> {
        let [inline_name, file_name, ref_name] = names;
        let inline = self.inline(block, inline_name, cx);
        let file = block.nonempty(file_name, &mut cx.report);
        left_out::field(block, ref_name, "there is no secret manager: name a file", cx);
        let written: Vec<&str> = names.into_iter().filter(|name| block.is_filled(name)).collect();
        if let [first, .., last] = written.as_slice() {
            let message = format!("`{first}` and `{last}` of `{}` exclude each other", self.path);
            cx.report.add(Code::Conflict, block.span_of(last), message);
        }
        let field = |name: &str| format!("{}.{name}", self.path);
        match (inline, file) {
            (Some(inline), _) if self.secret => {
                Some(inline_source(&field(inline_name), inline, self.client, cx))
            }
            (Some(inline), _) => Some(Source::Inline(inline.value)),
            (None, Some(file)) => Some(file_source(&field(file_name), &file, self.client, cx)),
            (None, None) => None,
        }
    }

    fn inline(
        &self,
        block: &mut Section<'_>,
        name: &'static str,
        cx: &mut Context<'_>,
    ) -> Option<Written<Secret>> {
        if self.secret {
            return block.secret(name, &mut cx.report);
        }
        let text = block.nonempty(name, &mut cx.report)?;
        Some(Written { value: Secret::new(text.value), span: text.span })
    }
}

fn inline_source(field: &str, secret: Written<Secret>, client: Client, cx: &mut Context<'_>) -> Source {
    if client == Client::Scrape {
        let position = cx.position(secret.span);
        cx.secrets.push(InlineSecret { field: field.to_owned(), position });
    }
    Source::Inline(secret.value)
}

fn file_source(field: &str, file: &Written<&str>, client: Client, cx: &mut Context<'_>) -> Source {
    let path = cx.path(file.value);
    let text = path.to_string_lossy().into_owned().into_boxed_str();
    cx.files.push(NamedFile {
        field: field.to_owned(),
        path,
        span: file.span,
        on_relay: client == Client::Scrape,
    });
    Source::File(text)
}

fn tls(section: &mut Section<'_>, client: Client, cx: &mut Context<'_>) -> TlsConfig {
    let Some(mut block) = section.section("tls_config", &mut cx.report) else { return TlsConfig::default() };
    let mut from = Sources { client, path: "tls_config", secret: false };
    let ca = from.one(&mut block, ["ca", "ca_file", "ca_ref"], cx);
    let cert = from.one(&mut block, ["cert", "cert_file", "cert_ref"], cx);
    from.secret = true;
    let key = from.one(&mut block, ["key", "key_file", "key_ref"], cx);
    if cert.is_some() != key.is_some() {
        let (there, absent) =
            if cert.is_some() { ("certificate", "`key_file`") } else { ("key", "`cert_file`") };
        let message = format!("`tls_config` has a client {there} but no {absent}");
        cx.report.add_help(Code::Conflict, block.span, message, format!("add {absent}"));
    }
    let server_name = block.nonempty("server_name", &mut cx.report).map(|name| name.value.into());
    let insecure_skip_verify = block.flag("insecure_skip_verify", false, &mut cx.report);
    let (min_version, max_version) = versions(&mut block, cx);
    block.finish(&mut cx.report);
    TlsConfig { ca, cert, key, server_name, insecure_skip_verify, min_version, max_version }
}

fn versions(block: &mut Section<'_>, cx: &mut Context<'_>) -> (Option<TlsVersion>, Option<TlsVersion>) {
    let min = version(block, "min_version", cx);
    let max = version(block, "max_version", cx);
    if let (Some(min), Some(max)) = (min, max)
        && max < min
    {
        let message =
            format!("`max_version` ({}) is older than `min_version` ({})", max.as_str(), min.as_str());
        cx.report.add(Code::Conflict, block.span_of("max_version"), message);
    }
    if let Some(max) = max.filter(|max| *max < TlsVersion::Tls12) {
        let message = format!(
            "`max_version: {}` is not supported yet: TLS 1.2 is the oldest that is spoken",
            max.as_str()
        );
        cx.report.add(Code::NotSupportedYet, block.span_of("max_version"), message);
    }
    (min, max)
}

fn version(block: &mut Section<'_>, name: &'static str, cx: &mut Context<'_>) -> Option<TlsVersion> {
    let is_null = block.node(name)?.is_null();
    let written = block.text(name, &mut cx.report).filter(|_| !is_null)?;
    let version = TlsVersion::parse(written.value);
    if version.is_none() {
        let message = format!("`{name}` takes TLS10, TLS11, TLS12 or TLS13, not {:?}", written.value);
        cx.report.add(Code::UnknownValue, written.span, message);
    }
    version
}

fn headers(section: &mut Section<'_>, client: Client, cx: &mut Context<'_>) -> Vec<HttpHeader> {
    let mut headers = Vec::new();
    for field in section.entries("http_headers", &mut cx.report) {
        match HeaderName::try_from(field.name.as_str()) {
            Ok(name) if RESERVED_HEADERS.contains(&name.as_str()) => {
                let message = format!("setting header `{}` is not allowed", field.name);
                cx.report.add(Code::UnknownValue, field.span, message);
            }
            Ok(_) => {}
            Err(_) => {
                cx.report.add(Code::BadText, field.span, format!("{:?} is not a header's name", field.name))
            }
        }
        let Some(mut block) = Section::of(&field.value, &field.name, &mut cx.report) else { continue };
        let values = header_values(&mut block, &format!("http_headers.{}", field.name), client, cx);
        block.finish(&mut cx.report);
        headers.push(HttpHeader { name: field.name.as_str().into(), values });
    }
    headers
}

fn header_values(block: &mut Section<'_>, path: &str, client: Client, cx: &mut Context<'_>) -> Vec<Source> {
    let mut sources = Vec::new();
    for value in block.texts("values", &mut cx.report) {
        check_header_value(&value, cx);
        sources.push(Source::Inline(Secret::new(value.value)));
    }
    if let Some(node) = block.node("secrets") {
        cx.report.hide(node.span);
    }
    for value in block.texts("secrets", &mut cx.report) {
        cx.report.hide(value.span);
        check_header_value(&value, cx);
        let secret = Written { value: Secret::new(value.value), span: value.span };
        sources.push(inline_source(&format!("{path}.secrets"), secret, client, cx));
    }
    for file in block.texts("files", &mut cx.report) {
        sources.push(file_source(&format!("{path}.files"), &file, client, cx));
    }
    sources
}

fn check_header_value(value: &Written<&str>, cx: &mut Context<'_>) {
    if HeaderValue::try_from(value.value).is_err() {
        cx.report.add(
            Code::BadText,
            value.span,
            "a header's value cannot have line breaks or other control characters",
        );
    }
}
