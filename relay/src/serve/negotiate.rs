//! Which format, escaping and coding a scraper gets, by its `Accept` and `Accept-Encoding` headers.
//!
//! In: the headers' values. Out: a choice; there always is one. The format follows the negotiation of
//! prometheus/common (`expfmt.NegotiateAccept`, August 2026), as every Go exporter does it, so that a scraper gets
//! from a relay what it would get from its target.

use std::cmp::Ordering;

use model::exposition::entry::Format;
use model::names::EscapingScheme;

/// The formats a page can have. Text comes first: it is what `*/*` and an absent header get.
const OFFERED: [(&str, Format); 2] = [
    ("text/plain; version=0.0.4; charset=utf-8", Format::Text),
    ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
];

/// What prometheus/common serves where it offers nothing.
const TEXT: &str = OFFERED[0].0;

/// More ranges than this are not looked at; Prometheus sends six at most.
const MAX_RANGES: usize = 64;

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageFormat {
    /// The format.
    pub format: Format,
    /// What becomes of names that are no legacy names.
    pub escaping: EscapingScheme,
}

impl PageFormat {
    /// The page's `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> String {
        let offer = OFFERED.iter().find(|(_, format)| *format == self.format);
        content_type(offer.map_or(TEXT, |(offer, _)| offer), self.escaping)
    }
}

/// The page that `accept` asks for: text 0.0.4 unless OpenMetrics 1.0 is wanted more, with underscores unless an
/// escaping is named.
#[must_use]
pub fn page_format(accept: &str) -> PageFormat {
    let offers = OFFERED.map(|(offer, _)| offer);
    let (offer, escaping) = choose(accept, &offers, EscapingScheme::Underscores);
    let format =
        OFFERED.iter().find(|(known, _)| *known == offer).map_or(Format::Text, |(_, format)| *format);
    PageFormat { format, escaping }
}

/// A content type with its escaping, as prometheus/common writes it.
#[must_use]
pub fn content_type(offer: &str, escaping: EscapingScheme) -> String {
    format!("{offer}; escaping={}", escaping.as_str())
}

/// Which of `offers` (content types, most preferred first) `accept` asks for, and with which escaping. Where no range
/// matches, the first text format, else the first offer, else text 0.0.4.
#[must_use]
pub fn choose<'o>(
    accept: &str,
    offers: &[&'o str],
    default_escaping: EscapingScheme,
) -> (&'o str, EscapingScheme) {
    let mut escaping = default_escaping;
    let offered: Vec<(&'o str, Range<'o>)> =
        offers.iter().filter_map(|offer| Some((*offer, Range::parse(offer)?))).collect();
    for range in ranges(accept) {
        if let Some(asked) = range.parameter("escaping").and_then(EscapingScheme::parse) {
            escaping = asked;
        }
        if let Some((offer, _)) = offered.iter().find(|(_, offer)| range.matches(offer)) {
            return (offer, escaping);
        }
    }
    let text = offered.iter().find(|(_, offer)| offer.is_text()).map(|(offer, _)| *offer);
    (text.or(offers.first().copied()).unwrap_or(TEXT), escaping)
}

/// One media range of an `Accept` header, or one content type.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    weight: f32,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = trim(text).split(';');
        let name = parts.next()?;
        let (kind, subtype) = match name.split_once('/').unwrap_or((name, "")) {
            (kind, "") if trim(kind) == "*" => ("*", "*"),
            (_, "") => return None,
            (kind, subtype) => (trim(kind), trim(subtype.strip_suffix('/').unwrap_or(subtype))),
        };
        if subtype.contains('/') {
            return None;
        }
        let mut range = Self { kind, subtype, weight: 1.0, parameters: Vec::new() };
        for part in parts {
            let Some((name, value)) = part.split_once('=').filter(|(_, value)| !value.is_empty()) else {
                continue;
            };
            let value = value.strip_suffix('=').unwrap_or(value);
            match trim(name) {
                _ if value.contains('=') => {}
                "q" => range.weight = value.parse().unwrap_or(0.0),
                name => range.parameters.push((name, trim(value))),
            }
        }
        Some(range)
    }

    /// The last parameter of that name.
    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn matches(&self, offer: &Range<'_>) -> bool {
        if self.kind == "*" && self.subtype == "*" {
            return true;
        }
        let fits = |asked: &str, offered: &str| asked == "*" || asked == offered;
        fits(self.kind, offer.kind)
            && fits(self.subtype, offer.subtype)
            && offer.parameters.iter().all(|(name, value)| match *name {
                "charset" => true,
                "version" => self.version() == *value,
                name => self.parameter(name).unwrap_or_default() == *value,
            })
    }

    /// The version asked for; each format has a default.
    fn version(&self) -> &'a str {
        match (self.parameter("version").unwrap_or_default(), self.kind, self.subtype) {
            ("", "application", "openmetrics-text") => "0.0.1",
            ("", "text", "plain") => "0.0.4",
            (version, ..) => version,
        }
    }

    fn is_text(&self) -> bool {
        self.kind == "text"
            && self.subtype == "plain"
            && self.parameter("version").is_none_or(|version| version == "0.0.4")
    }

    /// Whether prometheus/common takes this range before `other`: more weight, or less of a wildcard. Two ranges can
    /// each come before the other, so that their order in the header counts.
    fn precedes(&self, other: &Self) -> bool {
        self.weight.partial_cmp(&other.weight) == Some(Ordering::Greater)
            || self.kind != "*" && other.kind == "*"
            || self.subtype != "*" && other.subtype == "*"
    }
}

