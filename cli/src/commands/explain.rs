//! `scrape-relay explain TARGET`

use std::fmt::Write as _;

use proto::admin::v1::{ExplainTargetRequest, Explanation, RelabelStep, Target};

use super::targets;
use crate::args::{ExplainArgs, Output};
use crate::ask::Server;
use crate::exit::{Failure, one_line};
use crate::{json, table};

/// Runs it; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, or that there is none.
pub async fn run(args: ExplainArgs) -> Result<String, Failure> {
    let server = Server::connect(&args.ask).await?;
    let request = ExplainTargetRequest { target: args.target };
    let answer = server.targets().explain_target(server.request(request)).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match args.ask.output {
        Output::Json => json::of("scraperelay.admin.v1.ExplainTargetResponse", &answer),
        Output::Table => Ok(answer.explanations.iter().map(story).collect::<Vec<_>>().join("\n\n")),
    }
}

fn story(explanation: &Explanation) -> String {
    let mut out = String::new();
    let Explanation { job, job_location, discovery, source, .. } = explanation;
    paragraph(&mut out, "discovered", &format!("by {discovery} ({source}), job {job} ({job_location})"));
    if !explanation.watch.is_empty() {
        paragraph(&mut out, "watched in", &explanation.watch);
    }
    paragraph(&mut out, "", &table::labels(&explanation.discovered_labels));
    for step in &explanation.steps {
        paragraph(&mut out, "relabel", &step_line(step));
    }
    if let Some(dropped) = &explanation.dropped {
        paragraph(&mut out, "dropped", &format!("{} {}", targets::why(dropped), dropped.rule_location));
    }
    if let Some(target) = &explanation.target {
        paragraph(&mut out, "identity", &format!("{} {}", target.name, table::labels(&target.labels)));
        placement(&mut out, explanation, target);
        for line in targets::describe(target).lines().skip(1) {
            paragraph(&mut out, "", line);
        }
    }
    for hint in &explanation.hints {
        paragraph(&mut out, "hint", hint);
    }
    out.trim_end().to_owned()
}

/// Which relay has it, why, and what that one may show.
fn placement(out: &mut String, explanation: &Explanation, target: &Target) {
    let since = table::ago(explanation.owner_since.as_ref());
    let reason = &explanation.owner_reason;
    let owner = match &*target.relay {
        "" => "no relay yet".to_owned(),
        relay => format!("{relay} (epoch {}, for {since}, {reason})", target.epoch),
    };
    let moving = target.transfer.as_ref().map(targets::moving).unwrap_or_default();
    let copies = targets::copies(target);
    let copies = if copies.is_empty() { String::new() } else { format!("from the cache: {copies}") };
    for (title, text) in [
        ("owner", owner),
        ("ring prefers", targets::preferred(target)),
        ("moving", moving),
        ("may show", copies),
    ] {
        if !text.is_empty() {
            paragraph(out, title, &text);
        }
    }
}

fn step_line(step: &RelabelStep) -> String {
    let RelabelStep { rule_index, rule_location, action, labels_before, labels_after, kept } = step;
    if !kept {
        return format!("rule {rule_index} {action} ({rule_location}): dropped");
    }
    let mut changes: Vec<String> = Vec::new();
    for (name, value) in labels_after {
        match labels_before.get(name) {
            None => changes.push(format!("+{name}={value:?}")),
            Some(before) if before != value => changes.push(format!("~{name}={value:?}")),
            Some(_) => {}
        }
    }
    changes.extend(
        labels_before.keys().filter(|name| !labels_after.contains_key(*name)).map(|name| format!("-{name}")),
    );
    changes.sort();
    let changes = if changes.is_empty() { "kept, nothing changed".to_owned() } else { changes.join(" ") };
    format!("rule {rule_index} {action} ({rule_location}): {changes}")
}

fn paragraph(out: &mut String, title: &str, text: &str) {
    writeln!(out, "{title:<12} {}", one_line(text)).expect("a String takes any text");
}
