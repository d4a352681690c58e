//! Logs: one line per event on stderr, as logfmt or JSON.
//!
//! In: `tracing` events. Out: lines without a control character, so that a target's error text cannot forge a
//! line or drive a terminal. Lines that bear a `target` field are limited per (place in the code, target): the
//! first goes out, then at most one in 30 s, with `suppressed` saying how many did not. Writes no files and
//! rotates nothing.

mod line;
mod repeats;

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::time::Instant;

use opentelemetry_sdk::trace::SdkTracer;
use parking_lot::Mutex;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use line::Line;
use repeats::{Repeats, Verdict};

/// Libraries whose own logs are chatter below warnings.
const QUIET: [&str; 9] =
    ["h2", "hyper", "hyper_util", "opentelemetry", "opentelemetry_sdk", "rustls", "sled", "tonic", "tower"];

/// From which severity on lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Level {
    /// Everything.
    Debug,
    /// Life-cycle events.
    #[default]
    Info,
    /// What went wrong and was dealt with.
    Warn,
    /// What somebody has to act on.
    Error,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// `key=value` pairs.
    #[default]
    Logfmt,
    /// One JSON object.
    Json,
}

/// A word that is no level or no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is none of {known}")]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

/// Logs go to somewhere already: a process has one logger.
#[derive(Debug, thiserror::Error)]
#[error("installing the logger")]
pub struct InstallError(#[from] TryInitError);

impl FromStr for Level {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "warn" => Ok(Self::Warn),
            "error" => Ok(Self::Error),
            _ => Err(UnknownWord { word: word.to_owned(), known: "debug, info, warn, error" }),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

impl FromStr for Format {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "logfmt" => Ok(Self::Logfmt),
            "json" => Ok(Self::Json),
            _ => Err(UnknownWord { word: word.to_owned(), known: "logfmt, json" }),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
        })
    }
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}

/// Sends the process's logs to stderr, and its spans to `tracer` where there is one. Once per process, in `main`.
///
/// # Errors
/// When a logger is installed already.
pub fn install(level: Level, format: Format, tracer: Option<SdkTracer>) -> Result<(), InstallError> {
    let lines = LogLayer::new(format, std::io::stderr()).with_filter(filter(level));
    let spans = tracer.map(|tracer| {
        let ours = Targets::new()
            .with_default(LevelFilter::DEBUG)
            .with_targets(QUIET.map(|it| (it, LevelFilter::OFF)));
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
    });
    Ok(Registry::default().with(lines).with(spans).try_init()?)
}

/// What is written. Lines do not show spans: where no tracer wants one, it is not even made.
fn filter<S>(level: Level) -> impl Filter<S> {
    let quiet = LevelFilter::from(level).min(LevelFilter::WARN);
    let wanted = Targets::new().with_default(level).with_targets(QUIET.map(|library| (library, quiet)));
    FilterExt::<S>::and(wanted, filter_fn(|place| place.is_event()))
}

struct LogLayer<W> {
    format: Format,
    repeats: Mutex<Repeats>,
    writer: Mutex<W>,
}

impl<W: Write> LogLayer<W> {
    fn new(format: Format, writer: W) -> Self {
        Self { format, repeats: Mutex::default(), writer: Mutex::new(writer) }
    }
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for LogLayer<W> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = Line::of(event);
        if let Some(target) = line.target() {
            let place = (event.metadata().callsite(), target);
            match self.repeats.lock().judge(&place, Instant::now()) {
                Verdict::Suppress => return,
                Verdict::Write { suppressed } => line.suppressed(suppressed),
            }
        }
        // A logger that cannot write has nowhere to say so.
        let _lost = self.writer.lock().write_all(line.render(self.format).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What `events` writes, without the timestamps.
    fn logged(level: Level, format: Format, events: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let layer = LogLayer::new(format, lines.clone()).with_filter(filter(level));
        tracing::subscriber::with_default(Registry::default().with(layer), events);
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        text.lines().map(|line| line.split_once(['Z']).unwrap().1.to_owned()).collect()
    }

    #[test]
    fn a_line_is_logfmt_with_the_message_first() {
        let lines = logged(Level::Info, Format::Logfmt, || {
            tracing::warn!(port = 15_090, flag = true, name = "a b", "cannot = \"listen\"");
        });
        assert_eq!(
            lines,
            [
                r#" level=warn module=runtime::log::tests msg="cannot = \"listen\"" port=15090 flag=true name="a b""#
            ]
        );
    }

    #[test]
    fn control_characters_never_reach_a_line() {
        let hostile = "\u{1b}[31mred\r\nts=forged\u{9b}2J\u{202e}\u{2028}\0";
        for format in [Format::Logfmt, Format::Json] {
            let lines = logged(Level::Info, format, || tracing::error!(error = hostile, "scrape failed"));
            assert_eq!(lines.len(), 1);
            let line = &lines[0];
            assert!(line.contains(r"\u001b[31mred\r\nts=forged\u009b2J\u202e\u2028\u0000"), "{line}");
            assert!(!line.chars().any(char::is_control), "{line}");
        }
    }

    #[test]
    fn a_json_line_is_one_object_with_typed_fields() {
        let lines = logged(Level::Debug, Format::Json, || tracing::debug!(samples = 3, ok = true, "done"));
        let object: serde_json::Value = serde_json::from_str(&format!("{{\"ts\":\"{}", lines[0])).unwrap();
        assert_eq!((&object["level"], &object["msg"]), (&"debug".into(), &"done".into()));
        assert_eq!((&object["samples"], &object["ok"]), (&3.into(), &true.into()));
    }

    #[test]
    fn the_level_holds_and_libraries_are_quieter() {
        let lines = logged(Level::Debug, Format::Logfmt, || {
            tracing::debug!("ours");
            tracing::trace!("too fine");
            tracing::info!(target: "h2::codec", "chatter");
            tracing::warn!(target: "h2::codec", "trouble");
        });
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("module=h2::codec msg=trouble"));
    }

    #[test]
    fn repeated_lines_of_one_target_are_written_once() {
        let lines = logged(Level::Info, Format::Logfmt, || {
            for _ in 0..5 {
                for id in ["a", "b"] {
                    tracing::warn!(target = id, "scrape failed");
                }
                tracing::info!("no target, no limit");
            }
        });
        assert_eq!(lines.iter().filter(|line| line.contains("scrape failed")).count(), 2);
        assert_eq!(lines.len(), 7);
    }

    #[test]
    fn a_span_that_only_the_log_could_see_is_not_made() {
        let lines = logged(Level::Debug, Format::Logfmt, || {
            let span = tracing::info_span!("page", code = 200);
            assert!(span.is_disabled());
            span.in_scope(|| tracing::info!("within"));
        });
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn words_for_levels_and_formats_go_both_ways() {
        for word in ["debug", "info", "warn", "error"] {
            assert_eq!(word.parse::<Level>().unwrap().to_string(), word);
        }
        for word in ["logfmt", "json"] {
            assert_eq!(word.parse::<Format>().unwrap().to_string(), word);
        }
        assert_eq!(
            "loud".parse::<Level>().unwrap_err().to_string(),
            r#""loud" is none of debug, info, warn, error"#
        );
    }
}
