//! `scrape-relay relays drain|undrain`
//!
//! Standard error says how far it is: on a terminal one line that changes, else a line for each change.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use proto::admin::v1::{
    DrainRelayRequest, GetRelayRequest, ListRelaysRequest, ListRelaysResponse, Relay, UndrainRelayRequest,
};
use tonic::{Code, Status};

use super::relays;
use crate::args::{AskArgs, DrainArgs, Output};
use crate::ask::Server;
use crate::exit::{Failure, one_line};
use crate::table;

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(500);

/// Drains relays; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, that there is none, or that it took too long.
pub async fn drain(args: DrainArgs) -> Result<String, Failure> {
    tokio::select! {
        drained = until_drained(&args) => drained,
        _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
    }
}

async fn until_drained(args: &DrainArgs) -> Result<String, Failure> {
    let DrainArgs { names, no_wait, timeout, server, output } = args.clone();
    let deadline = Instant::now() + timeout;
    let server = Server::connect(&AskArgs { server, output, timeout: ANSWER }).await?;
    // None is drained where one is not there.
    for name in &names {
        let request = || server.request(GetRelayRequest { name: name.clone() });
        patiently(deadline, async || server.relays().get_relay(request()).await)
            .await
            .map_err(|status| server.failure(&status))?;
    }
    for name in &names {
        let request = || server.request(DrainRelayRequest { name: name.clone() });
        patiently(deadline, async || server.relays().drain_relay(request()).await)
            .await
            .map_err(|status| server.failure(&status))?;
    }
    let relays = if no_wait {
        relays::ask_all(&server).await?
    } else {
        wait(&server, &names, deadline, timeout).await?
    };
    print(relays, &names, output)
}

/// Takes that back; gives what goes to standard output.
///
/// # Errors
/// What the coordinator refused, or that there is none.
pub async fn undrain(names: &[String], ask: &AskArgs) -> Result<String, Failure> {
    let server = Server::connect(ask).await?;
    for name in names {
        let request = server.request(UndrainRelayRequest { name: name.clone() });
        server.relays().undrain_relay(request).await.map_err(|status| server.failure(&status))?;
    }
    print(relays::ask_all(&server).await?, names, ask.output)
}

fn print(mut answer: ListRelaysResponse, names: &[String], output: Output) -> Result<String, Failure> {
    answer.relays.retain(|relay| names.contains(&relay.name));
    relays::show(&answer, output)
}

/// Asks again while the answer is that it cannot be given yet, as by a coordinator that settles.
async fn patiently<T>(deadline: Instant, ask: impl AsyncFn() -> Result<T, Status>) -> Result<T, Status> {
    loop {
        match ask().await {
            Err(status) if status.code() == Code::Unavailable && Instant::now() < deadline => {
                tokio::time::sleep(LOOK).await;
            }
            answer => return answer,
        }
    }
}

async fn wait(
    server: &Server,
    names: &[String],
    deadline: Instant,
    timeout: Duration,
) -> Result<ListRelaysResponse, Failure> {
    let mut progress = Progress::default();
    loop {
        // A coordinator that is away for a moment comes back with what relays tell it: they know that they are drained.
        let answer = patiently(deadline, async || {
            server.relays().list_relays(server.request(ListRelaysRequest {})).await
        });
        let answer = answer.await.map_err(|status| server.failure(&status))?.into_inner();
        let left = left(&answer.relays, names)?;
        progress.tell(&left);
        if left.is_empty() {
            progress.end();
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            progress.end();
            let told: Vec<String> = left.iter().map(ToString::to_string).collect();
            let waited = table::span(timeout);
            let message = format!("after {waited} not done: {}; it goes on", told.join("; "));
            return Err(Failure::unreachable(message));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What one relay has still to lose.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Left {
    name: String,
    targets: i32,
    hindrance: String,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, targets, hindrance } = self;
        write!(f, "{name} has {targets} targets to lose")?;
        if hindrance.is_empty() { Ok(()) } else { write!(f, " ({hindrance})") }
    }
}

/// The relays of `names` that are not done. One that is not known any more has nothing.
///
/// # Errors
/// Where one of them is not drained any more.
fn left(relays: &[Relay], names: &[String]) -> Result<Vec<Left>, Failure> {
    let mut left = Vec::new();
    for relay in relays.iter().filter(|relay| names.contains(&relay.name)) {
        let Relay { name, to_lose, hindrance, .. } = relay;
        if !relay.drained {
            return Err(Failure::failed(format!(
                "{name} is not drained any more: somebody has taken it back"
            )));
        }
        if *to_lose > 0 {
            left.push(Left { name: name.clone(), targets: *to_lose, hindrance: hindrance.clone() });
        }
    }
    Ok(left)
}

/// What standard error was told last.
#[derive(Default)]
struct Progress {
    told: Vec<Left>,
    open: bool,
}

impl Progress {
    fn tell(&mut self, left: &[Left]) {
        let mut err = std::io::stderr();
        let news: Vec<String> =
            left.iter().filter(|it| !self.told.contains(it)).map(|it| one_line(&it.to_string())).collect();
        if !news.is_empty() {
            // A standard error that is closed is nobody who waits for this.
            if err.is_terminal() {
                let line: Vec<String> = left.iter().map(|it| one_line(&it.to_string())).collect();
                write!(err, "\r\u{1b}[K{}", line.join("; ")).and_then(|()| err.flush()).ok();
                self.open = true;
            } else {
                writeln!(err, "{}", news.join("\n")).ok();
            }
        }
        self.told = left.to_vec();
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            writeln!(std::io::stderr()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(name: &str, to_lose: i32) -> Relay {
        Relay { name: name.to_owned(), drained: true, to_lose, ..Relay::default() }
    }

    #[test]
    fn a_relay_is_done_when_it_exposes_nothing() {
        let names = ["a".to_owned(), "b".to_owned(), "gone".to_owned()];
        let told = left(&[relay("a", 0), relay("b", 2), relay("c", 9)], &names);
        let told: Vec<String> = told.expect("all are drained").iter().map(ToString::to_string).collect();
        assert_eq!(told, ["b has 2 targets to lose"]);
        let hindered = Relay { hindrance: "there is no other relay".to_owned(), ..relay("a", 3) };
        let told = left(&[hindered], &names).expect("it is drained");
        assert_eq!(told[0].to_string(), "a has 3 targets to lose (there is no other relay)");
        let undrained = Relay { drained: false, ..relay("a", 3) };
        assert_eq!(left(&[undrained], &names).expect_err("it was taken back").number(), 1);
    }
}
