//! `scrape_interval` and `scrape_timeout`.

use std::time::Duration;

use super::code::Code;
use super::context::Context;
use super::fields::Section;
use super::global::Inherited;
use super::lint;

/// The interval and timeout of a section.
pub(super) struct Times {
    pub(super) interval: Duration,
    /// Whether the section itself sets the interval; 0 and null do not.
    pub(super) interval_is_set: bool,
    pub(super) timeout: Duration,
}

impl Times {
    /// Reads both; a timeout that is not set is the inherited one or the interval, whichever is shorter.
    pub(super) fn read(
        section: &mut Section<'_>,
        inherited: &Inherited,
        whose: &str,
        cx: &mut Context<'_>,
    ) -> Self {
        let errors_before = cx.report.errors();
        let set =
            section.duration("scrape_interval", &mut cx.report).map(|d| d.value).filter(|d| !d.is_zero());
        let interval_is_wrong = cx.report.errors() > errors_before;
        let (interval, interval_is_set) = (set.unwrap_or(inherited.interval), set.is_some());
        let timeout = section.duration("scrape_timeout", &mut cx.report).filter(|d| !d.value.is_zero());
        let timeout = match timeout {
            Some(timeout) if timeout.value > interval && !interval_is_wrong => {
                let (long, short) =
                    (model::duration::format(timeout.value), model::duration::format(interval));
                let message =
                    format!("scrape_timeout ({long}) is longer than scrape_interval ({short}) of {whose}");
                let help = format!("at most {short}");
                cx.report.add_help(Code::TimeoutOverInterval, timeout.span, message, help);
                interval
            }
            Some(timeout) => {
                lint::long_timeout(&timeout, cx);
                timeout.value
            }
            None => inherited.timeout.min(interval),
        };
        Self { interval, interval_is_set, timeout }
    }
}
