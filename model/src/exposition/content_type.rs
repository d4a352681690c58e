//! Which format an answer is in, by its `Content-Type`.
//!
//! In: the header's value and the job's `fallback_scrape_protocol`. Out: the format, or why there is none. The rules
//! are those of Prometheus 3 (`mime.ParseMediaType` of Go, then the three known media types); parameters, the
//! version among them, decide nothing. An empty body is no concern of this file: its type does not matter.

use std::fmt;

use thiserror::Error;

use super::entry::Format;
use crate::job::ScrapeProtocol;

/// A media type that Prometheus knows how to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `text/plain`
    Text,
    /// `application/openmetrics-text`
    OpenMetrics,
    /// `application/vnd.google.protobuf`
    Protobuf,
}

impl MediaType {
    /// The type's name without parameters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::OpenMetrics => "application/openmetrics-text",
            Self::Protobuf => "application/vnd.google.protobuf",
        }
    }

    /// The type called `name`, which is in lower case and without parameters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Text, Self::OpenMetrics, Self::Protobuf].into_iter().find(|kind| kind.as_str() == name)
    }

    /// The parser that reads it; none for protobuf.
    #[must_use]
    pub fn format(self) -> Option<Format> {
        match self {
            Self::Text => Some(Format::Text),
            Self::OpenMetrics => Some(Format::OpenMetrics),
            Self::Protobuf => None,
        }
    }
}

impl From<ScrapeProtocol> for MediaType {
    fn from(protocol: ScrapeProtocol) -> Self {
        match protocol {
            ScrapeProtocol::PrometheusProto => Self::Protobuf,
            ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => Self::OpenMetrics,
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Self::Text,
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an answer's format is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ContentTypeError {
    /// There is no `Content-Type`, or an empty one.
    #[error("the target sent no Content-Type and the job has no fallback_scrape_protocol")]
    Missing,
    /// The header is no media type.
    #[error(
        "cannot read Content-Type {content_type:?} ({reason}) and the job has no fallback_scrape_protocol"
    )]
    Malformed {
        /// The header's value.
        content_type: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The header names a type that is no exposition.
    #[error("Content-Type {content_type:?} is no exposition and the job has no fallback_scrape_protocol")]
    Unsupported {
        /// The header's value.
        content_type: String,
    },
}

impl ContentTypeError {
    /// A fixed word for metric labels.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed { .. } => "malformed",
            Self::Unsupported { .. } => "unsupported",
        }
    }
}

/// The media type of an answer: what `content_type` says if it is known, else `fallback`.
///
/// # Errors
/// Where `content_type` is missing, malformed or unknown and there is no fallback.
pub fn media_type(content_type: &str, fallback: Option<MediaType>) -> Result<MediaType, ContentTypeError> {
    let error = if content_type.is_empty() {
        ContentTypeError::Missing
    } else {
        match media_type_name(content_type) {
            Ok(name) => match MediaType::from_name(&name) {
                Some(known) => return Ok(known),
                None => ContentTypeError::Unsupported { content_type: content_type.to_owned() },
            },
            Err(reason) => ContentTypeError::Malformed { content_type: content_type.to_owned(), reason },
        }
    };
    fallback.ok_or(error)
}

/// The lower-case `type/subtype` of a header, if all of it is well-formed.
fn media_type_name(header: &str) -> Result<String, &'static str> {
    let (base, parameters) =
        header.find(';').and_then(|at| header.split_at_checked(at)).unwrap_or((header, ""));
    let name = base.to_lowercase().trim().to_owned();
    let (kind, rest) = token(&name);
    if kind.is_empty() {
        return Err("there is no media type");
    }
    if !rest.is_empty() {
        let subtype = rest.strip_prefix('/').ok_or("there is no slash behind the type")?;
        let (subtype, rest) = token(subtype);
        if subtype.is_empty() {
            return Err("there is no subtype behind the slash");
        }
        if !rest.is_empty() {
            return Err("the media type has more than a type and a subtype");
        }
    }
    check_parameters(parameters)?;
    Ok(name)
}

