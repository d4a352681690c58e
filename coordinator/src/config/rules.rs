//! `relabel_configs` and `metric_relabel_configs`.

use model::names::ValidationScheme;
use model::relabel::{Action, Rule, RuleError, RuleSpec};

use super::code::Code;
use super::context::Context;
use super::fields::{Section, list, nearest, text};
use super::lint;
use super::position::Position;
use super::tree::{Node, Value};

/// The rules of a list and where each of them starts. A rule that is refused is reported and left out.
pub(super) fn rules(
    node: &Node,
    name: &'static str,
    scheme: ValidationScheme,
    cx: &mut Context<'_>,
) -> (Vec<Rule>, Vec<Position>) {
    let mut rules = (Vec::new(), Vec::new());
    for element in list(node, name, &mut cx.report) {
        if element.is_null() {
            let message = format!("empty or null rule in `{name}`");
            cx.report.add(Code::EmptyElement, element.span, message);
        } else if let Some(rule) = rule(element, name, scheme, cx) {
            rules.0.push(rule);
            rules.1.push(cx.position(element.span));
        }
    }
    rules
}

fn rule(node: &Node, name: &str, scheme: ValidationScheme, cx: &mut Context<'_>) -> Option<Rule> {
    let errors_before = cx.report.errors();
    let mut section = Section::of(node, "relabelling rule", &mut cx.report)?;
    let spec = spec(&mut section, cx);
    let span = |field: &str| match section.has(field) {
        true => section.value_span(field),
        false => section.span,
    };
    let (rule, wrong_fields) = (Rule::new(&spec, scheme), cx.report.errors() > errors_before);
    match rule {
        Ok(rule) => {
            if name == "metric_relabel_configs" {
                lint::integer_bound(rule.spec(), span("regex"), cx);
            }
            section.finish(&mut cx.report);
            Some(rule)
        }
        Err(error) => {
            // A field that could not be read was reported; a complaint that it is absent would be wrong.
            if !wrong_fields {
                let message = error.to_string();
                match help(&error) {
                    Some(help) => cx.report.add_help(Code::BadRule, span(error.field()), message, help),
                    None => cx.report.add(Code::BadRule, span(error.field()), message),
                }
            }
            section.finish(&mut cx.report);
            None
        }
    }
}

fn spec(section: &mut Section<'_>, cx: &mut Context<'_>) -> RuleSpec {
    let source_labels = section.node("source_labels").filter(|node| !node.is_null()).map(|node| {
        let names = list(node, "source_labels", &mut cx.report);
        names.iter().filter_map(|name| text(name, "source_labels", &mut cx.report).map(Box::from)).collect()
    });
    let mut field = |name| section.text(name, &mut cx.report).map(|text| Box::from(text.value));
    let separator = field("separator");
    let regex = field("regex");
    let target_label = field("target_label");
    let replacement = field("replacement");
    let action = field("action");
    let modulus = section.number("modulus", &mut cx.report).map(|number| number.value);
    RuleSpec { source_labels, separator, regex, modulus, target_label, replacement, action }
}

fn help(error: &RuleError) -> Option<String> {
    match error {
        RuleError::UnknownAction(name) => {
            let names = Action::ALL.map(Action::as_str);
            Some(match nearest(&name.to_lowercase(), &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the actions are {}", names.join(", ")),
            })
        }
        RuleError::NoTargetLabel(_) => Some("add `target_label`".to_owned()),
        RuleError::NoModulus => Some("add `modulus`, the number of buckets".to_owned()),
        _ => None,
    }
}

/// Whether `node` is a list with at least one element.
pub(super) fn is_filled_list(node: Option<&Node>) -> bool {
    matches!(node.map(|node| &node.value), Some(Value::List(elements)) if !elements.is_empty())
}
