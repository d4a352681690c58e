//! `scrape-relay targets watch`
//!
//! A connection that is lost is opened again, and goes on where it was.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use proto::admin::v1::{ChangeType, Target, TargetView, WatchTargetsRequest, WatchTargetsResponse};
use tonic::{Code, Status};

use super::targets;
use crate::args::{AskArgs, Output, StreamOutput, WatchArgs};
use crate::ask::Server;
use crate::exit::{Failure, one_line};
use crate::{json, table};

/// Before the first attempt to connect again; doubled with each that fails ...
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// ... up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Watches until it is interrupted.
///
/// # Errors
/// That it was interrupted, what the coordinator refused, or that there was none at the start.
pub async fn run(args: WatchArgs) -> Result<String, Failure> {
    tokio::select! {
        watched = watch(&args) => watched.map(|()| String::new()),
        _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
    }
}

/// Why a stream ended.
enum End {
    /// Nobody reads what is printed.
    Closed,
    /// There is no use in trying again.
    Failed(Failure),
    /// There may be.
    Lost(String),
}

async fn watch(args: &WatchArgs) -> Result<(), Failure> {
    let WatchArgs { filter, server, output, timeout } = args.clone();
    let server = Server::connect(&AskArgs { server, output: Output::Json, timeout }).await?;
    let request = WatchTargetsRequest { filter, resume_token: String::new(), view: TargetView::Full.into() };
    let mut reader = Reader { request, printer: Printer::new(output), has_begun: false };
    let mut pause = FIRST_PAUSE;
    loop {
        let reason = match reader.read(&server, &mut pause).await {
            End::Closed => return Ok(()),
            End::Failed(failure) => return Err(failure),
            End::Lost(reason) => reason,
        };
        tell(&format!("the stream has ended ({reason}): trying again"));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// To standard error; where that is closed nobody wants to know.
fn tell(text: &str) {
    writeln!(std::io::stderr(), "scrape-relay: {}", one_line(text)).ok();
}

struct Reader {
    request: WatchTargetsRequest,
    printer: Printer,
    has_begun: bool,
}

impl Reader {
    /// Reads one stream to its end.
    async fn read(&mut self, server: &Server, pause: &mut Duration) -> End {
        let mut messages = match server.targets().watch_targets(self.request.clone()).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return self.end(server, &status),
        };
        loop {
            let message = match messages.message().await {
                Ok(Some(message)) => message,
                Ok(None) => return End::Lost("the coordinator has ended it".to_owned()),
                Err(status) => return self.end(server, &status),
            };
            *pause = FIRST_PAUSE;
            self.has_begun = true;
            match message.r#type() {
                // Until the list is complete there is nothing to go on from.
                ChangeType::Reset => self.request.resume_token.clear(),
                _ => self.request.resume_token.clone_from(&message.resume_token),
            }
            match self.printer.print(&message) {
                Ok(true) => {}
                Ok(false) => return End::Closed,
                Err(failure) => return End::Failed(failure),
            }
        }
    }

    fn end(&self, server: &Server, status: &Status) -> End {
        let is_final = matches!(
            status.code(),
            Code::InvalidArgument | Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented
        );
        if is_final || (!self.has_begun && status.code() == Code::ResourceExhausted) {
            return End::Failed(server.failure(status));
        }
        End::Lost(status.message().to_owned())
    }
}

/// What people are told of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    job: String,
    instance: String,
    relay: String,
    state: &'static str,
    error: String,
}

/// What has been printed, and how.
struct Printer {
    output: StreamOutput,
    rows: HashMap<String, Row>,
    /// While all targets are told anew: those that were there before and have not been told yet.
    unheard: Option<HashSet<String>>,
    has_header: bool,
}

impl Printer {
    fn new(output: StreamOutput) -> Self {
        Self { output, rows: HashMap::new(), unheard: None, has_header: false }
    }

    /// Prints what a message says; false: nobody reads it.
    fn print(&mut self, message: &WatchTargetsResponse) -> Result<bool, Failure> {
        let text = match self.output {
            StreamOutput::Jsonl => json::line("scraperelay.admin.v1.WatchTargetsResponse", message)? + "\n",
            StreamOutput::Table => self.lines(message, SystemTime::now()),
        };
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::failed(format!("writing to standard output: {error}"))),
        }
    }

    /// The lines for people: what is new to them.
    fn lines(&mut self, message: &WatchTargetsResponse, now: SystemTime) -> String {
        let mut lines = String::new();
        if !std::mem::replace(&mut self.has_header, true) {
            lines += &columns("UTC", "CHANGE", "ID", "JOB", "INSTANCE", "RELAY", "STATE", "ERROR");
        }
        let time = table::clock(now);
        match (message.r#type(), &message.target) {
            (ChangeType::Reset, _) => self.unheard = Some(self.rows.keys().cloned().collect()),
            (ChangeType::Bookmark, _) => {
                for name in self.unheard.take().unwrap_or_default() {
                    lines += &self.removed(&time, &name);
                }
            }
            (ChangeType::Removed, Some(target)) => lines += &self.removed(&time, &target.name),
            (ChangeType::Added | ChangeType::Changed, Some(target)) => lines += &self.shown(&time, target),
            _ => {}
        }
        lines
    }

    fn removed(&mut self, time: &str, name: &str) -> String {
        let Some(row) = self.rows.remove(name) else { return String::new() };
        columns(time, "removed", id(name), &row.job, &row.instance, &row.relay, row.state, "")
    }

    fn shown(&mut self, time: &str, target: &Target) -> String {
        if let Some(unheard) = &mut self.unheard {
            unheard.remove(&target.name);
        }
        let row = Row {
            job: target.job.clone(),
            instance: target.labels.get("instance").cloned().unwrap_or_default(),
            relay: target.relay.clone(),
            state: targets::state(target.state()),
            error: target.last_error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
        };
        let before = self.rows.insert(target.name.clone(), row.clone());
        let (change, relay, state) = match &before {
            Some(before) if before.relay == row.relay && before.state == row.state => {
                if before.error == row.error {
                    return String::new();
                }
                ("changed", row.relay.clone(), row.state.to_owned())
            }
            Some(before) => ("changed", step(&before.relay, &row.relay), step(before.state, row.state)),
            None => ("added", row.relay.clone(), row.state.to_owned()),
        };
        columns(time, change, id(&target.name), &row.job, &row.instance, &relay, &state, &row.error)
    }
}