/// Checks `; name=value` until the end; a lone semicolon at the end is fine, and so is the same parameter twice with
/// the same value.
fn check_parameters(mut rest: &str) -> Result<(), &'static str> {
    let mut seen: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.trim() == ";" {
            return Ok(());
        }
        let (name, value, behind) = parameter(rest).ok_or("a parameter is malformed")?;
        let name = name.to_lowercase();
        match seen.iter().find(|(earlier, _)| *earlier == name) {
            Some((_, earlier)) if *earlier != value => return Err("a parameter stands twice"),
            Some(_) => {}
            None => seen.push((name, value)),
        }
        rest = behind;
    }
}

/// `; name=value` and what follows it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = token(text.strip_prefix(';')?.trim_start());
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    if name.is_empty() {
        return None;
    }
    match rest.strip_prefix('"') {
        Some(quoted) => {
            let (value, rest) = quoted_value(quoted)?;
            Some((name, value, rest))
        }
        None => {
            let (value, rest) = token(rest);
            (!value.is_empty()).then(|| (name, value.to_owned(), rest))
        }
    }
}

/// The string behind an opening quote and what follows the closing one. A backslash escapes only what would need
/// it, as in Go.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\r' | '\n' => return None,
            '\\' => match chars.clone().next() {
                Some((_, next)) if is_special(next) => {
                    value.push(next);
                    chars.next();
                }
                _ => value.push(char),
            },
            _ => value.push(char),
        }
    }
    None
}

/// The token (RFC 2045) that `text` starts with, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !is_token_byte(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !is_special(char::from(byte))
}

/// The `tspecials` of RFC 2045.
fn is_special(char: char) -> bool {
    matches!(char, '(' | ')' | '<' | '>' | '@' | ',' | ';' | ':' | '\\' | '"' | '/' | '[' | ']' | '?' | '=')
}

#[cfg(test)]
mod tests {
    use super::{MediaType, media_type};
    use crate::job::ScrapeProtocol;

    #[test]
    fn parameters_decide_nothing_but_must_be_well_formed() {
        let table = [
            ("text/plain", Ok(MediaType::Text)),
            (" TEXT/Plain ;version=9", Ok(MediaType::Text)),
            ("text/plain;", Ok(MediaType::Text)),
            ("text/plain; ", Ok(MediaType::Text)),
            ("text/plain;version=\"0.0;4\"; charset=utf-8", Ok(MediaType::Text)),
            ("text/plain; a=b; A=b", Ok(MediaType::Text)),
            ("text/plain; a=\"\"", Ok(MediaType::Text)),
            ("application/openmetrics-text; version=2.0.0", Ok(MediaType::OpenMetrics)),
            ("application/vnd.google.protobuf; encoding=text", Ok(MediaType::Protobuf)),
            ("", Err("missing")),
            ("text", Err("unsupported")),
            ("text/html", Err("unsupported")),
            ("text/", Err("malformed")),
            ("/", Err("malformed")),
            (" ", Err("malformed")),
            ("text plain", Err("malformed")),
            ("text/plain/x", Err("malformed")),
            ("text/plain, text/plain", Err("malformed")),
            ("text/plain;;x", Err("malformed")),
            ("text/plain;;", Err("malformed")),
            ("text/plain; a", Err("malformed")),
            ("text/plain; a=", Err("malformed")),
            ("text/plain; =b", Err("malformed")),
            ("text/plain; a=\"b", Err("malformed")),
            ("text/plain; a=b; a=c", Err("malformed")),
            ("text/plain; a=b c", Err("malformed")),
            ("text/pläin", Err("malformed")),
        ];
        for (header, expected) in table {
            let got = media_type(header, None).map_err(|error| error.kind());
            assert_eq!(got, expected, "{header:?}");
        }
    }

    #[test]
    fn the_fallback_stands_in_for_whatever_is_no_exposition() {
        let fallback = Some(ScrapeProtocol::OpenMetricsText0_0_1.into());
        for header in ["", "text/html", "text/", "text/plain;;x"] {
            assert_eq!(media_type(header, fallback), Ok(MediaType::OpenMetrics), "{header:?}");
        }
        assert_eq!(media_type("text/plain", fallback), Ok(MediaType::Text));
    }

    #[test]
    fn errors_name_the_header_and_the_way_out() {
        let error = media_type("text/", None).expect_err("there is no subtype").to_string();
        assert!(error.contains("\"text/\"") && error.contains("fallback_scrape_protocol"), "{error}");
    }
}
