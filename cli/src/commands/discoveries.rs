//! `scrape-relay discoveries list`

use proto::admin::v1::{Discovery, ListDiscoveriesRequest, ListDiscoveriesResponse, Watch};

use crate::args::{DiscoveriesCommand, Output};
use crate::ask::Server;
use crate::exit::Failure;
use crate::{json, table};

/// Runs it; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, or that there is none.
pub async fn run(command: DiscoveriesCommand) -> Result<String, Failure> {
    let DiscoveriesCommand::List { ask } = command;
    let server = Server::connect(&ask).await?;
    let answer = server.discoveries().list_discoveries(server.request(ListDiscoveriesRequest {})).await;
    let answer = answer.map_err(|status| server.failure(&status))?.into_inner();
    match ask.output {
        Output::Json => json::of("scraperelay.admin.v1.ListDiscoveriesResponse", &answer),
        Output::Table => Ok(list_table(&answer)),
    }
}

/// One row per discovery, then one per watch of a cluster where there is any.
fn list_table(answer: &ListDiscoveriesResponse) -> String {
    let discoveries = discoveries(&answer.discoveries);
    if answer.watches.is_empty() {
        discoveries
    } else {
        format!("{discoveries}\n\n{}", watches(&answer.watches))
    }
}

fn discoveries(discoveries: &[Discovery]) -> String {
    let mut out = table::new(&["JOB", "MECHANISM", "LAST GOOD READ", "FAILURES SINCE", "HELD", "ERROR"]);
    for discovery in discoveries {
        let cells = [
            &*discovery.job,
            &discovery.mechanism,
            &table::ago(discovery.last_success_time.as_ref()),
            &discovery.consecutive_failures.to_string(),
            if discovery.holding { "yes" } else { "" },
            &discovery.last_error,
        ];
        table::row(&mut out, &cells);
    }
    format!("{out}\n{} discoveries", discoveries.len())
}

fn watches(watches: &[Watch]) -> String {
    let mut out = table::new(&[
        "CLUSTER",
        "KIND",
        "NAMESPACE",
        "SELECTOR",
        "STATE",
        "SINCE",
        "OBJECTS",
        "LISTED",
        "HEARD",
        "ERROR",
    ]);
    for watch in watches {
        let error = watch.error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
        let cells = [
            &*watch.cluster,
            &watch.kind,
            if watch.namespace.is_empty() { "(all)" } else { &watch.namespace },
            &watch.selector,
            &watch.state,
            &table::ago(watch.since.as_ref()),
            &watch.objects.to_string(),
            &table::ago(watch.last_list.as_ref()),
            &table::ago(watch.last_heard.as_ref()),
            error.as_deref().unwrap_or_default(),
        ];
        table::row(&mut out, &cells);
    }
    format!("{out}\n{} watches", watches.len())
}

#[cfg(test)]
mod tests {
    use proto::admin::v1::Error;

    use super::*;

    #[test]
    fn what_fails_says_why() {
        let error = Error { code: "forbidden".to_owned(), message: "403: no\u{1b}[31m".to_owned() };
        let watch = Watch {
            cluster: "in-cluster".to_owned(),
            kind: "pod".to_owned(),
            state: "failing".to_owned(),
            objects: 7,
            error: Some(error),
            ..Watch::default()
        };
        let discovery = Discovery {
            job: "pods".to_owned(),
            mechanism: "kubernetes".to_owned(),
            consecutive_failures: 3,
            ..Discovery::default()
        };
        let told =
            list_table(&ListDiscoveriesResponse { discoveries: vec![discovery], watches: vec![watch] });
        let discovery = ["pods", "kubernetes", "3", "1 discoveries"];
        let watch = ["in-cluster", "(all)", "failing", "7", "forbidden: 403: no", "1 watches"];
        for part in discovery.into_iter().chain(watch) {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains('\u{1b}'), "{told}");
    }
}
