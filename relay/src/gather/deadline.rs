//! How long a page may take, how long each target of it, and when a target is due again: arithmetic on durations.
//!
//! In: the scraper's header, what the last page took, the settings. Out: durations and verdicts. No clock is read here.

use std::time::Duration;

use tokio::time::Instant;

/// The least that is kept for merging and sending.
const MARGIN_LEAST: Duration = Duration::from_millis(500);
/// A header that asks for more is taken as this: no scraper waits longer, and a typo must not hold connections.
const HEADER_MOST: Duration = Duration::from_mins(10);
/// A running fan-out this old is not joined: its results would be older than a scraper expects.
const JOIN_WITHIN: Duration = Duration::from_secs(1);
/// How much earlier than its distance a target may be scraped again: scrapers' own timing wavers.
const SLACK: f64 = 0.10;

/// The scraper's own time-out from `X-Prometheus-Scrape-Timeout-Seconds` (Prometheus 3.x sends a decimal number of
/// seconds). `None` where it is absent or is not a positive number: the default budget applies.
#[must_use]
pub fn scrape_timeout_header(value: Option<&str>) -> Option<Duration> {
    let seconds: f64 = value?.trim().parse().ok()?;
    if !seconds.is_finite() || seconds <= 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(HEADER_MOST).min(HEADER_MOST))
}

/// How long the targets of a page have, of the `header` the scraper sent, when merging and sending the last page
/// took `last_page`: twice that, at least 0.5 s and at most half the header, is kept back. `default` without a header.
#[must_use]
pub fn page_budget(header: Option<Duration>, last_page: Duration, default: Duration) -> Duration {
    let Some(header) = header else { return default };
    header - (last_page * 2).max(MARGIN_LEAST).min(header / 2)
}

/// Whether a page whose own deadline is `own` may show what a fan-out that began at `started` and ends by `deadline`
/// brings home.
#[must_use]
pub fn may_join(started: Instant, deadline: Instant, now: Instant, own: Instant) -> bool {
    now.saturating_duration_since(started) < JOIN_WITHIN && deadline <= own
}

/// Whether a target last scraped `since` ago is due, when its job asks for `min_interval` between scrapes.
#[must_use]
pub fn is_due(since: Option<Duration>, min_interval: Option<Duration>) -> bool {
    match (since, min_interval) {
        (Some(since), Some(least)) => since >= least.mul_f64(1.0 - SLACK),
        _ => true,
    }
}

/// Whether a scrape that ended for want of time after it `had` so much is worth another one that has `time`, due or not.
#[must_use]
pub fn has_more_time(had: Option<Duration>, time: Duration) -> bool {
    had.is_some_and(|had| had < time.mul_f64(1.0 - SLACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn the_header_is_a_positive_number_of_seconds() {
        let cases = [
            (Some("10"), Some(ms(10_000))),
            (Some(" 2.5 "), Some(ms(2_500))),
            (Some("1e9"), Some(HEADER_MOST)),
            (Some("1e300"), Some(HEADER_MOST)),
            (Some("0"), None),
            (Some("-1"), None),
            (Some("NaN"), None),
            (Some("inf"), None),
            (Some("10s"), None),
            (Some(""), None),
            (None, None),
        ];
        for (value, expected) in cases {
            assert_eq!(scrape_timeout_header(value), expected, "{value:?}");
        }
    }

    #[test]
    fn the_margin_is_twice_the_last_page_within_its_bounds() {
        let cases = [
            (Some(10_000), 0, 9_500),
            (Some(10_000), 100, 9_500),
            (Some(10_000), 1_000, 8_000),
            (Some(10_000), 9_000, 5_000),
            (Some(800), 0, 400),
            (Some(1_000), 10_000, 500),
            (None, 5_000, 9_000),
        ];
        for (header, last_page, expected) in cases {
            let budget = page_budget(header.map(ms), ms(last_page), ms(9_000));
            assert_eq!(budget, ms(expected), "header {header:?}, last page {last_page} ms");
        }
    }

    #[test]
    fn a_fan_out_is_joined_while_young_and_when_it_ends_in_time() {
        let start = Instant::now();
        let cases = [
            (0, 9_000, 9_000, true),
            (999, 9_000, 9_999, true),
            (1_000, 9_000, 10_000, false),
            (500, 9_000, 8_999, false),
            (500, 2_000, 9_000, true),
        ];
        for (age, deadline, own, joins) in cases {
            let verdict = may_join(start, start + ms(deadline), start + ms(age), start + ms(own));
            assert_eq!(verdict, joins, "age {age}, deadline {deadline}, own {own}");
        }
    }

    #[test]
    fn a_target_is_due_after_nine_tenths_of_its_distance() {
        let cases = [
            (None, Some(60_000), true),
            (Some(0), None, true),
            (Some(53_999), Some(60_000), false),
            (Some(54_000), Some(60_000), true),
        ];
        for (since, least, due) in cases {
            assert_eq!(is_due(since.map(ms), least.map(ms)), due, "{since:?} of {least:?}");
        }
    }

    #[test]
    fn a_scrape_that_was_cut_off_is_worth_another_with_more_time() {
        let cases = [(None, 9_500, false), (Some(5_500), 9_500, true), (Some(9_400), 9_500, false)];
        for (had, time, worth) in cases {
            assert_eq!(has_more_time(had.map(ms), ms(time)), worth, "had {had:?}, has {time}");
        }
    }
}