/// The media ranges of a header in the order in which they are tried: an insertion sort by [`Range::precedes`].
fn ranges(accept: &str) -> Vec<Range<'_>> {
    let mut sorted: Vec<Range<'_>> = Vec::new();
    for range in accept.split(',').filter_map(Range::parse).take(MAX_RANGES) {
        let behind = sorted.iter().rev().take_while(|earlier| range.precedes(earlier)).count();
        sorted.insert(sorted.len() - behind, range);
    }
    sorted
}

fn trim(text: &str) -> &str {
    text.trim_matches(' ')
}

/// The coding of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// `Content-Encoding: gzip`
    Gzip,
}

/// The coding that `accept_encoding` asks for (RFC 9110, section 12.5.3): gzip where it is accepted and wanted no
/// less than identity, else identity. A page is sent even to a scraper that refuses both.
#[must_use]
pub fn coding(accept_encoding: &str) -> Coding {
    let weight = |names: &[&str]| {
        accept_encoding.split(',').filter_map(coding_weight).find_map(|(name, weight)| {
            names.iter().any(|known| known.eq_ignore_ascii_case(name)).then_some(weight)
        })
    };
    let gzip = weight(&["gzip", "x-gzip"]).or_else(|| weight(&["*"])).unwrap_or(0.0);
    let identity = weight(&["identity"]).unwrap_or(0.0);
    if gzip > 0.0 && gzip >= identity { Coding::Gzip } else { Coding::Identity }
}

/// A coding's name and weight; `None` where the weight is no weight.
fn coding_weight(text: &str) -> Option<(&str, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next()?;
    let Some(parameter) = parts.next() else { return Some((name, 1.0)) };
    let (key, value) = parameter.split_once('=')?;
    let weight: f32 = value.trim().parse().ok()?;
    (key.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&weight)).then_some((name, weight))
}

#[cfg(test)]
mod tests {
    use model::exposition::entry::Format;
    use model::names::EscapingScheme;

    use super::{Coding, MAX_RANGES, coding, page_format};

    #[test]
    fn the_format_follows_the_accept_header_alone() {
        const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let underscores = EscapingScheme::Underscores;
        let table = [
            ("", Format::Text, underscores),
            ("*/*", Format::Text, underscores),
            ("text/html", Format::Text, underscores),
            (PROMETHEUS_3, Format::OpenMetrics, EscapingScheme::AllowUtf8),
            (PROMETHEUS_2_42, Format::OpenMetrics, underscores),
            ("application/openmetrics-text;version=1.0.0", Format::OpenMetrics, underscores),
            ("application/openmetrics-text;version=0.0.1", Format::Text, underscores),
            ("application/openmetrics-text", Format::Text, underscores),
            ("text/plain;version=0.0.4;escaping=values", Format::Text, EscapingScheme::Values),
            ("text/plain;escaping=nonsense", Format::Text, underscores),
            ("application/openmetrics-text;version=1.0.0;q=0.1,text/plain;q=0.2", Format::Text, underscores),
            (
                "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.2",
                Format::OpenMetrics,
                underscores,
            ),
            // The escaping of a range that is tried without success still holds.
            ("text/plain;version=1.0.0;escaping=dots", Format::Text, EscapingScheme::Dots),
            (" ; , /, a/b/c, q=, */*/;q==", Format::Text, underscores),
            ("/ ;escaping=dots", Format::Text, EscapingScheme::Dots),
            ("/;escaping=dots", Format::Text, underscores),
            ("*;escaping=dots", Format::Text, EscapingScheme::Dots),
        ];
        for (accept, format, escaping) in table {
            let page = page_format(accept);
            assert_eq!((page.format, page.escaping), (format, escaping), "{accept:?}");
        }
    }

    #[test]
    fn the_content_type_is_precise() {
        let page = page_format("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8");
        assert_eq!(
            page.content_type(),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
        let page = page_format("");
        assert_eq!(page.content_type(), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    }

    #[test]
    fn only_the_first_ranges_are_looked_at() {
        let open_metrics = "application/openmetrics-text;version=1.0.0";
        let near = "a/b,".repeat(MAX_RANGES - 1) + open_metrics;
        assert_eq!(page_format(&near).format, Format::OpenMetrics);
        let far = "a/b,".repeat(MAX_RANGES) + open_metrics;
        assert_eq!(page_format(&far).format, Format::Text);
    }

    #[test]
    fn gzip_is_sent_where_it_is_wanted_no_less_than_identity() {
        let table = [
            ("", Coding::Identity),
            ("identity", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("GZIP ; Q=0.5", Coding::Gzip),
            ("deflate, gzip;q=1.0, *;q=0.5", Coding::Gzip),
            ("zstd,gzip", Coding::Gzip),
            ("*", Coding::Gzip),
            ("gzip;q=0", Coding::Identity),
            ("gzip;q=0.0, *", Coding::Identity),
            ("gzip;q=0.5, identity", Coding::Identity),
            ("gzip;q=0.5, identity;q=0.5", Coding::Gzip),
            ("gzip;q=2", Coding::Identity),
            ("gzip;q=x", Coding::Identity),
            ("br", Coding::Identity),
        ];
        for (header, expected) in table {
            assert_eq!(coding(header), expected, "{header:?}");
        }
    }
}
