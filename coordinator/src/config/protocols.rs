//! `scrape_protocols` and the names of exposition formats.

use model::job::ScrapeProtocol;

use super::code::Code;
use super::context::{Context, Origin};
use super::fields::{Section, nearest, text};
use super::position::Span;
use super::tree::Value;

/// `scrape_protocols`; `None` where it is not set.
pub(super) fn protocols(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Vec<ScrapeProtocol>> {
    const NAME: &str = "scrape_protocols";
    let node = section.node(NAME).filter(|node| !node.is_null())?;
    let (span, is_list) = (node.span, matches!(node.value, Value::List(_)));
    let mut found: Vec<ScrapeProtocol> = Vec::new();
    let elements = section.list(NAME, &mut cx.report);
    if elements.is_empty() && is_list {
        cx.report.add(
            Code::Missing,
            span,
            "`scrape_protocols` cannot be empty: leave it out for the defaults",
        );
    }
    for node in elements {
        let Some(protocol) =
            text(node, NAME, &mut cx.report).and_then(|name| protocol(name, node.span, NAME, cx))
        else {
            continue;
        };
        if found.contains(&protocol) {
            cx.report.add(
                Code::Duplicate,
                node.span,
                format!("`{}` stands twice in `{NAME}`", protocol.as_str()),
            );
        }
        found.push(protocol);
    }
    without_protobuf(&mut found, span, cx);
    (!found.is_empty()).then_some(found)
}

/// Targets are asked for text; a list that leaves nothing else cannot be followed.
fn without_protobuf(found: &mut Vec<ScrapeProtocol>, span: Span, cx: &mut Context<'_>) {
    if cx.origin != Origin::File || !found.contains(&ScrapeProtocol::PrometheusProto) {
        return;
    }
    found.retain(|protocol| *protocol != ScrapeProtocol::PrometheusProto);
    if found.is_empty() {
        let message = "`PrometheusProto` is not supported yet, and `scrape_protocols` names nothing else";
        cx.report.add_help(Code::NotSupportedYet, span, message, "add a text format, or leave the field out");
    } else {
        cx.report.add(
            Code::Ignored,
            span,
            "`PrometheusProto` is left out of `scrape_protocols`: targets are asked for text",
        );
    }
}

/// A protocol's name as Prometheus spells it.
pub(super) fn protocol(name: &str, span: Span, field: &str, cx: &mut Context<'_>) -> Option<ScrapeProtocol> {
    const NAMES: [&str; 5] = [
        "OpenMetricsText0.0.1",
        "OpenMetricsText1.0.0",
        "PrometheusProto",
        "PrometheusText0.0.4",
        "PrometheusText1.0.0",
    ];
    let found = ScrapeProtocol::parse(name);
    if found.is_none() {
        let near = NAMES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name))
            .copied()
            .or_else(|| nearest(name, &NAMES));
        let help = near.map_or_else(
            || format!("the formats are {}", NAMES.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        cx.report.add_help(Code::UnknownValue, span, format!("`{field}`: there is no format {name:?}"), help);
    }
    found
}
