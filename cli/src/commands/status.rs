//! `scrape-relay status`

use std::collections::HashMap;
use std::fmt::{Display, Write as _};

use proto::admin::v1::{GetStatusRequest, GetStatusResponse};

use crate::args::{Output, StatusArgs};
use crate::ask::Server;
use crate::exit::{Failure, one_line};
use crate::{json, table};

/// Runs it; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, that there is none, or that something needs somebody: that has been printed by then.
pub async fn run(args: StatusArgs) -> Result<String, Failure> {
    let server = Server::connect(&args.ask).await?;
    let answer = server.status().get_status(server.request(GetStatusRequest {})).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    let printed = match args.ask.output {
        Output::Json => json::of("scraperelay.admin.v1.GetStatusResponse", &answer)?,
        Output::Table => summary(&answer),
    };
    match answer.problems.len() {
        0 => Ok(printed),
        problems => {
            crate::print(&printed);
            let things = if problems == 1 { "thing needs" } else { "things need" };
            Err(Failure::failed(format!("{problems} {things} somebody")))
        }
    }
}

/// What is wrong, then what there is.
#[must_use]
pub fn summary(answer: &GetStatusResponse) -> String {
    let mut out = String::new();
    for problem in &answer.problems {
        let since = table::ago(problem.since.as_ref());
        let since = if since.is_empty() { since } else { format!(" (for {since})") };
        line(&mut out, "problem", &format!("{}: {}{since}", problem.code, problem.message));
        line(&mut out, "", &format!("-> {}", problem.hint));
    }
    let GetStatusResponse { coordinator_state, epoch, coordinator_boot_id, .. } = answer;
    let since = table::ago(answer.coordinator_state_since.as_ref());
    let since = if since.is_empty() { since } else { format!(" for {since}") };
    line(
        &mut out,
        "coordinator",
        &format!("{coordinator_state}{since}, epoch {epoch}, boot id {coordinator_boot_id}"),
    );
    line(&mut out, "relays", &counts(&answer.relay_counts));
    let targets = counts(&answer.target_counts);
    line(&mut out, "targets", &format!("{targets} · {} without a relay", answer.unassigned_targets));
    line(&mut out, "moves", &format!("under way: {}", counts(&answer.moves_under_way)));
    line(&mut out, "", &format!("in the last 5 minutes: {}", counts(&answer.recent_moves)));
    line(&mut out, "placement", &format!("the fullest relay has {:.2} of the mean", answer.peak_load_ratio));
    let failing = answer.failing_discoveries;
    line(&mut out, "discoveries", &format!("{}, {failing} failing", answer.discoveries));
    out.trim_end().to_owned()
}

/// By word, most first.
fn counts<T: Copy + Ord + Display>(counts: &HashMap<String, T>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by(|(word, count), (other, more)| more.cmp(count).then(word.cmp(other)));
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(" · ") }
}

fn line(out: &mut String, title: &str, text: &str) {
    writeln!(out, "{title:<12} {}", one_line(text)).expect("a String takes any text");
}
