//! The `Accept` header of a request to a target.

use std::fmt::Write;

use crate::job::ScrapeProtocol;
use crate::names::EscapingScheme;

/// How many protocols Prometheus knows: weights start one above it, in tenths, whatever is asked for.
const KNOWN_PROTOCOLS: usize = 5;

/// The header that Prometheus 3 sends for `protocols`, the most wanted first: weights fall by a tenth, and anything
/// at all is accepted with the last one. Only the formats that can quote names carry the escaping.
///
/// At most the five known protocols are named: a configuration cannot list one twice.
#[must_use]
pub fn accept_header(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    let mut header = String::new();
    let asked = protocols.get(..KNOWN_PROTOCOLS).unwrap_or(protocols);
    for (position, protocol) in asked.iter().enumerate() {
        header.push_str(media_range(*protocol));
        if matches!(protocol, ScrapeProtocol::OpenMetricsText1_0_0 | ScrapeProtocol::PrometheusText1_0_0) {
            header.push_str(";escaping=");
            header.push_str(escaping.as_str());
        }
        push_weight(&mut header, position);
        header.push(',');
    }
    header.push_str("*/*");
    push_weight(&mut header, asked.len());
    header
}

fn push_weight(header: &mut String, position: usize) {
    let tenths = KNOWN_PROTOCOLS + 1 - position;
    write!(header, ";q=0.{tenths}").expect("writing to a string cannot fail");
}

fn media_range(protocol: ScrapeProtocol) -> &'static str {
    match protocol {
        ScrapeProtocol::PrometheusProto => {
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        }
        ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
        ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
        ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
        ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4",
    }
}

#[cfg(test)]
mod tests {
    use super::accept_header;
    use crate::job::ScrapeProtocol;
    use crate::names::EscapingScheme;

    #[test]
    fn the_default_header_is_that_of_prometheus_3() {
        assert_eq!(
            accept_header(&ScrapeProtocol::DEFAULT, EscapingScheme::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
    }

    #[test]
    fn weights_start_at_six_tenths_however_few_protocols_are_named() {
        assert_eq!(accept_header(&[], EscapingScheme::Dots), "*/*;q=0.6");
        assert_eq!(
            accept_header(&[ScrapeProtocol::PrometheusText0_0_4], EscapingScheme::Dots),
            "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"
        );
        assert!(
            accept_header(&[ScrapeProtocol::PrometheusProto; 9], EscapingScheme::Dots).ends_with("*/*;q=0.1")
        );
    }
}
