//! What an installation needs, line by line: what is tested is a [`Line`] with a [`Verdict`], and a remedy where it is not
//! well. In: what was asked and answered. Out: lines, their rendering and what they mean for the exit code. Asks
//! nobody itself.

pub mod configuration;
pub mod discoveries;
pub mod fleet;
pub mod kubernetes;

use std::fmt::Write as _;

use serde::Serialize;

use crate::exit::{Failure, one_line, printable_json};

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could, or not yet.
    Warning,
    /// It does not work.
    Failure,
}

/// Why a failure is one, where that decides the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// What was tested is wrong.
    #[default]
    Wrong,
    /// Nobody answers, or not in time.
    Unreachable,
    /// Whoever answers does not allow the question.
    Denied,
}

/// One thing that was tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it belongs to: `configuration`, `kubernetes`, `coordinator`, `discoveries`, `relays`, `targets`.
    pub section: &'static str,
    /// A fixed word for what was tested.
    pub check: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// The same in words.
    pub message: String,
    /// What to do about it; empty where all is well.
    pub remedy: String,
    /// Why, for the exit code.
    #[serde(skip)]
    pub cause: Cause,
}

impl Line {
    /// All is well.
    #[must_use]
    pub fn ok(section: &'static str, check: &'static str, message: impl Into<String>) -> Self {
        let (message, remedy) = (message.into(), String::new());
        Self { section, check, verdict: Verdict::Ok, message, remedy, cause: Cause::Wrong }
    }

    /// It is not.
    #[must_use]
    pub fn not_ok(self, verdict: Verdict, remedy: impl Into<String>) -> Self {
        Self { verdict, remedy: remedy.into(), ..self }
    }

    /// A question that was not answered.
    #[must_use]
    pub fn unanswered(section: &'static str, check: &'static str, failure: &Failure) -> Self {
        let (cause, remedy) = match failure.number() {
            4 => (Cause::Unreachable, "start a coordinator, or say with --server where it is"),
            5 => (Cause::Denied, "ask as somebody who may"),
            _ => (Cause::Wrong, "see the coordinator's log"),
        };
        Self { cause, ..Self::ok(section, check, failure.to_string()).not_ok(Verdict::Failure, remedy) }
    }
}

/// All lines, and how many there are of each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order in which things depend on each other.
    pub checks: Vec<Line>,
    /// Lines that are well.
    pub ok: usize,
    /// Lines with a warning.
    pub warnings: usize,
    /// Lines that failed.
    pub failures: usize,
}

impl Report {
    /// Counts the lines.
    #[must_use]
    pub fn new(checks: Vec<Line>) -> Self {
        let count = |verdict| checks.iter().filter(|line| line.verdict == verdict).count();
        let (ok, warnings) = (count(Verdict::Ok), count(Verdict::Warning));
        Self { ok, warnings, failures: count(Verdict::Failure), checks }
    }

    /// For people: a paragraph a section, the remedy under its line, the counts below.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        let mut section = "";
        for line in &self.checks {
            if line.section != section {
                section = line.section;
                writeln!(out, "{section}").expect("a String takes any text");
            }
            let word = match line.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Failure => "failure",
            };
            writeln!(out, "  {word:<8} {}", one_line(&line.message)).expect("a String takes any text");
            if !line.remedy.is_empty() {
                writeln!(out, "           -> {}", one_line(&line.remedy)).expect("a String takes any text");
            }
        }
        out + &self.summary()
    }

    /// For programs.
    ///
    /// # Errors
    /// Never, unless serialisation is broken.
    pub fn json(&self) -> Result<String, Failure> {
        let json = serde_json::to_string_pretty(self).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(printable_json(&json))
    }

    /// How the command ends: 0 all is well, 3 warnings alone; failures are 4 where all of them are that nobody
    /// answers, 5 where all are that it is not allowed, else 1.
    ///
    /// # Errors
    /// Where it ends with another code than 0.
    pub fn ended(&self) -> Result<(), Failure> {
        let mut causes =
            self.checks.iter().filter(|line| line.verdict == Verdict::Failure).map(|it| it.cause);
        let Some(first) = causes.next() else {
            return if self.warnings == 0 { Ok(()) } else { Err(Failure::findings(self.summary())) };
        };
        let cause = if causes.all(|cause| cause == first) { first } else { Cause::Wrong };
        let summary = self.summary();
        Err(match cause {
            Cause::Wrong => Failure::failed(summary),
            Cause::Unreachable => Failure::unreachable(summary),
            Cause::Denied => Failure::denied(summary),
        })
    }

    fn summary(&self) -> String {
        let counted =
            |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let (warnings, failures) = (counted(self.warnings, "warning"), counted(self.failures, "failure"));
        format!("{} ok, {warnings}, {failures}", self.ok)
    }
}