fn step(before: &str, now: &str) -> String {
    let dash = |word: &str| if word.is_empty() { "-".to_owned() } else { word.to_owned() };
    if before == now { dash(now) } else { format!("{} > {}", dash(before), dash(now)) }
}

/// Enough of an id for `targets get`.
fn id(name: &str) -> &str {
    let id = targets::short(name);
    id.get(..12).unwrap_or(id)
}

#[expect(clippy::too_many_arguments, reason = "a row is its cells")]
fn columns(
    time: &str,
    change: &str,
    id: &str,
    job: &str,
    instance: &str,
    relay: &str,
    state: &str,
    error: &str,
) -> String {
    let cell = |text: &str| if text.is_empty() { "-".to_owned() } else { one_line(text) };
    let line = format!(
        "{time:<8}  {change:<7}  {id:<12}  {:<12}  {:<22}  {:<20}  {:<20}  {}",
        cell(job),
        cell(instance),
        cell(relay),
        cell(state),
        cell(error),
    );
    line.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proto::admin::v1::{Error, State};

    use super::*;

    fn told(kind: ChangeType, number: u32, relay: &str, state: State) -> WatchTargetsResponse {
        let error = Error { code: "refused".to_owned(), message: "nobody\nlistens\u{1b}[31m".to_owned() };
        let target = Target {
            name: format!("targets/{number:x}{:031x}", 0xa),
            job: "pods".to_owned(),
            labels: [("instance".to_owned(), format!("10.0.0.{number}:80"))].into(),
            relay: relay.to_owned(),
            state: state.into(),
            last_error: (state == State::Down).then_some(error),
            ..Target::default()
        };
        WatchTargetsResponse { r#type: kind.into(), target: Some(target), resume_token: "b:1".to_owned() }
    }

    #[test]
    fn people_are_told_what_is_new_to_them() {
        use ChangeType::{Added, Bookmark, Changed, Removed, Reset};
        let mut printer = Printer::new(StreamOutput::Table);
        let bare = |kind: ChangeType| WatchTargetsResponse { r#type: kind.into(), ..Default::default() };
        let first = [
            bare(Reset),
            told(Added, 1, "relay-0", State::Up),
            told(Added, 2, "", State::Pending),
            bare(Bookmark),
            told(Changed, 1, "relay-0", State::Down),
            told(Changed, 2, "relay-1", State::Up),
            told(Changed, 2, "relay-1", State::Up),
            told(Removed, 9, "", State::Unspecified),
            told(Removed, 2, "", State::Unspecified),
        ];
        // Back after a restart of the coordinator: only what is different.
        let second = [
            bare(Reset),
            told(Added, 3, "relay-0", State::Up),
            bare(Bookmark),
            told(Added, 1, "relay-0", State::Up),
        ];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 + 3_661);
        let lines: String = first.iter().chain(&second).map(|message| printer.lines(message, now)).collect();
        expect![[r#"
            UTC       CHANGE   ID            JOB           INSTANCE                RELAY                 STATE                 ERROR
            01:01:01  added    100000000000  pods          10.0.0.1:80             relay-0               up                    -
            01:01:01  added    200000000000  pods          10.0.0.2:80             -                     pending               -
            01:01:01  changed  100000000000  pods          10.0.0.1:80             relay-0               up > down             nobody\nlistens\u{1b}[31m
            01:01:01  changed  200000000000  pods          10.0.0.2:80             - > relay-1           pending > up          -
            01:01:01  removed  200000000000  pods          10.0.0.2:80             relay-1               up                    -
            01:01:01  added    300000000000  pods          10.0.0.3:80             relay-0               up                    -
            01:01:01  removed  100000000000  pods          10.0.0.1:80             relay-0               down                  -
            01:01:01  added    100000000000  pods          10.0.0.1:80             relay-0               up                    -
        "#]]
        .assert_eq(&lines);
    }
}
